/**
 * Lines of COPY data as rows, each value with its place (manual, COPY, "Text Format" and "CSV Format"). What PostgreSQL
 * alone can tell (binary, options that change single columns, very many lines) is null; refuses to run anything.
 */
import type { CopyStmt } from 'libpg-query';
import type { SeedRow, SeedValue, Span } from '../model/seed.ts';
import { as, constantOf } from './tree.ts';

interface CopyFormat {
  isCsv: boolean;
  delimiter: string;
  nullText: string;
  quote: string;
  escape: string;
  hasHeader: boolean;
}

/** More are data to load and no seed to reason about. */
const maxDataLength = 2_000_000;

/** Old and new spelling of the options come out of the parser alike. Null: one that is not read here. */
function formatOf(copy: CopyStmt): CopyFormat | null {
  const given = new Map<string, string | null>();
  for (const each of copy.options ?? []) {
    const option = as(each, 'DefElem');
    if (!option?.defname) return null;
    const arg = option.arg;
    given.set(option.defname, as(arg, 'String')?.sval ?? constantOf(arg) ?? null);
  }
  for (const name of given.keys())
    if (!['format', 'delimiter', 'null', 'quote', 'escape', 'header', 'freeze'].includes(name)) return null;
  const format = given.get('format') ?? 'text';
  if (format !== 'text' && format !== 'csv') return null;
  const isCsv = format === 'csv';
  const quote = given.get('quote') ?? '"';
  const header = given.get('header');
  return {
    isCsv,
    delimiter: given.get('delimiter') ?? (isCsv ? ',' : '\t'),
    nullText: given.get('null') ?? (isCsv ? '' : '\\N'),
    quote,
    escape: given.get('escape') ?? quote,
    hasHeader: given.has('header') && !['false', 'off', '0'].includes((header ?? 'true').toLowerCase()),
  };
}

/** `data`: the span of the lines in `text`, without the closing `\.`. */
export function copyRows(
  text: string,
  data: Span,
  copy: CopyStmt,
  lineAt: (offset: number) => number,
): SeedRow[] | null {
  const format = formatOf(copy);
  if (!format || data.to - data.from > maxDataLength) return null;
  const rows: SeedRow[] = [];
  let at = data.from;
  let isHeader = format.hasHeader;
  while (at < data.to) {
    const read = format.isCsv
      ? csvLine(text, at, data.to, format, lineAt)
      : textLine(text, at, data.to, format, lineAt);
    if (!isHeader) rows.push(read.row);
    isHeader = false;
    at = read.next;
  }
  return rows;
}

type Line = { row: SeedRow; next: number };

function literal(value: string | null, span: Span, lineAt: (offset: number) => number): SeedValue {
  return { kind: 'literal', value, type: null, span, line: lineAt(span.from) };
}

function textLine(
  text: string,
  from: number,
  to: number,
  { delimiter, nullText }: CopyFormat,
  lineAt: (offset: number) => number,
): Line {
  const newline = text.indexOf('\n', from);
  const end = newline < 0 || newline > to ? to : newline;
  const stop = text[end - 1] === '\r' && end > from ? end - 1 : end;
  const values: SeedValue[] = [];
  let start = from;
  for (let at = from; ; at++) {
    if (at < stop && text[at] === '\\') at++;
    else if (at >= stop || text[at] === delimiter) {
      const field = text.slice(start, Math.min(at, stop));
      const span = { from: start, to: start + field.length };
      values.push(literal(field === nullText ? null : unescaped(field), span, lineAt));
      start = at + 1;
      if (at >= stop) break;
    }
  }
  return { row: { values, span: { from, to: stop }, line: lineAt(from) }, next: end + 1 };
}

/** A quoted value may hold line ends; NULL is told by the unquoted text alone. */
function csvLine(
  text: string,
  from: number,
  to: number,
  { delimiter, nullText, quote, escape: escaping }: CopyFormat,
  lineAt: (offset: number) => number,
): Line {
  const values: SeedValue[] = [];
  let at = from;
  for (;;) {
    const start = at;
    let value = '';
    let wasQuoted = false;
    let isQuoted = false;
    for (; at < to; at++) {
      const character = text[at] as string;
      if (isQuoted) {
        const next = text[at + 1];
        if (character === escaping && at + 1 < to && (next === quote || next === escaping)) {
          value += next;
          at++;
        } else if (character === quote) isQuoted = false;
        else value += character;
      } else if (character === quote) {
        isQuoted = true;
        wasQuoted = true;
      } else if (character === delimiter || character === '\n' || (character === '\r' && text[at + 1] === '\n')) break;
      else value += character;
    }
    const span = { from: start, to: at };
    values.push(literal(!wasQuoted && value === nullText ? null : value, span, lineAt));
    if (at < to && text[at] === delimiter) at++;
    else {
      const next = at >= to ? to : at + (text[at] === '\r' ? 2 : 1);
      return { row: { values, span: { from, to: at }, line: lineAt(from) }, next: Math.max(next, from + 1) };
    }
  }
}

function unescaped(field: string): string {
  if (!field.includes('\\')) return field;
  const letters: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
  return field.replace(/\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g, (_, hex, octal, other) =>
    hex
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : octal
        ? String.fromCharCode(Number.parseInt(octal, 8))
        : (letters[other as string] ?? other),
  );
}
