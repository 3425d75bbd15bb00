/**
 * What PostgreSQL's catalogue would answer to a question of a DO block, from the schema replayed so far: names of
 * constraints, columns, indexes and tables by joins and conditions. A question that asks for more has no answer here, one
 * about what lines nobody could read may have touched has an uncertain one.
 * Longer than most files here: the few forms of query that are answered stand in one class.
 */
import type { Node, SelectStmt } from 'libpg-query';
import { displayOfKey } from '../model/definition.ts';
import type { QualifiedName } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import { isInDoubt, type Schema } from '../model/schema.ts';
import { isSystemRow, oidOf, type Row, relations, systemRows, type Value } from './catalogue-relations.ts';
import { parseStatements } from './pg-parser.ts';
import { as, relationOf, stringsOf, walk } from './tree.ts';

export type { Row, Value } from './catalogue-relations.ts';

export interface Catalogue {
  schema: Schema;
  searchPath: readonly string[];
  /** What operations leave; where nobody can tell, the catalogue is not asked after them. */
  after?(operations: readonly Operation[]): Catalogue;
}

/** In the place of a value that only a database has: no condition may ask for it. */
export const notKnown: readonly Value[] = Object.freeze([]);

/** Rows of a table that are known, in the place of a relation of the catalogue. */
export interface KnownTable {
  columns: readonly string[];
  rows: readonly Row[];
}
/** One row of each relation, by alias. */
type Bound = ReadonlyMap<string, Row>;

/** What is asked cannot be told. */
class Unanswerable extends Error {}

export interface CatalogueAnswer {
  /** By column name. */
  rows: ReadonlyMap<string, Value>[];
  /** False: lines that nobody could read may have touched what is asked about. */
  isCertain: boolean;
}

/** What a query of such tables gives; null where there is no answer. */
export function askRows(
  query: string,
  catalogue: Catalogue,
  tableNamed: (name: QualifiedName) => KnownTable | null,
): ReadonlyMap<string, Value>[] | null {
  const piece = parseStatements(query)[0];
  const select = piece && 'statement' in piece ? as(piece.statement.node, 'SelectStmt') : undefined;
  if (select === undefined) return null;
  try {
    return new Query(catalogue, new Map(), tableNamed).rows(select, new Map());
  } catch (error) {
    if (error instanceof Unanswerable) return null;
    throw error;
  }
}

/** Null where there is no answer. */
export function askCatalogue(
  query: string,
  catalogue: Catalogue,
  known: ReadonlyMap<string, string | null>,
): CatalogueAnswer | null {
  const piece = parseStatements(query)[0];
  const select = piece && 'statement' in piece ? as(piece.statement.node, 'SelectStmt') : undefined;
  if (select === undefined) return null;
  try {
    const rows = new Query(catalogue, known).rows(select, new Map());
    return { rows, isCertain: isCertain(select, catalogue.schema) && !asksOfDefaults(select) };
  } catch (error) {
    if (error instanceof Unanswerable) return null;
    throw error;
  }
}

/** No object that the question names (or, where it names none, none at all) is in doubt. */
function isCertain(select: SelectStmt, { tables, suspected }: Schema): boolean {
  const isAny = suspected !== undefined && 'allBut' in suspected;
  const doubtful = new Set(isAny ? [] : suspected);
  for (const [key, table] of tables)
    if (table.certainty === 'suspected' || isInDoubt(suspected, key)) doubtful.add(key);
  if (!isAny && doubtful.size === 0) return true;
  const texts = new Set<string>();
  walk(select, (kind, body) => {
    if (kind === 'sval' && typeof body.sval === 'string') texts.add(body.sval.split('.').at(-1) as string);
  });
  const named = [...tables].filter(([, table]) => texts.has(table.name));
  return named.length > 0 && named.every(([key]) => !doubtful.has(key));
}

/** The text of a default is PostgreSQL's own: whether there is one is certain, what holds of its text is not. */
function asksOfDefaults({ whereClause }: SelectStmt): boolean {
  let isAsked = false;
  walk(whereClause, (kind, body) => {
    isAsked ||= kind === 'sval' && body.sval === 'column_default';
  });
  return isAsked;
}

