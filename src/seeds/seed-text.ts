/**
 * Small questions about the layout of a seed's text: indentation, line ends, where a statement is over.
 */
import { nextToken } from '../sql/index.ts';

/** Blanks before the first character of the line that holds the offset. */
export function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? '';
}

export function newLineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** Offset after the `;` that ends the statement. */
export function afterStatement(text: string, to: number): number {
  const token = nextToken(text, to);
  return token?.kind === 'mark' && token.text === ';' ? token.to : to;
}

/** Offset where the dollar-quoted body of a statement begins; null where it has none. */
export function bodyStart(text: string, from: number, to: number): number | null {
  for (let token = nextToken(text, from, to); token; token = nextToken(text, token.to, to)) {
    if (token.kind === 'dollar') return token.from + token.text.indexOf('$', 1) + 1;
  }
  return null;
}
