/**
 * Where in the file a seed failed: PostgreSQL's position, the line of a PL/pgSQL statement, the row that its detail means.
 */
import { ChainError } from '../errors.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
import { filesOf } from '../model/seed-view.ts';
import type { ScriptStatement } from './script.ts';
import { bodyStart } from './seed-text.ts';
import { type Refusal, refusalOf } from './session.ts';

export function seedFailure(error: unknown, act: ScriptStatement | null, reading: SeedReading): ChainError {
  if (
    error instanceof ChainError &&
    error.code !== 'cannot-read' &&
    error.code !== 'insufficient-privileges' &&
    error.code !== 'lock-held'
  )
    return error;
  const refusal = refusalOf(error);
  const place = act ? (placeInData(act, refusal) ?? placeOf(act, refusal, reading)) : null;
  const name = place?.file ?? reading.file;
  const lines = [`${name}${place ? `:${place.line}` : ''}: ${oneLine(refusal.message)}`];
  if (refusal.detail) lines.push(`  ${oneLine(refusal.detail)}`);
  if (place) lines.push(...excerpt(place));
  const failure = new ChainError('seed-failed', lines.join('\n'), { hint: hintOf(refusal, act), cause: error });
  placeByFailure.set(failure, { file: name, line: place?.line ?? 1 });
  // The runner tries again what only a lock kept from running, and looks at the state for it.
  return refusal.sqlState === null ? failure : Object.assign(failure, { sqlState: refusal.sqlState });
}

const placeByFailure = new WeakMap<Error, { file: string; line: number }>();

/** Where a failure of a statement stands; null where it is another. */
export function failedAt(error: Error): { file: string; line: number } | null {
  return placeByFailure.get(error) ?? null;
}

function hintOf(refusal: Refusal, act: ScriptStatement | null): string {
  const [unset] = act?.unsetVariables ?? [];
  if (refusal.sqlState === '42601' && unset !== undefined)
    return `The psql variable :${unset} is set nowhere before this line: give it a value with \\set.`;
  if (refusal.sqlState === '25001')
    return 'PostgreSQL runs it outside of a transaction only, and a seed runs in one: for an index leave CONCURRENTLY out, or make it in a revision.';
  if (refusal.sqlState === '57014' && /statement timeout/.test(refusal.message))
    return 'Nothing of the seed was kept. Give a statement more time: `timeouts.statementMs` of the settings, in milliseconds.';
  if (refusal.sqlState === '2D000')
    return 'COMMIT and ROLLBACK inside a block or a procedure would leave half of the seed: take them out.';
  return refusal.hint ? oneLine(refusal.hint) : 'Nothing of the seed was kept: correct the line and run it again.';
}

/** What a seed raises may hold a line of its own, which a CI log would take for a command. */
function oneLine(text: string): string {
  return text.replace(/\s*[\r\n]+\s*/g, ' ');
}

interface Place {
  file: string;
  text: string;
  line: number;
  /** Offset in the text; null: the line alone is known. */
  at: number | null;
}

/** `COPY t, line 3, column id: "x"`: lines are counted in the data. */
function placeInData(act: ScriptStatement, refusal: Refusal): Place | null {
  const found = /^COPY .+?, line (\d+)(?:, column (?:"(?:[^"]|"")*"|[^:]+): "((?:[^"]|"")*)")?/m.exec(
    refusal.where ?? '',
  );
  if (!act.data || !found) return null;
  const { fileName, bytes } = act.data;
  const line = act.data.line + Number(found[1]) - 1;
  const isOwn = fileName === act.fileName;
  const text = isOwn ? act.file.text : Buffer.from(bytes).toString('utf8');
  const from = startOfLine(text, line);
  const end = text.indexOf('\n', from);
  const within = found[2] ? text.slice(from, end < 0 ? text.length : end).indexOf(found[2]) : -1;
  return { file: fileName, text, line, at: within < 0 ? null : from + within };
}

function placeOf(act: ScriptStatement, refusal: Refusal, reading: SeedReading): Place {
  const { file } = act;
  const place = (at: number): Place => ({ file: act.fileName, text: file.text, line: file.lineAt(at), at });
  const pointed = refusal.position === null ? null : act.placeOf(refusal.position);
  if (pointed !== null) return place(pointed);
  const own = filesOf(reading).find(({ file: name }) => name === act.fileName)?.statements ?? [];
  const inBlock = /inline_code_block line (\d+)/.exec(refusal.where ?? '')?.[1];
  let from = act.from;
  if (inBlock !== undefined) {
    const body = bodyStart(file.text, act.from, act.to);
    if (body !== null) {
      let line = file.lineAt(body) + Number(inBlock) - 1;
      const statement =
        own.find((each) => each.line === line && each.insideBlock && each.verb !== 'notice') ??
        own.find((each) => each.line === line);
      if (statement) from = statement.span.from;
      else {
        from = offsetOfLine(file.text, line);
        line = file.lineAt(from);
      }
    }
  }
  const statement =
    own.find((each) => each.span.from === from) ??
    own.find((each) => each.span.from >= from && each.span.to <= act.to && each.verb !== 'notice');
  const value = statement ? valueMeant(statement, refusal) : null;
  return place(value ?? from);
}

function startOfLine(text: string, line: number): number {
  let at = 0;
  for (let i = 1; i < line; i++) {
    const next = text.indexOf('\n', at);
    if (next < 0) return at;
    at = next + 1;
  }
  return at;
}

/** Offset of the first letter of a line. */
function offsetOfLine(text: string, line: number): number {
  const at = startOfLine(text, line);
  return at + (/^[ \t]*/.exec(text.slice(at, at + 200))?.[0].length ?? 0);
}

/** The value that `Key (a, b)=(x, y) …` names, or the row that `Failing row contains (…)` shows. */
function valueMeant(statement: SeedStatement, refusal: Refusal): number | null {
  const key = /^Key \((.+)\)=\((.+)\)/.exec(refusal.detail ?? '');
  const columns = statement.columns ?? [];
  if (key) {
    const names = (key[1] as string).split(', ').map((name) => name.replace(/^"(.*)"$/, '$1'));
    const values = (key[2] as string).split(', ');
    for (const row of statement.rows ?? []) {
      const cells = names.map((name) => row.values[columns.indexOf(name)]);
      const fits = cells.every((cell, i) => cell?.kind === 'literal' && cell.value === values[i]);
      if (fits && cells[0]) return cells[0].span.from;
    }
    return null;
  }
  const failing = /^Failing row contains \((.+)\)/s.exec(refusal.detail ?? '')?.[1];
  if (failing === undefined) return null;
  const row = (statement.rows ?? []).find((each) =>
    each.values.every((cell) => cell.kind !== 'literal' || failing.includes((cell.value ?? 'null').slice(0, 20))),
  );
  return row?.span.from ?? null;
}

function excerpt({ text, line, at }: Place): string[] {
  const from = startOfLine(text, line);
  const end = text.indexOf('\n', from);
  const content = text
    .slice(from, end < 0 ? text.length : end)
    .replace(/\r$/, '')
    .replaceAll('\t', ' ');
  const number = String(line);
  const shown = content.length > 160 ? `${content.slice(0, 160)}…` : content;
  const lines = [`  ${number} | ${shown}`];
  if (at !== null) {
    const column = at - from;
    if (column <= 160)
      lines.push(`  ${' '.repeat(number.length)} | ${' '.repeat([...content.slice(0, column)].length)}^`);
  }
  return lines;
}
