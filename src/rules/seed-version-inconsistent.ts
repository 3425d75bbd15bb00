/**
 * A seed and the scripts that run it call themselves by different versions; or the table where the seed keeps its version has
 * another one than the file.
 */

import type { Evidence } from '../model/finding.ts';
import { nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { RemedyAction, TextEdit } from '../model/remedy.ts';
import type { SeedReading, SeedRunner, Span } from '../model/seed.ts';
import { insertsOf, literalIn } from '../model/seed-view.ts';
import { advice, defineRule, type FindingDraft, patch, type RuleInputs } from './rule.ts';

interface Mark {
  file: string;
  value: string;
  line: number;
  span: Span;
  text: string;
}

export default defineRule({
  id: 'seed-version-inconsistent',
  title: 'a seed and its runner disagree on the version',
  severity: 'warning',
  needs: ['seeds'],
  wants: ['live', 'answers'],
  docs: {
    problem:
      'The seed file, the scripts that run it and the table where it keeps its version state different versions of it.',
    consequence:
      'A database that was marked by one is taken for up to date by the other, and a changed seed never runs.',
    repair: 'Write one version everywhere; better, let the content decide: `chain seed` records a hash.',
  },
  *probe({ seeds, live }) {
    for (const marker of markersOf(seeds.readings, live))
      yield { key: marker.key, about: marker.table, sql: marker.sql };
  },
  *check({ seeds, live, answers }) {
    const markers = markersOf(seeds.readings, live);
    yield* newerThanTheFile(markers, answers);
    for (const reading of seeds.readings) {
      const runners = seeds.runners.filter((runner) => runner.runs.some((run) => run.resolved === reading.file));
      const marks = [...marksOf(reading), ...runners.flatMap(marksOf)];
      const values = [...new Set(marks.map((mark) => mark.value))].sort(compareVersions);
      if (values.length < 2) continue;
      const own = [...new Set(reading.version.map((version) => version.value))];
      // The seed's own word counts; where it disagrees with itself, the newest.
      const right = (own.length === 1 ? own[0] : values[values.length - 1]) as string;
      const wrong = marks.filter((mark) => mark.value !== right);
      const first = wrong[0];
      if (first === undefined) continue;
      const evidence: Evidence[] = marks.map((mark) => ({
        origin: 'seed',
        text: `says ${mark.value}`,
        file: mark.file,
        line: mark.line,
      }));
      for (const marker of markers.filter((one) => one.reading === reading)) {
        const rows = recorded(marker, answers)?.rows;
        if (rows) evidence.push({ origin: 'data', text: `${marker.table} holds ${rows.join(', ')}` });
      }
      const summary = `Write ${right} in ${[...new Set(wrong.map((mark) => mark.file))].join(' and ')}`;
      const actions = actionsFor(wrong, right);
      yield {
        subject: { kind: 'seed', name: reading.file, file: first.file, line: first.line },
        message: `${reading.file} is version ${own.join(' and ') || 'unnamed'}, and ${[...new Set(wrong.map((mark) => `${mark.file}:${mark.line} says ${mark.value}`))].join(', ')}; a database marked by one is taken for up to date by the other, and a changed seed never runs.`,
        evidence,
        remedy: actions.length > 0 ? patch(summary, actions) : advice(summary, 'file-edit'),
      };
    }
  },
});

interface Marker {
  key: string;
  reading: SeedReading;
  /** `schema.table`. */
  table: string;
  mark: SeedReading['version'][number];
  sql: string;
}

/** Rows in which a seed writes down its own version, in tables that are there. */
function markersOf(readings: readonly SeedReading[], live: RuleInputs['live'] | undefined): Marker[] {
  if (live === undefined) return [];
  return insertsOf(readings, live.schema, live.searchPath).flatMap((insert) => {
    const { reading, statement, table, columns, rows } = insert;
    const [row] = rows;
    if (rows.length !== 1 || row === undefined || !live.schema.tables.has(table)) return [];
    if (live.unreadableTables.has(table)) return [];
    const at = row.values.findIndex(
      (value) =>
        value.kind === 'literal' &&
        reading.version.some(({ span }) => span.from >= value.span.from && span.to <= value.span.to),
    );
    const column = columns[at];
    const mark = reading.version.find(({ value }) => column !== undefined && value === literalIn(insert, row, column));
    if (column === undefined || mark === undefined) return [];
    // A table of several seeds tells them apart by the rest of the key.
    const others = (statement.onConflict?.columns ?? []).filter((name) => name !== column);
    const conditions: string[] = [];
    for (const name of others) {
      const value = literalIn(insert, row, name);
      if (typeof value !== 'string') return [];
      conditions.push(`${quoteIdentifier(name)}::text = ${quoteLiteral(value)}`);
    }
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    const sql = `SELECT DISTINCT ${quoteIdentifier(column)}::text AS version FROM ${quoteQualified(nameOfKey(table))}${where} ORDER BY 1 LIMIT 100`;
    return [{ key: `${reading.file} ${table}`, reading, table, mark, sql }];
  });
}

/** Newest version that the rows state, where all of them can be told apart as newer and older. */
function recorded(
  marker: Marker,
  answers: RuleInputs['answers'] | undefined,
): { rows: string[]; newest: string } | null {
  const rows = (answers?.rows(marker.key) ?? []).map((row) => String(row.version)).sort(compareVersions);
  const newest = rows[rows.length - 1];
  // No row: it never ran here, which is no inconsistency. Words are no versions that could be newer or older.
  if (newest === undefined || ![...rows, marker.mark.value].every((one) => /^v?\d/.test(one))) return null;
  return { rows, newest };
}

/** An older one is a seed that has still to run, which is no fault; a newer one is. */
function* newerThanTheFile(
  markers: readonly Marker[],
  answers: RuleInputs['answers'] | undefined,
): Iterable<FindingDraft> {
  for (const marker of markers) {
    const { reading, table, mark } = marker;
    const found = recorded(marker, answers);
    if (found === null || compareVersions(found.newest, mark.value) <= 0) continue;
    yield {
      subject: { kind: 'seed', name: reading.file, file: reading.file, line: mark.line },
      detail: table,
      message: `${table} says that ${found.newest} of the seed ran here, and ${reading.file} is ${mark.value}; running it would take rows back to an older version.`,
      evidence: [
        { origin: 'data', text: `${table} holds ${found.rows.join(', ')}` },
        { origin: 'seed', text: `says ${mark.value}`, file: reading.file, line: mark.line },
      ],
      remedy: advice(`Use the seed of ${found.newest}, or give this one a newer version`),
    };
  }
}

function marksOf(
  source: Pick<SeedReading, 'file' | 'version' | 'text'> | Pick<SeedRunner, 'file' | 'version' | 'text'>,
): Mark[] {
  return source.version.map((version) => ({ file: source.file, text: source.text, ...version }));
}

function actionsFor(marks: readonly Mark[], right: string): RemedyAction[] {
  const editsByFile = new Map<string, TextEdit[]>();
  for (const mark of marks) {
    const inside = mark.text.slice(mark.span.from, mark.span.to).indexOf(mark.value);
    if (inside < 0) continue;
    const from = mark.span.from + inside;
    editsByFile.set(mark.file, [
      ...(editsByFile.get(mark.file) ?? []),
      { from, to: from + mark.value.length, text: right },
    ]);
  }
  return [...editsByFile].map(([file, edits]) => ({ action: 'edit-file', file, edits }));
}

function compareVersions(a: string, b: string): number {
  const left = a.replace(/^v/, '').split(/[.-]/).map(Number);
  const right = b.replace(/^v/, '').split(/[.-]/).map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] || 0) - (right[index] || 0);
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
