/**
 * Where in the file a seed failed: PostgreSQL's position, the line of a PL/pgSQL statement, the row that its detail means.
 */
import { ChainError } from '../errors.ts';
import type { SeedReading, SeedStatement } from '../model/seed.ts';
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
  const place = act ? placeOf(act, refusal, reading) : null;
  const name = act?.fileName ?? reading.file;
  const lines = [`${name}${place ? `:${place.line}` : ''}: ${refusal.message}`];
  if (refusal.detail) lines.push(`  ${refusal.detail}`);
  if (act && place) lines.push(...excerpt(act.file.text, place));
  const failure = new ChainError('seed-failed', lines.join('\n'), {
    hint: refusal.hint ?? 'Nothing of the seed was kept: correct the line and run it again.',
    cause: error,
  });
  // The runner tries again what only a lock kept from running, and looks at the state for it.
  return refusal.sqlState === null ? failure : Object.assign(failure, { sqlState: refusal.sqlState });
}

interface Place {
  line: number;
  /** Offset in the file; null: the line alone is known. */
  at: number | null;
}

function placeOf(act: ScriptStatement, refusal: Refusal, reading: SeedReading): Place {
  const { file } = act;
  const original = file.text.slice(act.from, act.to);
  if (refusal.position !== null && original === act.sql) {
    let at = act.from;
    for (let i = 1; i < refusal.position && at < act.to; i++)
      at += (file.text.codePointAt(at) as number) > 0xffff ? 2 : 1;
    return { line: file.lineAt(at), at };
  }
  const own = act.fileName === reading.file ? reading.statements : [];
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
  const at = value ?? from;
  return { line: file.lineAt(at), at };
}

function offsetOfLine(text: string, line: number): number {
  let at = 0;
  for (let i = 1; i < line; i++) {
    const next = text.indexOf('\n', at);
    if (next < 0) return at;
    at = next + 1;
  }
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

function excerpt(text: string, { line, at }: Place): string[] {
  const content = (text.split('\n')[line - 1] ?? '').replace(/\r$/, '').replaceAll('\t', ' ');
  const number = String(line);
  const shown = content.length > 160 ? `${content.slice(0, 160)}…` : content;
  const lines = [`  ${number} | ${shown}`];
  if (at !== null) {
    const column = at - (text.lastIndexOf('\n', at - 1) + 1);
    if (column <= 160)
      lines.push(`  ${' '.repeat(number.length)} | ${' '.repeat([...content.slice(0, column)].length)}^`);
  }
  return lines;
}
