/**
 * DDL constructs handed to an `execute`: `CreateTable(table)`, `DropIndex(index)`, `CreateSchema(name)`, an enum type's, and
 * what creates a whole `sa.Table` in the database.
 */
import { keyOf, type QualifiedName, quoteIdentifier } from '../../../model/name.ts';
import type { ConventionKey, NamingConvention } from '../../../model/project.ts';
import { isObject, type Machine, type Made, plain, reasonOf, textOf, type Value } from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { readConstraint } from './constraints.ts';
import { selectText } from './core-rows.ts';
import { type Effects, emit, opaque } from './effects.ts';
import { runSql } from './execute.ts';
import { readIndex } from './indexes.ts';
import { tell } from './listeners.ts';
import { asMade, tableNameOf } from './made.ts';
import { emitEnums, qualified } from './op.ts';
import { flagOf, isAbsent, nameOf } from './read-values.ts';
import { type ReadTable, readTable } from './tables.ts';
import { readType } from './types.ts';

/** CreateTable(t), DropTable, CreateIndex, CreateSequence, CreateSchema, AddConstraint … */
export function ddlConstruct(
  machine: Machine,
  effects: Effects,
  path: string,
  made: Made,
  condition: string | null,
): boolean {
  if (/^postgresql\.(?:Create|Drop)EnumType$/.test(path)) return enumConstruct(machine, effects, path, made, condition);
  if (/^sqlalchemy_utils\.(?:view\.)?(?:Create|Drop)View$/.test(path))
    return viewConstruct(machine, effects, path, made, condition);
  const name = /^sa\.(Create|Drop)(Table|Index|Sequence|Schema)$|^sa\.(Add|Drop)Constraint$/.exec(path);
  if (!name) return false;
  const [subject] = made.positional;
  const guard = flagOf(made.named.get('if_not_exists')) === true;
  const dropGuard = flagOf(made.named.get('if_exists')) === true;
  const verb = name[1] ?? name[3];
  const kind = name[2] ?? 'Constraint';
  const inner = asMade(subject);
  const own = inner ? tableNameOf(inner) : null;
  if (kind === 'Schema') {
    const schema = nameOf(subject)?.name;
    if (schema === undefined) opaque(machine, effects, 'a schema whose name is not known', []);
    else if (verb === 'Create')
      emit(
        machine,
        effects,
        { kind: 'createNamespace', name: schema, ...(guard ? { ifNotExists: true } : {}) },
        { condition },
      );
    else
      emit(
        machine,
        effects,
        { kind: 'dropNamespace', name: schema, ...(dropGuard ? { ifExists: true } : {}) },
        { condition },
      );
    return true;
  }
  if (kind === 'Sequence') {
    const sequence = inner
      ? qualified(inner.positional[0] ?? inner.named.get('name'), inner.named.get('schema'))
      : null;
    if (!sequence) opaque(machine, effects, 'a sequence whose name is not known', []);
    else if (verb === 'Create')
      emit(
        machine,
        effects,
        {
          kind: 'createSequence',
          name: sequence,
          ...sequenceOptions(inner as Made),
          ...(guard ? { ifNotExists: true } : {}),
        },
        { condition },
      );
    else
      emit(
        machine,
        effects,
        { kind: 'dropSequence', name: sequence, ...(dropGuard ? { ifExists: true } : {}) },
        { condition },
      );
    return true;
  }
  if (kind === 'Table' && own && inner) {
    if (verb === 'Drop')
      emit(
        machine,
        effects,
        { kind: 'dropTable', table: own, ...(dropGuard ? { ifExists: true } : {}) },
        { condition },
      );
    else createFromTable(machine, effects, inner, guard, condition, true);
    return true;
  }
  if (kind === 'Index' && inner) {
    const index = readIndex(machine, nameOf(inner.positional[0]), inner.positional.slice(1), inner.named);
    const table = tableOfIndex(inner);
    if (typeof index === 'string') opaque(machine, effects, index, table === null ? [] : [table]);
    else if (table === null) opaque(machine, effects, `an index ${index.name ?? ''} whose table is not known`, []);
    else if (verb === 'Create')
      emit(
        machine,
        effects,
        { kind: 'createIndex', table, index, ...(guard ? { ifNotExists: true } : {}) },
        { condition },
      );
    else {
      const name = { schema: table.schema, name: index.name ?? '' };
      emit(
        machine,
        effects,
        { kind: 'dropIndex', index: name, table, ...(dropGuard ? { ifExists: true } : {}) },
        { condition },
      );
    }
    return true;
  }
  if (inner) {
    const constraint = readConstraint(machine, inner);
    opaque(
      machine,
      effects,
      `a constraint ${typeof constraint === 'object' && constraint ? (constraint.name ?? '') : ''} whose table is not known`,
      [],
    );
    return true;
  }
  opaque(machine, effects, `${path} of something that could not be read`, []);
  return true;
}

