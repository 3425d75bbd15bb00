/**
 * What a seed calls its own version: in comments, notices, psql variables, PL/pgSQL variables, a row of a version table.
 */
import type { SeedBlock, SeedReading, SeedStatement } from '../model/seed.ts';
import { nextToken } from './lexer.ts';
import { metaArguments } from './meta-command.ts';
import type { SeedFile } from './seed-file.ts';

const number = String.raw`v?(\d+(?:\.\d+)+(?:[-+][0-9A-Za-z.-]+)?)`;
/** `Version: 1.1.0`, `seed_version = '1.1.0'`, `SEED_VERSION="1.1.0"`; no versions of other things. Blanks have a bound, or each would be walked from again. */
const stated = new RegExp(
  String.raw`(?<!(?:postgres(?:ql)?|psql|python|node|alembic|api|server|app|minimum|requires?|schema)[\s_-]{0,20})\bv?(?:seed(?:ing|er)?[\s_-]{0,20})?(?:data[\s_-]{0,20})?version['"]?\s{0,20}(?::=|[:=]|is)?\s{0,20}['"]?${number}`,
  'giu',
);
const versionTable = /seed|fixture|demo_data/i;
const versionColumn = /version/i;

export function readVersions(
  file: SeedFile,
  statements: readonly SeedStatement[],
  blocks: readonly SeedBlock[],
): SeedReading['version'] {
  const found = new Map<number, { value: string; line: number; span: { from: number; to: number } }>();
  const add = (value: string, from: number): void => {
    if (!found.has(from)) found.set(from, { value, line: file.lineAt(from), span: { from, to: from + value.length } });
  };
  const search = (from: number, to: number): void => {
    for (const match of file.text.slice(from, to).matchAll(stated)) {
      const value = match[1] as string;
      add(value, from + match.index + match[0].length - value.length);
    }
  };

  for (const [from, to] of commentRanges(file.masked, 0, file.masked.length)) search(from, to);
  for (const { bodySpan, declareSpan } of blocks) {
    for (const [from, to] of commentRanges(file.masked, bodySpan.from, bodySpan.to)) search(from, to);
    if (declareSpan) {
      for (const match of file.text
        .slice(declareSpan.from, declareSpan.to)
        .matchAll(
          new RegExp(
            String.raw`\b\w{0,60}version\w{0,60}\s{1,20}(?:constant\s{1,20})?[\w() ]{1,80}?(?::=|=|default)\s{0,20}'${number}'`,
            'gi',
          ),
        )) {
        const value = match[1] as string;
        add(value, declareSpan.from + match.index + match[0].length - 1 - value.length);
      }
    }
  }
  for (const statement of statements) {
    if (statement.verb === 'notice') search(statement.span.from, statement.span.to);
    if (statement.verb !== 'insert' || !statement.table || !versionTable.test(statement.table.name)) continue;
    const column = statement.columns?.findIndex((name) => versionColumn.test(name)) ?? -1;
    for (const row of statement.rows ?? []) {
      const value = row.values[column];
      if (value?.kind === 'literal' && value.value !== null) {
        const offset = file.text.slice(value.span.from, value.span.to).indexOf(value.value);
        add(value.value, value.span.from + Math.max(offset, 0));
      }
    }
  }
  for (const directive of file.directives) {
    if (directive.command === '\\set') {
      const [name, value] = metaArguments(directive.text).values;
      if (name && value && /version/i.test(name) && new RegExp(`^${number}$`).test(value)) {
        add(value, directive.span.from + file.text.slice(directive.span.from, directive.span.to).lastIndexOf(value));
      }
    } else if (directive.command === '\\echo' || directive.command === '\\qecho' || directive.command === '\\warn') {
      search(directive.span.from, directive.span.to);
    }
  }
  return [...found.values()].sort((a, b) => a.span.from - b.span.from);
}

/** Where comments stand: what lies between two tokens and is no blank. */
function commentRanges(text: string, from: number, to: number): [number, number][] {
  const ranges: [number, number][] = [];
  let at = from;
  for (;;) {
    const token = nextToken(text, at, to);
    const end = token?.from ?? to;
    if (text.slice(at, end).trim() !== '') ranges.push([at, end]);
    if (!token) return ranges;
    at = token.to;
  }
}