/** `max(column)`, `min(column)` */
function extremeOf(node: Node | undefined): { name: 'max' | 'min'; of: Node } | null {
  const call = as(node, 'FuncCall');
  const name = stringsOf(call?.funcname).at(-1);
  const [of] = call?.args ?? [];
  if ((name !== 'max' && name !== 'min') || of === undefined || call?.agg_filter || call?.over) return null;
  return as(of, 'ColumnRef') ? { name, of } : null;
}

const isCount = (node: Node | undefined): boolean => {
  const call = as(node, 'FuncCall');
  return call?.agg_star === true && stringsOf(call.funcname).at(-1) === 'count' && !call.agg_filter && !call.over;
};

const functions = new Set(['current_schema', 'lower', 'upper']);

interface Source {
  alias: string;
  rows: readonly Row[];
  /** All of them, where `*` may stand for them. */
  columns?: readonly string[];
}

/** A source of a join with what is asked as soon as its row is bound. */
interface Level {
  source: Source;
  conditions: readonly Node[];
  candidates: (bound: Bound) => readonly Row[];
}

class Query {
  private readonly catalogue: Catalogue;
  private readonly known: ReadonlyMap<string, string | null>;
  private readonly tableNamed: ((name: QualifiedName) => KnownTable | null) | null;
  /** An inner query asks again for each row of the outer one. */
  private readonly rowsByRelation = new Map<string, readonly Row[]>();

  constructor(
    catalogue: Catalogue,
    known: ReadonlyMap<string, string | null>,
    tableNamed: ((name: QualifiedName) => KnownTable | null) | null = null,
  ) {
    this.catalogue = catalogue;
    this.known = known;
    this.tableNamed = tableNamed;
  }

  rows(select: SelectStmt, outer: Bound): Map<string, Value>[] {
    const { op, withClause, groupClause, havingClause, limitCount, limitOffset, valuesLists } = select;
    if (
      (op ?? 'SETOP_NONE') !== 'SETOP_NONE' ||
      withClause ||
      groupClause?.length ||
      havingClause ||
      valuesLists?.length
    )
      throw new Unanswerable();
    const counts = (select.targetList ?? []).map((target) => isCount(as(target, 'ResTarget')?.val));
    if (counts.length === 1 && counts[0]) {
      const inner = this.rows({ ...select, targetList: [], sortClause: [] }, outer);
      return [new Map([['count', inner.length]])];
    }
    const isOfTables = this.tableNamed !== null && counts.length === 1;
    const extreme = isOfTables ? extremeOf(as(select.targetList?.[0], 'ResTarget')?.val) : null;
    if (extreme !== null) {
      const target = { ResTarget: { val: extreme.of } };
      const inner = this.rows({ ...select, targetList: [target], sortClause: [] }, outer);
      const values = inner.map((row) => [...row.values()][0] ?? null).filter((value) => value !== null);
      if (values.some((value) => typeof value !== 'number')) throw new Unanswerable();
      const found = values.length === 0 ? null : Math[extreme.name](...(values as number[]));
      return [new Map([[extreme.name, found]])];
    }
    // An aggregate gives a row even where nothing is found.
    walk(select.targetList, (kind, { funcname }) => {
      if (kind === 'FuncCall' && !functions.has(stringsOf(funcname as Node[]).at(-1) ?? '')) throw new Unanswerable();
    });
    const sources: Source[] = [];
    const conditions: Node[] = [];
    for (const from of select.fromClause ?? []) this.addSource(from, sources, conditions);
    if (select.whereClause) addConjuncts(select.whereClause, conditions);
    const found: Map<string, Value>[] = [];
    this.join(sources, new Map(outer), conditions, (bound) => found.push(this.targets(select, bound, sources)));
    const rows = select.distinctClause?.length ? distinct(found) : found;
    if (limitOffset || (limitCount && rows.length > 1)) throw new Unanswerable();
    return rows;
  }

