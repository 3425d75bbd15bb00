/**
 * Tables whose columns hang on other tables: `CREATE TABLE … AS SELECT`, `SELECT … INTO`, `CREATE TABLE (LIKE …)`, from the
 * schema replayed so far. What a query makes of columns is followed as far as its types are plain; anything else has no answer.
 */
import type { Node, SelectStmt, TableLikeClause } from 'libpg-query';
import { keyOf, type QualifiedName } from '../model/name.ts';
import type { ColumnDefinition, TableDefinition } from '../model/operation.ts';
import { type Column, type Constraint, type Index, isInDoubt, type Table } from '../model/schema.ts';
import type { Catalogue } from './catalogue-query.ts';
import { parseStatements } from './pg-parser.ts';
import { as, relationOf, stringOf, stringsOf, typeOf } from './tree.ts';

/** Bits of `TableLikeClause.options` (nodes/parsenodes.h, TableLikeOption). */
const including = { constraints: 4, defaults: 8, generated: 16, identity: 32, indexes: 64 };

function find(catalogue: Catalogue, name: QualifiedName): Table | null {
  const { schema, searchPath } = catalogue;
  for (const namespace of name.schema === null ? [...searchPath, 'public'] : [name.schema]) {
    const key = keyOf(namespace, name.name);
    const table = schema.tables.get(key);
    if (table === undefined) continue;
    return isInDoubt(schema.suspected, key) || table.certainty === 'suspected' ? null : table;
  }
  return null;
}

/** What `(LIKE table INCLUDING …)` copies; null where the table is not known. */
export function copiedTable(
  clause: TableLikeClause,
  catalogue: Catalogue | undefined,
): Pick<TableDefinition, 'columns' | 'constraints' | 'indexes'> | null {
  const table = catalogue === undefined ? null : find(catalogue, relationOf(clause.relation));
  if (table === null) return null;
  const has = (part: keyof typeof including) => ((clause.options ?? 0) & including[part]) !== 0;
  const kept = [...table.constraints.values()].filter(({ type }) =>
    type === 'c' ? has('constraints') : type !== 'f' && has('indexes'),
  );
  return {
    columns: [...table.columns.values()].map((column) => ({
      ...bare(column),
      notNull: column.notNull,
      default: has('defaults') ? column.default : null,
      identity: has('identity') ? column.identity : null,
      generated: has('generated') ? column.generated : null,
    })),
    constraints: kept.map(copyOfConstraint),
    indexes: has('indexes') ? [...table.indexes.values()].map(copyOfIndex) : [],
  };
}

/** A copy takes a name of its own, but a check, which keeps it (parse_utilcmd.c, expandTableLikeClause). */
function copyOfConstraint(constraint: Constraint): TableDefinition['constraints'][number] {
  const { type, columns, deferrable, include, nullsNotDistinct, expression } = constraint;
  return {
    name: type === 'c' ? constraint.name : null,
    ...(type === 'c' ? { nameIsFinal: true } : {}),
    type,
    columns,
    deferrable,
    ...(include ? { include } : {}),
    ...(nullsNotDistinct ? { nullsNotDistinct } : {}),
    ...(expression === null ? {} : { expression }),
    ...(type === 'x' ? { definition: constraint.definition } : {}),
  };
}

function copyOfIndex(index: Index): TableDefinition['indexes'][number] {
  const { unique, method, include, where, nullsNotDistinct } = index;
  return {
    name: null,
    unique,
    method,
    keys: index.keys.map(({ operatorClass, ...key }) => ({
      ...key,
      ...(operatorClass === null ? {} : { operatorClass }),
    })),
    ...(include.length > 0 ? { include } : {}),
    ...(where === null ? {} : { where }),
    ...(nullsNotDistinct ? { nullsNotDistinct } : {}),
  };
}

const bare = ({ name, type, collation }: Pick<Column, 'name' | 'type' | 'collation'>): ColumnDefinition => ({
  name,
  type,
  notNull: false,
  default: null,
  identity: null,
  generated: null,
  collation,
});

