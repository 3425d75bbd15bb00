/**
 * `@compiles(ForeignKeyConstraint, 'postgresql')`: a project's own function writes each foreign key from then on, in all
 * revisions. Followed as far as it changes the name and leaves the rest to SQLAlchemy.
 */
import type { ConstraintDefinition, UnplacedOperation } from '../../../model/operation.ts';
import { callValue, isObject, type Machine, type Made, plain, textOf, type Value } from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { handle } from './handles.ts';
import { asMade } from './made.ts';

/** Null: as it is stated; a text: why it is not known what stands. Changes the names of the operation's foreign keys. */
export function applyCompiled(machine: Machine, operation: UnplacedOperation): string | null {
  const { compiled } = machine.imports.registered;
  if (compiled.size === 0) return null;
  const own = [...compiled].find(([path]) => canonicalPath(path) === 'sa.ForeignKeyConstraint')?.[1];
  if (own === undefined) return null;
  for (const constraint of foreignKeysOf(operation)) {
    const attributes = new Map<string, Value>([['name', constraint.name]]);
    const element: Made = { ...handle('sqlalchemy.ForeignKeyConstraint'), attributes };
    const given = { positional: [element, handle('@compiler')], named: new Map() };
    const written = asMade(callValue(machine, own, given, { from: 0, to: 0 }));
    const name = plain(element.attributes.get('name') ?? null);
    if (written?.path !== '.visit_foreign_key_constraint' || (isObject(name) && textOf(name) === null))
      return "a foreign key that the project's own code writes";
    if (textOf(name) === constraint.name) continue;
    constraint.name = textOf(name);
    constraint.nameIsFinal = true;
  }
  return null;
}

function foreignKeysOf(operation: UnplacedOperation): ConstraintDefinition[] {
  const constraints =
    operation.kind === 'createTable'
      ? operation.table.constraints
      : operation.kind === 'addConstraint'
        ? [operation.constraint]
        : operation.kind === 'addColumn'
          ? (operation.column.constraints ?? [])
          : [];
  return constraints.filter(({ type }) => type === 'f');
}