  private addSource(from: Node, sources: Source[], conditions: Node[]): void {
    const range = as(from, 'RangeVar');
    const join = as(from, 'JoinExpr');
    if (join?.larg && join.rarg && (join.jointype ?? 'JOIN_INNER') === 'JOIN_INNER' && !join.isNatural) {
      const before = sources.length;
      this.addSource(join.larg, sources, conditions);
      const between = sources.length;
      this.addSource(join.rarg, sources, conditions);
      if (join.quals) addConjuncts(join.quals, conditions);
      for (const name of stringsOf(join.usingClause)) {
        const left = sources.slice(before, between).find(({ rows }) => rows[0] && name in rows[0]) ?? sources[before];
        conditions.push(equality(left as Source, sources[between] as Source, name));
      }
      return;
    }
    const { schema, name } = relationOf(range);
    if (range && this.tableNamed !== null) {
      const table = this.tableNamed({ schema, name });
      if (table === null) throw new Unanswerable();
      sources.push({ alias: range.alias?.aliasname ?? name, ...table });
      return;
    }
    const relation = schema === 'information_schema' ? `${schema}.${name}` : name;
    const rows = Object.hasOwn(relations, relation) ? relations[relation] : undefined;
    if (!range || !rows || (schema !== null && schema !== 'pg_catalog' && schema !== 'information_schema'))
      throw new Unanswerable();
    sources.push({
      alias: range.alias?.aliasname ?? name,
      rows: this.rowsOf(relation, rows),
    });
  }

  private rowsOf(relation: string, read: (schema: Schema) => Iterable<Row>): readonly Row[] {
    let rows = this.rowsByRelation.get(relation);
    if (rows === undefined) {
      rows = [...read(this.catalogue.schema), ...(systemRows[relation] ?? [])];
      this.rowsByRelation.set(relation, rows);
    }
    return rows;
  }

  /** Row by row, each condition as soon as all that it names is bound. */
  private join(
    sources: readonly Source[],
    outer: Map<string, Row>,
    conditions: readonly Node[],
    see: (bound: Bound) => void,
  ): void {
    let open = conditions;
    const levels = sources.map((source, at): Level => {
      const later = new Set(sources.slice(at + 1).map(({ alias }) => alias));
      const now = open.filter((each) => later.size === 0 || !namesAny(each, later));
      open = open.filter((each) => !now.includes(each));
      return { source, conditions: now, candidates: this.candidates(source, now) };
    });
    const bound = new Map(outer);
    const bind = (at: number): void => {
      const level = levels[at];
      if (level === undefined) {
        if (sources.some(({ alias }) => isSystemRow(bound.get(alias) as Row))) throw new Unanswerable();
        see(bound);
        return;
      }
      const { alias } = level.source;
      for (const row of level.candidates(bound)) {
        bound.set(alias, row);
        if (level.conditions.every((each) => this.value(each, bound) === true)) bind(at + 1);
      }
      bound.delete(alias);
    };
    bind(0);
  }

  /** Rows that a condition `own.column = …` leaves, by an index of that column; without one, all. */
  private candidates({ alias, rows }: Source, conditions: readonly Node[]): (bound: Bound) => readonly Row[] {
    if (rows.length === 0) return () => rows;
    for (const condition of conditions) {
      const { kind, name, lexpr, rexpr } = as(condition, 'A_Expr') ?? {};
      if (kind !== 'AEXPR_OP' || stringsOf(name).at(-1) !== '=' || !lexpr || !rexpr) continue;
      for (const [own, other] of [
        [lexpr, rexpr],
        [rexpr, lexpr],
      ] as const) {
        const [table, column, more] = stringsOf(as(own, 'ColumnRef')?.fields);
        if (table !== alias || column === undefined || more !== undefined) continue;
        if (namesAny(other, new Set([alias])) || !rows.every((row) => column in row)) continue;
        const byValue = new Map<Comparable, Row[]>();
        for (const row of rows) {
          const value = comparable(row[column] as Value);
          const same = byValue.get(value);
          if (same) same.push(row);
          else byValue.set(value, [row]);
        }
        return (bound) => byValue.get(comparable(this.value(other, bound))) ?? [];
      }
    }
    return () => rows;
  }

  private targets(select: SelectStmt, bound: Bound, sources: readonly Source[]): Map<string, Value> {
    const row = new Map<string, Value>();
    for (const target of select.targetList ?? []) {
      const { name, val } = as(target, 'ResTarget') ?? {};
      const fields = as(val, 'ColumnRef')?.fields;
      const column = stringsOf(fields).at(-1);
      if (fields?.some((field) => as(field, 'A_Star'))) {
        for (const { alias, columns } of sources.filter((each) => column === undefined || each.alias === column)) {
          if (columns === undefined) throw new Unanswerable();
          for (const each of columns) row.set(each, bound.get(alias)?.[each] ?? null);
        }
        continue;
      }
      if (column !== undefined && this.isLeftOpen(stringsOf(fields), bound)) {
        row.set(name ?? column, notKnown);
        continue;
      }
      row.set(name ?? column ?? `${row.size}`, val === undefined ? null : this.value(val, bound));
    }
    return row;
  }