/** Columns of what a query gives, under the names that INTO lists; null where a type is not plain to see. */
export function selectedColumns(
  query: Node | undefined,
  names: readonly string[],
  catalogue: Catalogue | undefined,
): ColumnDefinition[] | null {
  const select = as(query, 'SelectStmt');
  if (select === undefined || catalogue === undefined) return null;
  try {
    const columns = new Query(catalogue, new Map()).columnsOf(select);
    return columns.map((column, at) => bare({ ...column, name: names[at] ?? column.name }));
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
}

class NotPlain extends Error {}

const maxViews = 20;

type Given = Pick<Column, 'name' | 'type' | 'collation'>;
interface Source {
  alias: string;
  columns: readonly Given[];
}

class Query {
  private readonly catalogue: Catalogue;
  private readonly shared: ReadonlyMap<string, readonly Given[]>;
  /** How many views deep. */
  private readonly depth: number;

  constructor(catalogue: Catalogue, shared: ReadonlyMap<string, readonly Given[]>, depth = 0) {
    this.catalogue = catalogue;
    this.shared = shared;
    this.depth = depth;
  }

  columnsOf(select: SelectStmt): Given[] {
    const shared = new Map(this.shared);
    for (const node of select.withClause?.ctes ?? []) {
      const common = as(node, 'CommonTableExpr');
      const inner = as(common?.ctequery, 'SelectStmt');
      if (!common?.ctename || !inner || select.withClause?.recursive) throw new NotPlain();
      const renamed = stringsOf(common.aliascolnames);
      const columns = new Query(this.catalogue, shared, this.depth).columnsOf(inner);
      shared.set(
        common.ctename,
        columns.map((column, at) => ({ ...column, name: renamed[at] ?? column.name })),
      );
    }
    const inside = new Query(this.catalogue, shared, this.depth);
    if (select.op !== undefined && select.op !== 'SETOP_NONE') {
      const [left, right] = [select.larg, select.rarg].map((side) => (side ? inside.columnsOf(side) : []));
      if (left?.length !== right?.length || left?.some(({ type }, at) => type !== right?.[at]?.type))
        throw new NotPlain();
      return left ?? [];
    }
    if (select.valuesLists) throw new NotPlain();
    const sources = (select.fromClause ?? []).flatMap((from) => inside.sourcesOf(from));
    return (select.targetList ?? []).flatMap((node) => {
      const target = as(node, 'ResTarget');
      const given = inside.given(target?.val, sources);
      return target?.name === undefined ? given : given.map((column) => ({ ...column, name: target.name as string }));
    });
  }

  private sourcesOf(from: Node): Source[] {
    const range = as(from, 'RangeVar');
    if (range) {
      const name = relationOf(range);
      const alias = range.alias?.aliasname ?? name.name;
      const columns = (name.schema === null ? this.shared.get(name.name) : undefined) ?? this.tableColumns(name);
      return [{ alias, columns: renamed(columns, range.alias?.colnames) }];
    }
    const join = as(from, 'JoinExpr');
    if (join?.larg && join.rarg && !join.isNatural && !join.usingClause && !join.alias)
      return [...this.sourcesOf(join.larg), ...this.sourcesOf(join.rarg)];
    const inner = as(from, 'RangeSubselect');
    const select = as(inner?.subquery, 'SelectStmt');
    if (inner?.alias?.aliasname && select && !inner.lateral)
      return [{ alias: inner.alias.aliasname, columns: renamed(this.columnsOf(select), inner.alias.colnames) }];
    throw new NotPlain();
  }

  private tableColumns(name: QualifiedName): readonly Given[] {
    const table = find(this.catalogue, name);
    return table === null ? this.viewColumns(name) : [...table.columns.values()];
  }

  /** What the query of a view gives, by the tables as they stand: a `*` of it has been settled. */
  private viewColumns(name: QualifiedName): readonly Given[] {
    const { schema, searchPath } = this.catalogue;
    const keys = (name.schema === null ? [...searchPath, 'public'] : [name.schema]).map((each) =>
      keyOf(each, name.name),
    );
    const key = keys.find((each) => schema.views.has(each));
    const view = key === undefined ? undefined : schema.views.get(key);
    if (key === undefined || view === undefined || isInDoubt(schema.suspected, key)) throw new NotPlain();
    if (view.certainty === 'suspected' || view.textCertainty === 'suspected' || this.depth > maxViews)
      throw new NotPlain();
    const [piece] = parseStatements(view.definition);
    const select = piece && 'statement' in piece ? as(piece.statement.node, 'SelectStmt') : undefined;
    if (select === undefined) throw new NotPlain();
    const columns = new Query(this.catalogue, new Map(), this.depth + 1).columnsOf(select);
    return columns.map((column, at) => ({ ...column, name: view.columnNames?.[at] ?? column.name }));
  }

  private given(value: Node | undefined, sources: readonly Source[]): Given[] {
    const fields = as(value, 'ColumnRef')?.fields;
    if (fields) {
      const isStar = as(fields.at(-1), 'A_Star') !== undefined;
      const names = stringsOf(fields);
      const alias = isStar ? names[0] : names.length > 1 ? names.at(-2) : undefined;
      const asked = sources.filter((source) => alias === undefined || source.alias === alias);
      if (isStar) {
        if (asked.length === 0 || names.length > 1) throw new NotPlain();
        return asked.flatMap(({ columns }) => columns);
      }
      const found = asked.flatMap(({ columns }) => columns.filter(({ name }) => name === names.at(-1)));
      if (found.length !== 1) throw new NotPlain();
      return found;
    }
    const cast = as(value, 'TypeCast');
    if (cast) {
      const { type } = typeOf(cast.typeName);
      const name = as(cast.arg, 'ColumnRef') ? stringOf(as(cast.arg, 'ColumnRef')?.fields?.at(-1)) : null;
      if (type === null) throw new NotPlain();
      return [{ name: name ?? stringsOf(cast.typeName?.names).at(-1) ?? '', type, collation: null }];
    }
    const called = stringsOf(as(value, 'FuncCall')?.funcname).at(-1)?.toLowerCase();
    const type = called === undefined ? undefined : typeByFunction[called];
    if (called === undefined || type === undefined) throw new NotPlain();
    return [{ name: called, type, collation: null }];
  }
}

const typeByFunction: Record<string, string> = {
  count: 'bigint',
  row_number: 'bigint',
  now: 'timestamp with time zone',
  gen_random_uuid: 'uuid',
  uuid_generate_v4: 'uuid',
};

function renamed(columns: readonly Given[], names: readonly Node[] | undefined): readonly Given[] {
  const given = stringsOf(names);
  return given.length === 0 ? columns : columns.map((column, at) => ({ ...column, name: given[at] ?? column.name }));
}
