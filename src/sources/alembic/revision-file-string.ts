/**
 * What a Python string literal stands for. Refuses formatted strings: their value hangs on names.
 */

const simpleEscapes: Record<string, string> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The text between the quotes with its escapes worked out; null where only Python's own tables could say (`\N{…}`). */
export function unescapePython(body: string): string | null {
  if (!body.includes('\\')) return body.includes('\r') ? body.replace(/\r\n?/g, '\n') : body;
  let unknown = false;
  const text = body
    .replace(/\r\n?/g, '\n')
    .replace(
      /\\(?:\n|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}]*)\}|([\s\S]))/g,
      (whole, octal, byte, unit, point, name, other) => {
        if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
        const code = byte ?? unit ?? point;
        if (code !== undefined) return String.fromCodePoint(Number.parseInt(code, 16));
        if (name !== undefined) {
          unknown = true;
          return '';
        }
        if (other === undefined) return '';
        return simpleEscapes[other] ?? whole;
      },
    );
  return unknown ? null : text;
}

export interface StringParts {
  prefix: string;
  body: string;
}

/** Splits one literal, prefix and quotes included, as a lexer cut it out. */
export function splitLiteral(literal: string): StringParts | null {
  const match = /^([a-zA-Z]{0,2})("""|'''|"|')([\s\S]*)\2$/.exec(literal);
  return match === null ? null : { prefix: (match[1] as string).toLowerCase(), body: match[3] as string };
}

/** The value of one plain literal; null for bytes, formatted strings and what cannot be known. */
export function decodeLiteral(literal: string): string | null {
  const parts = splitLiteral(literal);
  if (parts === null || /[bft]/.test(parts.prefix)) return null;
  return parts.prefix.includes('r') ? parts.body.replace(/\r\n?/g, '\n') : unescapePython(parts.body);
}
