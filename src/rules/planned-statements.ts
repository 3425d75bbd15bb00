/**
 * Statements of seeds that PostgreSQL can be asked to plan without running them: EXPLAIN proves missing columns, unmatched
 * conflict targets and values of a wrong type, and writes nothing. What hangs on what the seed did before is left out.
 */
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { ranBefore } from '../model/seed-view.ts';
import type { Probe, ProbeRefusal } from './rule.ts';

export interface PlannedStatement {
  reading: SeedReading;
  statement: SeedStatement;
  probe: Probe;
}

const maxStatements = 300;
const maxLength = 200_000;
const intro = 'EXPLAIN ';

export function plannedStatements(readings: readonly SeedReading[]): PlannedStatement[] {
  return readings.flatMap((reading) => {
    const planned: PlannedStatement[] = [];
    const parts = partsOfOthers(reading);
    for (const statement of reading.statements) {
      if (planned.length === maxStatements) break;
      if (parts.has(statement) || !isPlannable(reading, statement)) continue;
      const probe = {
        key: `${reading.file}:${statement.span.from}`,
        about: `plan of ${reading.file}:${statement.line}`,
        sql: intro + statement.sql,
        mayBeRefused: true,
      };
      planned.push({ reading, statement, probe });
    }
    return planned;
  });
}

/** Of a CTE its part alone is no statement. */
function partsOfOthers(reading: SeedReading): ReadonlySet<SeedStatement> {
  const parts = new Set<SeedStatement>();
  const outerFirst = [...reading.statements].sort((a, b) => a.span.from - b.span.from || b.span.to - a.span.to);
  let outer: SeedStatement | null = null;
  for (const statement of outerFirst) {
    if (outer !== null && statement.span.to <= outer.span.to) {
      parts.add(statement);
      // Two of one place: neither can be told to be the whole.
      if (statement.span.from === outer.span.from && statement.span.to === outer.span.to) parts.add(outer);
    } else outer = statement;
  }
  return parts;
}

function isPlannable(reading: SeedReading, statement: SeedStatement): boolean {
  const { verb, table, span, reads, rows } = statement;
  if (!['insert', 'update', 'delete'].includes(verb) || !table || statement.sql.length > maxLength) return false;
  const names = [table, ...reads];
  if (names.some((name) => name.searchPath !== undefined)) return false;
  const isWithin = (at: { from: number; to: number }) => at.from >= span.from && at.to <= span.to;
  if (reading.directives.some((directive) => isWithin(directive.span))) return false;
  // The parts of its WITH stand before it, and are no part of its text.
  if (/\)\s*$/.test(reading.text.slice(Math.max(0, span.from - 200), span.from))) return false;
  const isMadeBefore = ranBefore(reading, statement, ['ddl']).some((other) =>
    names.some(({ name }) => name === other.table?.name),
  );
  if (
    isMadeBefore ||
    statement.guards.some(({ condition }) => /\b(?:information_schema|pg_\w+|to_reg\w+)\b/i.test(condition))
  )
    return false;
  if (!statement.insideBlock) return true;
  // A word may be a variable of the block.
  const isPlain = rows?.every(({ values }) => values.every(({ kind }) => kind === 'literal' || kind === 'default'));
  return isPlain === true;
}

/** Line of the file that the server's position means; null where it gives none. */
export function lineOfRefusal({ reading, statement }: PlannedStatement, refusal: ProbeRefusal): number | null {
  if (refusal.position === null) return null;
  const before = [...statement.sql].slice(0, refusal.position - 1 - intro.length).join('');
  return reading.text.slice(0, statement.span.from + before.length).split('\n').length;
}