export function sequenceOptions(made: Made): { start?: string; increment?: string; type?: string } {
  const options: { start?: string; increment?: string } = {};
  const start = made.named.get('start') ?? made.positional[1];
  const increment = made.named.get('increment') ?? made.positional[2];
  if (start !== undefined && plain(start) !== null) options.start = String(plain(start));
  if (increment !== undefined && plain(increment) !== null) options.increment = String(plain(increment));
  return options;
}

/** `sa.Table(…)` made in the database: `table.create(bind)`, `metadata.create_all(bind)`. */
export function createFromTable(
  machine: Machine,
  effects: Effects,
  made: Made,
  ifNotExists: boolean,
  condition: string | null,
  /** CREATE TABLE alone: what SQLAlchemy lets go along (types, indexes, comments) comes of `Table.create`. */
  isBare = false,
): void {
  const name = tableNameOf(made);
  if (!name) {
    opaque(machine, effects, 'a table whose name is not known', []);
    return;
  }
  const read = readMade(machine, made, name);
  takeTypesOver(effects, read);
  if (isBare) {
    read.table.indexes = [];
    delete read.table.comment;
    for (const column of read.table.columns) delete column.comment;
  } else {
    tell(machine, effects, made, 'before_create');
    emitEnums(machine, effects, read.enums, name, condition);
  }
  const namingConvention = conventionOf(made);
  emit(
    machine,
    effects,
    {
      kind: 'createTable',
      table: read.table,
      ...(ifNotExists ? { ifNotExists } : {}),
      ...(namingConvention === undefined ? {} : { namingConvention }),
    },
    { condition },
  );
  for (const problem of read.problems) opaque(machine, effects, problem, [name]);
  if (!isBare) tell(machine, effects, made, 'after_create');
}

function readMade(machine: Machine, made: Made, name: QualifiedName): ReadTable {
  const items = made.positional.slice(1).filter((item) => canonicalPath(asMade(item)?.path ?? '') !== 'sa.MetaData');
  return readTable(machine, name, items, made.named);
}

/** A column without a type has that of the one it references, which stands by then. */
function takeTypesOver(effects: Effects, { table, problems }: ReadTable): void {
  const { tables } = effects.sink.schema();
  for (const column of table.columns) {
    const problem = problems.findIndex((each) => each.startsWith(`${column.name}: its type is that of`));
    if (problem < 0) continue;
    const references = table.constraints.find(
      ({ type, columns }) => type === 'f' && columns.length === 1 && columns[0] === column.name,
    )?.references;
    const folders = references?.table.schema ? [references.table.schema] : [...effects.sink.searchPath(), 'public'];
    const target = folders.map((folder) => tables.get(keyOf(folder, references?.table.name ?? ''))).find(Boolean);
    const type = target?.columns.get(references?.columns[0] ?? '')?.type;
    if (type === undefined) continue;
    column.type = type;
    problems.splice(problem, 1);
  }
}

