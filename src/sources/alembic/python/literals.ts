/**
 * What Python's literals stand for: texts with their escapes decoded, numbers.
 */
import type { Constant } from './ast.ts';

/** The value of one literal that stands, prefix and quotes included, between two offsets; null as in `decode`. */
export function decodeLiteral(text: string, from: number, to: number): string | null {
  let isRaw = false;
  let isBytes = false;
  let at = from;
  let quote = text.charCodeAt(at);
  for (; quote !== 34 && quote !== 39; quote = text.charCodeAt(++at)) {
    if ((quote | 32) === 114) isRaw = true;
    else if ((quote | 32) === 98) isBytes = true;
  }
  const isTriple = to - at >= 6 && text.charCodeAt(at + 1) === quote && text.charCodeAt(at + 2) === quote;
  const width = isTriple ? 3 : 1;
  return decode(text.slice(at + width, to - width), isRaw, isBytes);
}

const simpleEscapes: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  "'": "'",
  '"': '"',
  '\\': '\\',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

const escapes = /\\(\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[\s\S])/g;
const escapesOfBytes = /\\(\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|[\s\S])/g;

/**
 * The value of a literal's body: newlines as Python normalises them, escapes decoded unless raw. Null: a `\N{…}`, which only
 * Python's table of names can tell.
 */
export function decode(body: string, isRaw: boolean, isBytes: boolean): string | null {
  const unix = body.includes('\r') ? body.replace(/\r\n?/g, '\n') : body;
  if (isRaw || !unix.includes('\\')) return unix;
  let isNamed = false;
  const text = unix.replace(isBytes ? escapesOfBytes : escapes, (whole, code: string) => {
    if (code === '\n') return '';
    if (/^[0-7]/.test(code)) {
      const unit = Number.parseInt(code, 8);
      return String.fromCharCode(isBytes ? unit & 255 : unit);
    }
    if (/^[xuU]/.test(code) && code.length > 1) return String.fromCodePoint(Number.parseInt(code.slice(1), 16));
    if (code.length > 1) isNamed = true;
    return simpleEscapes[code] ?? whole;
  });
  return isNamed ? null : text;
}

/** Null: a complex number. */
export function numberOf(raw: string): Pick<Constant, 'of' | 'value'> | null {
  const plain = raw.includes('_') ? raw.replaceAll('_', '') : raw;
  if (/^(?:\d+|0[xobXOB].*)$/.test(plain)) {
    const value = Number(plain);
    if (Number.isSafeInteger(value)) return { of: 'int', value };
    return { of: 'int', value: plain.length < 400 ? BigInt(plain) : 0n };
  }
  if (/[jJ]$/.test(plain)) return null;
  return { of: 'float', value: Number(plain) };
}
