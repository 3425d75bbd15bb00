/**
 * Text from files, catalogues and rows made safe to print: control characters, terminal escapes and bidirectional
 * overrides become visible, passwords are covered. Each output's own escapes are here too.
 */
import { withJsonEscapes, withoutControls } from '../model/safe-text.ts';
import { withoutPasswords } from '../model/secrets.ts';

/** Without passwords; what would move a cursor, colour a terminal or turn a line's direction is written as `\x1b` or `\u202e`. */
export function visible(text: string): string {
  return withoutControls(withoutPasswords(text));
}

/** One line: breaks and runs of blanks become one blank. */
export function oneLine(text: string): string {
  return visible(text.replace(/\s+/g, ' ').trim());
}

/** The beginning of a text that may be megabytes, and where the rest stands; no character is cut in two. */
export function shortened(text: string, most: number, rest = '--format json has more'): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text[most - 1] as string) ? most - 1 : most;
  return `${text.slice(0, end)}… (${(text.length - end).toLocaleString('en')} more characters; ${rest})`;
}

/** Every string in a plain value, keys left alone. What holds none that changes is given back itself: most of a document. */
export function mapStrings<T>(value: T, change: (text: string) => string): T {
  if (typeof value === 'string') return change(value) as T;
  if (value === null || typeof value !== 'object') return value;
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let changed: unknown[] | null = null;
  for (let at = 0; at < items.length; at++) {
    const to = mapStrings(items[at], change);
    if (to === items[at]) continue;
    changed ??= [...items];
    changed[at] = to;
  }
  if (changed === null) return value;
  const own = changed;
  return (Array.isArray(value) ? own : Object.fromEntries(Object.keys(value).map((key, at) => [key, own[at]]))) as T;
}

/** A project's file from the top of its repository; one beside it (`../seeds/a.sql`) by its place there. */
export function fileInRepository(prefix: string, file: string): string {
  const parts: string[] = [];
  for (const part of `${prefix}${file}`.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/') || '.';
}

/** JSON whose text holds no password either, and no character that a terminal would act on. */
export function jsonText(value: unknown, indent = 2): string {
  return `${withJsonEscapes(JSON.stringify(mapStrings(value, withoutPasswords), null, indent))}\n`;
}

/** Inside a Markdown table cell. */
export function markdownText(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>|~#!&@]/g, (character) =>
    character === '&' ? '&amp;' : character === '<' ? '&lt;' : character === '@' ? '&#64;' : `\\${character}`,
  );
}