/** As `create_all` makes them: what a table references before it (sql/ddl.py, sort_tables). */
export function inOrderOfReferences(machine: Machine, tables: readonly Made[]): Made[] {
  const textOfName = ({ schema, name }: QualifiedName) => `${schema ?? ''}.${name}`;
  const open = tables.map((made) => {
    const name = tableNameOf(made);
    const constraints = name === null ? [] : readMade(machine, made, name).table.constraints;
    const targets = constraints.flatMap(({ references }) => (references ? [textOfName(references.table)] : []));
    return { made, name: name === null ? '' : textOfName(name), targets };
  });
  const ordered: Made[] = [];
  while (open.length > 0) {
    const isFree = ({ name, targets }: (typeof open)[number]) =>
      targets.every((target) => target === name || open.every((other) => other.name !== target));
    const next = open.findIndex(isFree);
    ordered.push(...open.splice(Math.max(next, 0), 1).map(({ made }) => made));
  }
  return ordered;
}

/** What the MetaData of a `sa.Table` names its keys by, as far as that is plain text; undefined: taken for the project's. */
function conventionOf(table: Made): NamingConvention | null | undefined {
  const metadata = asMade(table.positional[1] ?? table.named.get('metadata'));
  if (metadata === null || canonicalPath(metadata.path) !== 'sa.MetaData') return undefined;
  const given = metadata.named.get('naming_convention');
  if (isAbsent(given)) return null;
  const dict = plain(given as Value);
  if (!isObject(dict) || dict.kind !== 'dict' || dict.unknown) return undefined;
  const convention: NamingConvention = {};
  for (const [key, template] of dict.map.values()) {
    const kind = textOf(key);
    const text = textOf(template);
    if (kind === null || text === null || !/^(?:ix|uq|ck|fk|pk)$/.test(kind)) return undefined;
    convention[kind as ConventionKey] = text;
  }
  return convention;
}

/** The table of an `Index('ix', table.c.column)`. */
export function tableOfIndex(made: Made): QualifiedName | null {
  for (const key of made.positional.slice(1)) {
    let bare = plain(key);
    // `table.c.column.desc()`
    for (let call = asMade(bare); call?.receiver != null; call = asMade(bare)) bare = plain(call.receiver);
    const columns = isObject(bare) && bare.kind === 'member' ? plain(bare.object) : null;
    const table = isObject(columns) && columns.kind === 'member' ? asMade(columns.object) : null;
    if (table) return tableNameOf(table);
  }
  return null;
}

/** `CreateEnumType(enum)` and `DropEnumType(enum)`, which never ask first (dialects/postgresql/base.py). */
function enumConstruct(machine: Machine, effects: Effects, path: string, made: Made, condition: string | null): true {
  const use = readType(machine, made.positional[0]).enum;
  const name = use?.name == null ? null : { schema: use.schema, name: use.name };
  if (name === null)
    opaque(machine, effects, `an enum type that is not known: ${reasonOf(made.positional[0] ?? null)}`, []);
  else if (path.endsWith('DropEnumType')) emit(machine, effects, { kind: 'dropType', name }, { condition });
  else if (use?.labels == null)
    opaque(machine, effects, `the labels of the enum type ${name.name} are not known`, [name]);
  else emit(machine, effects, { kind: 'createEnum', name, labels: use.labels }, { condition });
  return true;
}

/** SQLAlchemy-Utils' views (view.py): dropped IF EXISTS; a query is read where it asks one table for columns. */
function viewConstruct(machine: Machine, effects: Effects, path: string, made: Made, condition: string | null): true {
  const view = nameOf(made.positional[0] ?? made.named.get('name'));
  const isDrop = path.endsWith('DropView');
  const materialized = flagOf(made.named.get('materialized') ?? made.positional[isDrop ? 1 : 2]);
  const name = view === null ? null : { schema: null, name: view.name };
  if (name === null || materialized === null) opaque(machine, effects, 'a view whose name is not known', []);
  else if (isDrop) emit(machine, effects, { kind: 'dropView', name, materialized, ifExists: true }, { condition });
  else {
    const query = selectText(machine, asMade(made.positional[1] ?? made.named.get('selectable')));
    if (query === null) opaque(machine, effects, `the query of the view ${name.name} is not read`, [name]);
    else
      runSql(
        machine,
        effects,
        `CREATE ${materialized ? 'MATERIALIZED ' : ''}VIEW ${quoteIdentifier(name.name)} AS ${query}`,
        condition,
      );
  }
  return true;
}