  private value(node: Node, bound: Bound): Value {
    const constant = as(node, 'A_Const');
    if (constant) {
      if (constant.isnull) return null;
      if (constant.sval) return constant.sval.sval ?? '';
      if (constant.ival) return constant.ival.ival ?? 0;
      if (constant.boolval) return constant.boolval.boolval ?? false;
      throw new Unanswerable();
    }
    const reference = as(node, 'ColumnRef');
    if (reference) return this.column(stringsOf(reference.fields), bound);
    const cast = as(node, 'TypeCast');
    if (cast?.arg) return this.cast(this.value(cast.arg, bound), stringsOf(cast.typeName?.names).at(-1) ?? '');
    const array = as(node, 'A_ArrayExpr');
    if (array) return (array.elements ?? []).map((each) => this.value(each, bound));
    const test = as(node, 'NullTest');
    if (test?.arg) return (this.value(test.arg, bound) === null) === (test.nulltesttype === 'IS_NULL');
    const logic = as(node, 'BoolExpr');
    if (logic) {
      const values = (logic.args ?? []).map((each) => this.value(each, bound));
      if (logic.boolop === 'NOT_EXPR') return values[0] === null ? null : values[0] !== true;
      const decisive = logic.boolop === 'OR_EXPR';
      if (values.includes(decisive)) return decisive;
      return values.includes(null) ? null : !decisive;
    }
    const link = as(node, 'SubLink');
    const inner = as(link?.subselect, 'SelectStmt');
    if (link && inner) {
      const rows = this.rows(inner, bound);
      if (link.subLinkType === 'EXISTS_SUBLINK') return rows.length > 0;
      const values = rows.map((row) => [...row.values()][0] ?? null);
      if (link.subLinkType === 'EXPR_SUBLINK' && values.length < 2) return values[0] ?? null;
      if (link.subLinkType === 'ANY_SUBLINK' && link.testexpr && !link.operName?.length)
        return isAmong(this.value(link.testexpr, bound), values);
      throw new Unanswerable();
    }
    const call = as(node, 'FuncCall');
    if (call) {
      const args = (call.args ?? []).map((each) => this.value(each, bound));
      const name = stringsOf(call.funcname).at(-1);
      if (name === 'current_schema') return this.catalogue.searchPath[0] ?? 'public';
      if ((name === 'lower' || name === 'upper') && typeof args[0] === 'string')
        return name === 'lower' ? args[0].toLowerCase() : args[0].toUpperCase();
      throw new Unanswerable();
    }
    if (as(node, 'SQLValueFunction')?.op === 'SVFOP_CURRENT_SCHEMA') return this.catalogue.searchPath[0] ?? 'public';
    return this.operation(node, bound);
  }

