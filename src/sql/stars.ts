/**
 * What `*` stands for in the query of a view: the columns that were there when it was made (manual, CREATE VIEW: "evaluated at
 * view creation"), whatever comes to its tables later.
 */
import type { Node } from 'libpg-query';
import { type QualifiedName, quoteIdentifier } from '../model/name.ts';
import { isSqlParserLoaded, parseStatements } from './pg-parser.ts';
import { byteOffsets } from './positions.ts';
import { as, relationOf, stringsOf, walk } from './tree.ts';

/** What a `*` may stand for cannot be told. */
class NotPlain extends Error {}

interface Source {
  alias: string;
  /** Null: its columns stay as they are written. */
  columns: readonly string[] | null;
  /** Columns that both sides share come once, and first. */
  isMerged: boolean;
}

type ColumnsOf = (name: QualifiedName) => readonly string[] | null;

/**
 * The query with the columns that `columnsOf` gives of a table in the place of each `*` that stands for them; null where it
 * cannot be told which those are.
 */
export function withoutStars(query: string, columnsOf: ColumnsOf): string | null {
  if (!query.includes('*')) return query;
  if (!isSqlParserLoaded()) return null;
  const [piece] = parseStatements(query);
  if (!piece || !('statement' in piece)) return null;
  const common = new Set<string>();
  walk(piece.statement.node, (kind, body) => {
    if (kind === 'CommonTableExpr') common.add(String(body.ctename));
  });
  const toOffset = byteOffsets(query);
  const edits: { from: number; to: number; text: string }[] = [];
  try {
    walk(piece.statement.node, (kind, body) => {
      // The sides of a UNION stand there bare.
      if (kind !== 'SelectStmt' && kind !== 'larg' && kind !== 'rarg') return;
      const targets = (body.targetList ?? []) as Node[];
      for (const target of targets) {
        const reference = as(as(target, 'ResTarget')?.val, 'ColumnRef');
        const fields = reference?.fields ?? [];
        if (!as(fields.at(-1), 'A_Star')) continue;
        const sources = ((body.fromClause ?? []) as Node[]).flatMap((from) => sourcesOf(from, common, columnsOf));
        const alias = stringsOf(fields).at(-1);
        const asked = sources.filter((source) => alias === undefined || source.alias === alias);
        if (asked.every(({ columns }) => columns === null)) continue;
        if (asked.some(({ isMerged, alias: own }) => (isMerged && alias === undefined) || own === ''))
          throw new NotPlain();
        const names = asked.flatMap(({ alias: own, columns }) =>
          (columns?.map(quoteIdentifier) ?? ['*']).map((column) => `${quoteIdentifier(own)}.${column}`),
        );
        const from = toOffset(reference?.location ?? 0);
        edits.push({ from, to: query.indexOf('*', from) + 1, text: names.join(', ') });
      }
    });
  } catch (error) {
    if (error instanceof NotPlain) return null;
    throw error;
  }
  let text = query;
  for (const { from, to, text: names } of edits.sort((a, b) => b.from - a.from))
    text = text.slice(0, from) + names + text.slice(to);
  return text;
}

function sourcesOf(from: Node, common: ReadonlySet<string>, columnsOf: ColumnsOf): Source[] {
  const range = as(from, 'RangeVar');
  if (range) {
    const name = relationOf(range);
    const columns = name.schema === null && common.has(name.name) ? null : columnsOf(name);
    if (columns !== null && range.alias?.colnames?.length) throw new NotPlain();
    return [{ alias: range.alias?.aliasname ?? name.name, columns, isMerged: false }];
  }
  const join = as(from, 'JoinExpr');
  if (join?.larg && join.rarg) {
    const sides = [...sourcesOf(join.larg, common, columnsOf), ...sourcesOf(join.rarg, common, columnsOf)];
    const isMerged = join.isNatural === true || join.usingClause !== undefined || join.alias !== undefined;
    return isMerged ? sides.map((side) => ({ ...side, isMerged })) : sides;
  }
  const alias = as(from, 'RangeSubselect')?.alias ?? as(from, 'RangeFunction')?.alias;
  return [{ alias: alias?.aliasname ?? '', columns: null, isMerged: false }];
}
