/**
 * PostgreSQL refuses a statement of a seed: when it plans it (a column that is not there, a value that its type does not
 * take), or when it ran in a scratch copy (a key, a check, what a trigger raises). Without a database what the declared
 * columns rule out.
 */
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath, resolveTable } from '../model/lookup.ts';
import type { Schema, Table } from '../model/schema.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { insertsOf, ranBefore, type SeedInsert, unfilledColumns, valueIn } from '../model/seed-view.ts';
import { lineOfRefusal, type PlannedStatement, plannedStatements } from './planned-statements.ts';
import { advice, defineRule, type FindingDraft, type ProbeRefusal, type SeedReruns } from './rule.ts';

/** Told by rules of their own: an unmatched conflict target, text that cannot be parsed. */
const toldElsewhere = new Set(['42P10', '42601']);

export default defineRule({
  id: 'seed-statement-refused',
  title: 'PostgreSQL refuses a statement of a seed',
  severity: 'error',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live', 'answers', 'reruns'],
  docs: {
    problem:
      'A statement of the seed names a column that is not there, or writes a value that the column’s type does not take. `chain seed --check` with a database also runs the seed in a scratch copy of it, and says what a foreign key, a check or a trigger refuses there.',
    consequence: 'PostgreSQL refuses the statement; the seed stops there, and all of a DO block is rolled back.',
    repair: 'Correct the name or the value, or bring the column or the row it refers to first.',
  },
  *probe({ live, seeds }) {
    if (live !== undefined) for (const { probe } of plannedStatements(seeds.readings)) yield probe;
  },
  *check({ declared, seeds, config, live, answers, reruns }) {
    const told = new Set<SeedStatement>();
    const planned = live === undefined ? [] : plannedStatements(seeds.readings);
    for (const each of planned) {
      const refusal = answers?.refusal(each.probe.key);
      const isOfTarget = refusal?.sqlState === '42704' && refusal.message.startsWith('constraint ');
      if (!refusal) continue;
      told.add(each.statement);
      if (!isOfTarget && !isToldElsewhere(each.statement, refusal)) yield refused(each, refusal, live?.schema);
    }
    const asked = new Set(planned.map(({ statement }) => statement));
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    for (const insert of insertsOf(seeds.readings, schema, searchPath)) {
      const table = schema.tables.get(insert.table);
      if (!table || asked.has(insert.statement)) continue;
      for (const finding of ruledOut(insert, table, schema, live !== undefined)) {
        told.add(insert.statement);
        yield finding;
      }
    }
    if (reruns) yield* seenRefused(reruns, seeds.readings, schema, searchPath, told);
  },
});

function isToldElsewhere({ table }: SeedStatement, { sqlState, message }: Pick<ProbeRefusal, 'sqlState' | 'message'>) {
  if (toldElsewhere.has(sqlState)) return true;
  // The table that it writes to; one that it only reads is told here.
  const absent = sqlState === '42P01' ? /^relation "(.+)" does not exist/.exec(message)?.[1] : undefined;
  return absent !== undefined && (absent === table?.name || absent === `${table?.schema}.${table?.name}`);
}

/** What stopped the first run in the copy, where reading and planning had not told it. */
function* seenRefused(
  reruns: SeedReruns,
  readings: readonly SeedReading[],
  schema: Schema,
  searchPath: readonly string[],
  told: ReadonlySet<SeedStatement>,
): Generator<FindingDraft> {
  for (const { outcome, failure, doubled } of reruns.runs) {
    if (outcome !== 'unknown' || !failure?.isOfTheSeed || doubled.length > 0) continue;
    const { file, line, message, detail, sqlState } = failure;
    const reading = readings.find((each) => each.file === file);
    const statement = reading?.statements.findLast(
      ({ verb, line: first, span }) =>
        verb !== 'notice' && first <= line && line < first + reading.text.slice(span.from, span.to).split('\n').length,
    );
    const refusal = { sqlState: sqlState ?? '', message };
    if (statement && (told.has(statement) || isToldElsewhere(statement, refusal))) continue;
    const insert = reading && statement ? writeOf(reading, statement, schema, searchPath) : null;
    const table = insert ? schema.tables.get(insert.table) : undefined;
    const isUnfilled =
      sqlState === '23502' && insert && table && unfilledColumns(table, insert.columns, insert.rows).length > 0;
    if (isUnfilled) continue;
    const lacks = reruns.lacks === null ? '' : `, without ${reruns.lacks}`;
    const state = sqlState === null ? '' : ` (${sqlState})`;
    const ran: Evidence = { origin: 'data', text: `run on ${reruns.on}${lacks}: ${detail ?? message}${state}` };
    const key = /^Key \((.+)\)=\((.+)\)/s.exec(detail ?? '');
    if (sqlState === null) {
      yield {
        subject: { kind: 'seed', name: file, file, line },
        detail: `${line}:${message}`,
        severity: 'warning',
        message: `${file}:${line} is not carried out by chain: ${message}.`,
        evidence: [ran],
        remedy: advice(`Take it out of ${file}:${line}, or run the seed through psql`, 'file-edit'),
      };
      continue;
    }
    yield {
      ...draft(file, line, message, {
        evidence: [ran],
        causedBy: [
          ...(sqlState === '23503' ? ['seed-natural-key-id-mismatch'] : []),
          ...(key && insert ? [`seed-not-rerunnable:${insert.table}(${key[1]}=${key[2]}):twice`] : []),
        ],
        isUnsure: reruns.lacks !== null,
      }),
    };
  }
}

