/**
 * Cuts a script into statements as psql does: at `;` outside quotes, brackets and BEGIN ATOMIC bodies.
 * Needed where PostgreSQL's parser refuses the whole; refuses to know what a statement means.
 */
import { nextToken, type Token } from './lexer.ts';

export interface StatementSlice {
  /** Without the `;` and without blanks or comments before it. */
  text: string;
  from: number;
  to: number;
}

/** `bracketsHold`: a `;` inside brackets ends nothing; false finds the next statement behind one with a bracket too many. */
export function splitStatements(
  text: string,
  from = 0,
  to: number = text.length,
  bracketsHold = true,
): StatementSlice[] {
  const slices: StatementSlice[] = [];
  let start = -1;
  let last = from;
  let depth = 0;
  let blockDepth = 0;
  let words: string[] = [];
  let previous: Token | null = null;
  const finish = (): void => {
    if (start >= 0 && last > start) slices.push({ text: text.slice(start, last), from: start, to: last });
    start = -1;
    depth = 0;
    blockDepth = 0;
    words = [];
  };
  for (let at = from; ; ) {
    const token = nextToken(text, at, to);
    if (!token) break;
    at = token.to;
    if (token.kind === 'mark' && token.text === ';' && (depth <= 0 || !bracketsHold) && blockDepth === 0) {
      finish();
      previous = null;
      continue;
    }
    if (start < 0) start = token.from;
    last = token.to;
    if (token.kind === 'mark') {
      if (token.text === '(' || token.text === '[') depth++;
      else if (token.text === ')' || token.text === ']') depth--;
    } else if (token.kind === 'word') {
      if (words.length < 4) words.push(token.text);
      // A body in standard SQL: CREATE [OR REPLACE] FUNCTION|PROCEDURE … BEGIN ATOMIC …; …; END (psqlscan.l counts the same way).
      const makesRoutine = words[0] === 'create' && words.some((word) => word === 'function' || word === 'procedure');
      if (makesRoutine && token.text === 'atomic' && previous?.text === 'begin') blockDepth++;
      else if (blockDepth > 0 && token.text === 'case') blockDepth++;
      else if (blockDepth > 0 && token.text === 'end') blockDepth--;
    }
    previous = token;
  }
  finish();
  return slices;
}