  private operation(node: Node, bound: Bound): Value {
    const { kind, name, lexpr, rexpr } = as(node, 'A_Expr') ?? {};
    if (!lexpr || !rexpr) throw new Unanswerable();
    const operator = stringsOf(name).at(-1);
    const list = as(rexpr, 'List')?.items;
    const left = this.value(lexpr, bound);
    if (kind === 'AEXPR_IN' && list) {
      const isIn = isAmong(
        left,
        list.map((each) => this.value(each, bound)),
      );
      return operator === '<>' ? (isIn === null ? null : !isIn) : isIn;
    }
    const right = this.value(rexpr, bound);
    if (kind === 'AEXPR_OP_ANY' && operator === '=' && Array.isArray(right)) return isAmong(left, right);
    if (left === null || right === null) return null;
    if (kind === 'AEXPR_OP' && operator === '=') return isEqual(left, right);
    if (kind === 'AEXPR_OP' && operator === '<>') return !isEqual(left, right);
    if (kind === 'AEXPR_OP' && operator === '>' && typeof left === 'number' && typeof right === 'number')
      return left > right;
    if ((kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') && typeof left === 'string' && typeof right === 'string')
      return isLike(left, right, kind === 'AEXPR_ILIKE') !== (operator?.startsWith('!') ?? false);
    throw new Unanswerable();
  }

  /** A column of a known row whose value is not. */
  private isLeftOpen([first, second]: readonly string[], bound: Bound): boolean {
    if (first === undefined) return false;
    if (second !== undefined) return bound.get(first)?.[second] === notKnown;
    return [...bound.values()].some((row) => row[first] === notKnown);
  }

  private column(fields: readonly string[], bound: Bound): Value {
    const [first, second] = fields;
    if (first === undefined || fields.length > 2 || this.isLeftOpen(fields, bound)) throw new Unanswerable();
    if (second !== undefined) {
      const value = bound.get(first)?.[second];
      if (value !== undefined) return value;
      return this.variable(`${first}.${second}`);
    }
    const holders = [...bound.values()].filter((row) => Object.hasOwn(row, first));
    // What a block's variable and a column are both called, PostgreSQL refuses.
    if (holders.length > 0) return (holders.at(-1) as Row)[first] as Value;
    return this.variable(first);
  }

  private variable(name: string): Value {
    const value = this.known.get(name);
    if (value === undefined) throw new Unanswerable();
    return value;
  }

  private cast(value: Value, type: string): Value {
    if (type === 'regclass' && typeof value === 'string' && !value.startsWith('relation ')) {
      const parts = [...value.matchAll(/"((?:[^"]|"")*)"|[^."]+/g)].map(([bare, quoted]) =>
        quoted === undefined ? bare.toLowerCase() : quoted.replaceAll('""', '"'),
      );
      const { tables, views } = this.catalogue.schema;
      const candidates =
        parts.length > 1 ? [parts.join('.')] : this.catalogue.searchPath.map((each) => `${each}.${parts[0]}`);
      const key = candidates.find((each) => tables.has(each) || views.has(each));
      if (key === undefined) throw new Unanswerable();
      return oidOf(key);
    }
    // As text a relation is its name.
    if ((type === 'text' || type === 'varchar') && typeof value === 'string' && value.startsWith('relation '))
      return displayOfKey(value.slice('relation '.length));
    if (['text', 'varchar', 'name', 'regclass', 'oid', 'char', 'bpchar'].includes(type)) return value;
    throw new Unanswerable();
  }
}

/** `a.name = b.name`, of USING. */
function equality(a: Source, b: Source, name: string): Node {
  const of = ({ alias }: Source): Node => ({
    ColumnRef: { fields: [{ String: { sval: alias } }, { String: { sval: name } }] },
  });
  return { A_Expr: { kind: 'AEXPR_OP', name: [{ String: { sval: '=' } }], lexpr: of(a), rexpr: of(b) } };
}

function addConjuncts(node: Node, into: Node[]): void {
  const logic = as(node, 'BoolExpr');
  if (logic?.boolop === 'AND_EXPR') for (const each of logic.args ?? []) addConjuncts(each, into);
  else into.push(node);
}

/** The tree may name a column of one of them: by its alias, or a bare one. */
function namesAny(tree: Node, aliases: ReadonlySet<string>): boolean {
  let isNamed = false;
  walk(tree, (kind, body) => {
    if (kind !== 'ColumnRef') return;
    const fields = stringsOf(body.fields as Node[]);
    if (fields.length < 2 || aliases.has(fields[0] as string)) isNamed = true;
  });
  return isNamed;
}

type Comparable = Exclude<Value, readonly Value[]>;

/** Of equal values, arrays too, the same. */
function comparable(value: Value): Comparable {
  return Array.isArray(value) ? `\0${JSON.stringify(value)}` : (value as Comparable);
}

function isEqual(a: Value, b: Value): boolean {
  return comparable(a) === comparable(b);
}

function isAmong(value: Value, among: readonly Value[]): boolean | null {
  if (value === null) return null;
  if (among.some((each) => each !== null && isEqual(value, each))) return true;
  return among.includes(null) ? null : false;
}

function isLike(text: string, pattern: string, ignoresCase: boolean): boolean {
  const source = pattern.replace(/\\(.)|[%_]|[\^$.*+?()[\]{}|]/gs, (whole, escaped: string | undefined) =>
    whole === '%' ? '[\\s\\S]*' : whole === '_' ? '[\\s\\S]' : `\\${escaped ?? whole}`,
  );
  return new RegExp(`^${source}$`, ignoresCase ? 'i' : '').test(text);
}

function distinct(rows: Map<string, Value>[]): Map<string, Value>[] {
  return [...new Map(rows.map((row) => [JSON.stringify([...row]), row])).values()];
}
