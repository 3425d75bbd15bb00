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
  return readings.flatMap((reading) =>
    reading.statements
      .filter((statement) => isPlannable(reading, statement))
      .slice(0, maxStatements)
      .map((statement) => ({
        reading,
        statement,
        probe: {
          key: `${reading.file}:${statement.span.from}`,
          about: `plan of ${reading.file}:${statement.line}`,
          sql: intro + statement.sql,
          mayBeRefused: true,
        },
      })),
  );
}

function isPlannable(reading: SeedReading, statement: SeedStatement): boolean {
  const { verb, table, span, reads, rows } = statement;
  if (!['insert', 'update', 'delete'].includes(verb) || !table || statement.sql.length > maxLength) return false;
  const names = [table, ...reads];
  if (names.some((name) => name.searchPath !== undefined)) return false;
  const isWithin = (at: { from: number; to: number }) => at.from >= span.from && at.to <= span.to;
  if (reading.directives.some((directive) => isWithin(directive.span))) return false;
  // Of a CTE its part alone is no statement.
  if (
    reading.statements.some((other) => other !== statement && other.span.from <= span.from && other.span.to >= span.to)
  )
    return false;
  const isMadeBefore = ranBefore(reading, statement).some(
    (other) => other.verb === 'ddl' && names.some(({ name }) => name === other.table?.name),
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
