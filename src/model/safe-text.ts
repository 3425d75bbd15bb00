/**
 * Characters and lines that whatever shows a text would take for orders: a terminal, a reader's eye, the log of a CI run.
 * Pure; refuses to know where the text came from.
 */

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
const escaped = (code: number) => `\\u${code.toString(16).padStart(4, '0')}`;
const unsafe = new RegExp(`[${unsafeRanges.map(([from, to]) => `${escaped(from)}-${escaped(to)}`).join('')}]`, 'g');

/** Each of them as `\x1b` or `\u202e`. */
export function withoutControls(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : escaped(code);
  });
}

/** Each of them but line feeds as JSON has them. */
export function withJsonEscapes(text: string): string {
  return text.replace(unsafe, (character) => escaped(character.charCodeAt(0)));
}

/** Lines that GitHub, Azure or TeamCity would carry out do not begin as they must. */
export function withoutLogCommands(text: string): string {
  return text
    .replace(/^([ \t]*):(?=:[^\n]*::)/gm, '$1\\x3a')
    .replace(/^([ \t]*)#(?=#(?:vso|teamcity)?\[)/gm, '$1\\x23');
}