function writeOf(
  reading: SeedReading,
  statement: SeedStatement,
  schema: Schema,
  searchPath: readonly string[],
): SeedInsert | null {
  const [insert] = insertsOf([{ ...reading, statements: [statement] }], schema, searchPath);
  const table = statement.table ? resolveTable(schema, statement.table, searchPath) : null;
  if (insert || table === null || !statement.columns) return insert ?? null;
  return { reading, statement, table, columns: statement.columns, rows: [] };
}

function refused(planned: PlannedStatement, refusal: ProbeRefusal, schema: Schema | undefined): FindingDraft {
  const { reading, statement } = planned;
  const line = lineOfRefusal(planned, refusal) ?? misfitLine(planned, schema) ?? statement.line;
  const missing = /^column "(.+)" of relation "(.+)" does not exist/.exec(refusal.message);
  return draft(reading.file, line, refusal.message, {
    evidence: [{ origin: 'live', text: `EXPLAIN: ${refusal.message} (${refusal.sqlState})` }],
    causedBy: missing
      ? [
          `declared-column-missing:${statement.table?.schema ?? 'public'}.${missing[2]}.${missing[1]}`,
          'pending-revisions',
        ]
      : [],
  });
}

function misfitLine({ reading, statement }: PlannedStatement, schema: Schema | undefined): number | null {
  if (!schema) return null;
  const [insert] = insertsOf([{ ...reading, statements: [statement] }], schema, ['public']);
  const table = insert ? schema.tables.get(insert.table) : undefined;
  return insert && table ? ([...misfits(insert, table, schema)][0]?.line ?? null) : null;
}

function* ruledOut(insert: SeedInsert, table: Table, schema: Schema, isLive: boolean): Generator<FindingDraft> {
  const { file } = insert.reading;
  const origin = isLive ? 'live' : 'declared';
  const isAltered = ranBefore(insert.reading, insert.statement, ['ddl']).some(
    ({ table: altered }) => altered?.name === table.name,
  );
  if (isAltered || table.kind === 'foreign') return;
  const isGuarded = insert.statement.guards.some(({ condition }) =>
    /\b(?:information_schema|pg_\w+)\b/i.test(condition),
  );
  const absent = isGuarded ? [] : insert.columns.filter((column) => !table.columns.has(column));
  const isUnsure = !isLive && (table.certainty === 'suspected' || insert.statement.guards.length > 0);
  for (const column of absent) {
    const message = `column "${column}" of relation "${table.name}" does not exist`;
    yield draft(file, insert.statement.line, message, {
      evidence: [{ origin, text: `columns of ${insert.table}: ${[...table.columns.keys()].join(', ')}` }],
      causedBy: [`declared-column-missing:${insert.table}.${column}`],
      isUnsure,
    });
  }
  for (const { line, message, type } of misfits(insert, table, schema)) {
    yield draft(file, line, message, { evidence: [{ origin, text: type }], causedBy: [], isUnsure });
  }
}

function draft(
  file: string,
  line: number,
  message: string,
  about: { evidence: Evidence[]; causedBy: string[]; isUnsure?: boolean },
): FindingDraft {
  return {
    subject: { kind: 'seed', name: file, file, line },
    detail: `${line}:${message}`,
    severity: about.isUnsure ? 'warning' : 'error',
    certainty: about.isUnsure ? 'suspected' : 'proven',
    message: `${file}:${line} is refused by PostgreSQL: ${message}.`,
    evidence: about.evidence,
    causedBy: about.causedBy,
    remedy: advice(`Correct ${file}:${line}`, 'file-edit'),
  };
}

/** Literals that the type of their column never takes. Only types whose spelling is simple; PostgreSQL knows the others. */
function* misfits(
  insert: SeedInsert,
  table: Table,
  schema: Schema,
): Generator<{ line: number; message: string; type: string }> {
  for (const row of insert.rows) {
    for (const column of table.columns.values()) {
      const value = valueIn(insert, row, column.name);
      if (value?.kind !== 'literal' || value.value === null) continue;
      const message = misfit(value.type ?? column.type, value.value, schema);
      if (message !== null)
        yield { line: value.line, message, type: `${insert.table}.${column.name} is ${column.type}` };
    }
  }
}

function misfit(type: string, value: string, schema: Schema): string | null {
  if (type === 'uuid') {
    const digits = /^\{.*\}$/s.test(value) ? value.slice(1, -1) : value;
    return /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/i.test(digits) ? null : `invalid input syntax for type uuid: "${value}"`;
  }
  if (type === 'integer' || type === 'bigint' || type === 'smallint') {
    // Numbers with a point are rounded; only texts of letters are sure to be refused in every version.
    return /^\s*[a-z]/i.test(value) ? `invalid input syntax for type ${type}: "${value}"` : null;
  }
  const width = /^(character varying|character)\((\d+)\)$/.exec(type);
  if (width) return [...value.trimEnd()].length > Number(width[2]) ? `value too long for type ${type}` : null;
  const labels = [...schema.enums.values()].filter(
    ({ namespace, name }) => type === name || type === `${namespace}.${name}`,
  );
  if (labels.length !== 1) return null;
  return labels[0]?.labels.includes(value) ? null : `invalid input value for enum ${type}: "${value}"`;
}
