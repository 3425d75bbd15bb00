/**
 * `op.invoke(ops.CreateIndexOp(…))`: operations as objects (alembic/operations/ops.py), whose classes take what the functions of
 * `op` take but for a few names.
 */
import { type Arguments, callValue, isObject, type Machine, plain, toItems, type Value } from '../python/index.ts';
import { type Effects, opaque } from './effects.ts';
import { runStatement } from './execute.ts';
import { handle } from './handles.ts';
import { asMade } from './made.ts';
import { runOperation } from './op.ts';
import { implementationOf } from './plugins.ts';

const functionByClass = new Map(
  Object.entries({
    AddColumnOp: 'add_column',
    DropColumnOp: 'drop_column',
    CreateTableOp: 'create_table',
    DropTableOp: 'drop_table',
    RenameTableOp: 'rename_table',
    CreateTableCommentOp: 'create_table_comment',
    DropTableCommentOp: 'drop_table_comment',
    AlterColumnOp: 'alter_column',
    CreateIndexOp: 'create_index',
    DropIndexOp: 'drop_index',
    CreatePrimaryKeyOp: 'create_primary_key',
    CreateUniqueConstraintOp: 'create_unique_constraint',
    CreateForeignKeyOp: 'create_foreign_key',
    CreateCheckConstraintOp: 'create_check_constraint',
    DropConstraintOp: 'drop_constraint',
    BulkInsertOp: 'bulk_insert',
    ExecuteSQLOp: 'execute',
  }),
);

const keywordByAttribute = new Map(
  Object.entries({
    modify_nullable: 'nullable',
    modify_comment: 'comment',
    modify_server_default: 'server_default',
    modify_name: 'new_column_name',
    modify_type: 'type_',
  }),
);

export function invokeOperation(machine: Machine, effects: Effects, args: Arguments): Value {
  const operation = plain(args.positional[0] ?? null);
  if (isObject(operation) && operation.kind === 'instance') {
    const implementation = implementationOf(machine, operation);
    const given = { positional: [handle('@op'), operation], named: new Map() };
    if (implementation !== undefined) return callValue(machine, implementation, given, { from: 0, to: 0 });
  }
  const made = asMade(args.positional[0]);
  const name = made?.path.split('.').pop() ?? '';
  const target = functionByClass.get(name);
  if (made === null || target === undefined) {
    opaque(machine, effects, `op.invoke() of ${name === '' ? 'something that is not known' : name}`, []);
    return null;
  }
  const named = new Map([...made.named].map(([key, value]) => [keywordByAttribute.get(key) ?? key, value]));
  if (target === 'execute') return runStatement(machine, effects, { positional: made.positional, named }, false);
  let { positional } = made;
  if (target === 'create_table') {
    const [table = named.get('table_name') ?? null, listed = named.get('columns') ?? null] = positional;
    for (const key of ['table_name', 'columns']) named.delete(key);
    const columns = toItems(machine, listed);
    if (columns === null) {
      opaque(machine, effects, 'op.invoke() of a table whose columns are not known', []);
      return null;
    }
    positional = [table, ...columns];
  }
  runOperation(machine, effects, target, { positional, named }, null);
  return null;
}
