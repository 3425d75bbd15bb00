/**
 * Arguments of psql's meta-commands as psqlscanslash.l reads them: quotes, escapes, variables, `:{?name}`.
 * Refuses to know what a command does with them.
 */
import { quoteLiteral } from '../model/name.ts';

/** `backquote`: psql would run a program for it. */
export type MetaArguments =
  | { values: string[]; fault: null }
  | { values: string[]; fault: 'backquote' | 'unterminated' };

const escapes: Record<string, string> = { n: '\n', t: '\t', b: '\b', r: '\r', f: '\f' };
const variable = /:(?:([\w\u0080-\uffff]+)|'([\w\u0080-\uffff]+)'|"([\w\u0080-\uffff]+)"|\{\?([\w\u0080-\uffff]+)\})/y;

/** Without `variables` what names one stays as written, as it does for psql where none is set. */
export function metaArguments(text: string, variables: ReadonlyMap<string, string> = new Map()): MetaArguments {
  const values: string[] = [];
  let current: string | null = null;
  let at = 0;
  const add = (piece: string): void => {
    current = (current ?? '') + piece;
  };
  while (at < text.length) {
    const character = text[at] as string;
    if (/\s/.test(character)) {
      if (current !== null) values.push(current);
      current = null;
      at++;
    } else if (character === "'") {
      const quoted = /'((?:[^'\\]|\\[\s\S]|'')*)'/y;
      quoted.lastIndex = at;
      const found = quoted.exec(text);
      if (!found) return { values, fault: 'unterminated' };
      add(unescaped(found[1] as string));
      at = quoted.lastIndex;
    } else if (character === '"') {
      // The quotes stay: whoever wants an identifier takes them off.
      const close = text.indexOf('"', at + 1);
      if (close < 0) return { values, fault: 'unterminated' };
      add(text.slice(at, close + 1));
      at = close + 1;
    } else if (character === '`') return { values, fault: 'backquote' };
    else {
      variable.lastIndex = at;
      const used = character === ':' ? variable.exec(text) : null;
      add(used ? filledVariable(used, variables) : character);
      at = used ? variable.lastIndex : at + 1;
    }
  }
  if (current !== null) values.push(current);
  return { values, fault: null };
}

function filledVariable(used: RegExpExecArray, variables: ReadonlyMap<string, string>): string {
  const [whole, plain, literal, identifier, asked] = used;
  if (asked !== undefined) return variables.has(asked) ? 'TRUE' : 'FALSE';
  const value = variables.get((plain ?? literal ?? identifier) as string);
  if (value === undefined) return whole;
  if (literal !== undefined) return quoteLiteral(value);
  // psql quotes these always, not only where it must (psql_get_variable, PQescapeIdentifier).
  return identifier === undefined ? value : quoteIdentifierAlways(value);
}

/** As PQescapeIdentifier: quoted whether it must be or not. */
export function quoteIdentifierAlways(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function unescaped(text: string): string {
  return text.replace(/''|\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|([\s\S]))/g, (_, hex, octal, other) =>
    hex
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : octal
        ? String.fromCharCode(Number.parseInt(octal, 8) & 0xff)
        : other === undefined
          ? "'"
          : (escapes[other] ?? other),
  );
}

/** ParseVariableBool of psql: unique beginnings of true, false, yes, no, on, off; 1 and 0. Null: none of them. */
export function psqlBoolean(text: string): boolean | null {
  const word = text.toLowerCase();
  if (word === '1') return true;
  if (word === '0') return false;
  const starts = (whole: string, least = 1) => word.length >= least && whole.startsWith(word);
  if (starts('true') || starts('yes') || starts('on', 2)) return true;
  return starts('false') || starts('no') || starts('off', 2) ? false : null;
}
