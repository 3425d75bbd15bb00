/**
 * Text from files, catalogues and rows made safe to print: control characters, terminal escapes and bidirectional
 * overrides become visible, passwords in URLs are covered. Each output's own escapes are here too.
 */
import { withoutUrlPasswords } from '../model/secrets.ts';

// Built from numbers, so that this file itself holds none of them: C0 but tab and line feed, DEL and C1, line and
// paragraph separators, bidirectional embeddings, overrides and isolates, zero-width marks, the byte order mark.
const unsafeRanges: [number, number][] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
];
const hex = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;
const unsafe = new RegExp(`[${unsafeRanges.map(([from, to]) => `${hex(from)}-${hex(to)}`).join('')}]`, 'g');

/** What would move a cursor, colour a terminal or turn the direction of a line is written as `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : hex(code);
  });
}

/** One line: breaks and runs of blanks become one blank. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, ' ').trim());
}

/** `postgresql://user:secret@host` and `password=secret` with the secret covered. */
export function withoutPasswords(text: string): string {
  return withoutUrlPasswords(text).replace(/\b(password|passwd|pgpassword)=[^\s&'";]+/gi, '$1=***');
}

/** Every string in a plain value, keys left alone. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (Array.isArray(value)) return value.map((item) => mapStrings(item, change)) as T;
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapStrings(item, change)])) as T;
  }
  return value;
}

/** JSON whose text, too, holds no character that a terminal would act on. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2).replace(unsafe, (character) => (character === '\n' ? character : hex(character.charCodeAt(0))))}\n`;
}

/** Inside a Markdown table cell. */
export function markdownText(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>|~#!&@]/g, (character) =>
    character === '&' ? '&amp;' : character === '<' ? '&lt;' : character === '@' ? '&#64;' : `\\${character}`,
  );
}
