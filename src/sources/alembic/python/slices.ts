/**
 * Where the statements of a module's top level begin and end, found without parsing them: what stands between the lines
 * that open one, with strings, brackets and continued lines followed. So a function or a class of which nobody asks
 * costs no parser. Refuses to know what a statement says; null where it is in doubt.
 */

export interface Slice {
  from: number;
  to: number;
  /** `def`, `async def` or `class` with its name; null: one or more other statements. */
  heading: { kind: 'function' | 'class'; name: string; isDecorated: boolean } | null;
}

const continues = /^(?:else|elif|except|finally)\b/;
const opens = /^(?:async[ \t]+def|def|class)[ \t]+([^\s(:[\\]+)/;

export function sliceTopLevel(text: string): Slice[] | null {
  // A file name's end of line that Python does not share with us.
  if (/\r(?!\n)|\f/.test(text)) return null;
  const slices: Slice[] = [];
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let decorated = -1;
  let simple = -1;
  let last = 0;
  const close = (end: number) => {
    const open = slices[slices.length - 1];
    if (open !== undefined && open.to < 0) open.to = end;
    if (simple >= 0) {
      slices.push({ from: simple, to: end, heading: null });
      simple = -1;
    }
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const isBlank = code === 32 || code === 9 || code === 10 || code === 13 || code === 35;
    if (!isBlank) {
      const head = text.slice(at, at + 160);
      const heading = opens.exec(head);
      if (heading !== null) {
        if (decorated < 0) close(last);
        slices.push({
          from: decorated < 0 ? at : decorated,
          to: -1,
          heading: {
            kind: head.startsWith('class') ? 'class' : 'function',
            name: heading[1] as string,
            isDecorated: decorated >= 0,
          },
        });
        decorated = -1;
      } else if (code === 64) {
        if (decorated < 0) {
          close(last);
          decorated = at;
        }
      } else if (decorated >= 0) return null;
      else if (!(continues.test(head) && simple >= 0) && simple < 0) {
        close(last);
        simple = at;
      }
    }
    const end = endOfLogicalLine(text, at);
    if (end < 0) return null;
    if (code !== 35 && end > at) last = isBlank && text.slice(at, end).trim() === '' ? last : end;
    at = end + 1;
  }
  if (decorated >= 0) return null;
  close(last);
  return slices;
}

/** Position of the line feed that ends the logical line begun at `start`; the text's end; -1 where it does not end. */
function endOfLogicalLine(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    switch (code) {
      case 10:
        if (depth === 0) return at;
        break;
      case 35:
        at = text.indexOf('\n', at);
        if (at < 0) return depth === 0 ? text.length : -1;
        at--;
        break;
      case 92:
        if (text.charCodeAt(at + 1) === 13) at++;
        at++;
        break;
      case 40:
      case 91:
      case 123:
        depth++;
        break;
      case 41:
      case 93:
      case 125:
        if (--depth < 0) return -1;
        break;
      case 34:
      case 39: {
        at = endOfString(text, at, code);
        if (at < 0) return -1;
      }
    }
  }
  return depth === 0 ? text.length : -1;
}

/** Position of the last quote of the string that opens at `start`; -1 where it does not close. */
function endOfString(text: string, start: number, quote: number): number {
  const isTriple = text.charCodeAt(start + 1) === quote && text.charCodeAt(start + 2) === quote;
  for (let at = start + (isTriple ? 3 : 1); at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 92) {
      if (text.charCodeAt(at + 1) === 13) at++;
      at++;
    } else if (code === quote) {
      if (!isTriple) return at;
      if (text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote) return at + 2;
    } else if (code === 10 && !isTriple) return -1;
  }
  return -1;
}
