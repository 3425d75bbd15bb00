/**
 * A seed file as psql reads it (psqlscan.l, manual "psql"): statements, meta-commands, COPY data and variables, cut apart by
 * offset. What is no SQL is masked by text of the same length, so that every position stays that of the original file.
 */
import type { PsqlDirective, Span } from '../model/seed.ts';
import { nextToken, skipBlank, type Token } from './lexer.ts';
import { metaArguments } from './meta-command.ts';
import { lineCounter } from './positions.ts';

export interface SeedPiece extends Span {
  /** COPY … FROM stdin: the lines of data, without the closing `\.`. */
  data: Span | null;
  /** `\gset` and its kin, where one of them and no `;` ends the statement. */
  sentBy: string | null;
  /** The piece is a `\copy … from`: what it reads. */
  copy: CopySource | null;
}

/** `from` and `to`: where its name stands. */
export interface CopySource extends Span {
  kind: 'file' | 'stdin' | 'pstdin' | 'program';
  file: string;
}

export interface SeedFile {
  text: string;
  /** As long as `text`; meta-commands and data blanked, psql variables as parameters. */
  masked: string;
  pieces: SeedPiece[];
  directives: PsqlDirective[];
  /** psql variables used, by offset. */
  variableAt: ReadonlyMap<number, { name: string; value: string | null; quoting: '' | "'" | '"'; to: number }>;
  lineAt(offset: number): number;
}

/** Their arguments are the rest of the line, whatever it holds. */
const wholeLine = new Set(['copy', '!', 'ef', 'ev', 'sf', 'sv', 'h', 'help']);
const sendingCommands = new Set(
  `g gx gset gexec gdesc crosstabview watch bind bind_named parse sendpipeline`.split(' '),
);

function blank(text: string): string {
  return text.replace(/[^\n\r]+/g, (run) => ' '.repeat(run.length));
}

/** Offset where a meta-command's arguments end: at the line's end, or at an unquoted backslash, which begins the next one. */
function endOfArguments(text: string, from: number, lineEnd: number): number {
  let quote = '';
  for (let at = from; at < lineEnd; at++) {
    const character = text[at] as string;
    if (quote !== '') {
      if (character === '\\' && quote === "'") at++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '"' || character === '`') quote = character;
    else if (character === '\\') return at;
  }
  return lineEnd;
}

/** `\copy t FROM 'file' …` as the COPY that the server would read, of the same length; null where it is none that reads. */
function copyCommand(text: string, from: number, to: number): { masked: string; source: CopySource } | null {
  let depth = 0;
  for (let token = nextToken(text, from + 5, to); token; token = nextToken(text, token.to, to)) {
    if (token.text === '(') depth++;
    else if (token.text === ')') depth--;
    if (depth > 0 || token.kind !== 'word' || (token.text !== 'from' && token.text !== 'to')) continue;
    if (token.text === 'to') return null;
    const start = skipBlank(text, token.to, to);
    const name = text[start] === "'" ? /'(?:[^']|'')*'/y : /[^\s;]+/y;
    name.lastIndex = start;
    const found = name.exec(text);
    if (!found || name.lastIndex > to) return null;
    const word = found[0].toLowerCase();
    const isQuoted = found[0].startsWith("'");
    const end = name.lastIndex;
    // A name without quotes is psql's alone; one of a single letter stays, and is no SQL.
    const written = isQuoted || word === 'stdin' || found[0].length < 2 ? found[0] : "''".padEnd(found[0].length);
    return {
      masked: ` COPY${text.slice(from + 5, start)}${written}${text.slice(end, to)}`,
      source: {
        kind: isQuoted ? 'file' : word === 'stdin' || word === 'pstdin' || word === 'program' ? word : 'file',
        file: isQuoted ? found[0].slice(1, -1).replaceAll("''", "'") : found[0],
        from: start,
        to: end,
      },
    };
  }
  return null;
}

function readsStdin(text: string, from: number, to: number): boolean {
  const words: string[] = [];
  for (let token = nextToken(text, from, to); token; token = nextToken(text, token.to, to)) {
    if (token.kind === 'word') words.push(token.text);
    if (words.length === 1 && words[0] !== 'copy') return false;
    if (words.at(-1) === 'stdin' && words.at(-2) === 'from') return true;
  }
  return false;
}

export function readSeedFile(text: string): SeedFile {
  const masked: string[] = [];
  let copied = 0;
  const mask = (from: number, to: number, replacement: string): void => {
    masked.push(text.slice(copied, from), replacement);
    copied = to;
  };
  const lineAt = lineCounter(text);
  const pieces: SeedPiece[] = [];
  const directives: PsqlDirective[] = [];
  const values = new Map<string, string>();
  const variableAt = new Map<number, { name: string; value: string | null; quoting: '' | "'" | '"'; to: number }>();
  let start = -1;
  let last = 0;
  let depth = 0;
  let words: string[] = [];
  let atomic = 0;
  let previous: Token | null = null;

  const finish = (sentBy: string | null): SeedPiece | null => {
    const piece = start >= 0 && last > start ? { from: start, to: last, data: null, sentBy, copy: null } : null;
    if (piece) pieces.push(piece);
    start = -1;
    depth = 0;
    atomic = 0;
    words = [];
    previous = null;
    return piece;
  };

  /** The lines after a COPY's own belong to it, up to `\.` alone on one. Returns the offset after them. */
  const takeData = (piece: SeedPiece, after: number): number => {
    const endOfLine = text.indexOf('\n', after);
    const from = endOfLine < 0 ? text.length : endOfLine + 1;
    const close = /^\\\.\r?$/gm;
    close.lastIndex = from;
    const found = close.exec(text);
    const dataEnd = found ? found.index : text.length;
    const end = found ? close.lastIndex : text.length;
    piece.data = { from, to: dataEnd };
    directives.push({ line: lineAt(from), span: { from, to: end }, command: 'copy-data', text: '' });
    mask(after, end, blank(text.slice(after, end)));
    return end;
  };

  let conditions = 0;
  let at = 0;
  for (;;) {
    const token = nextToken(text, at);
    if (!token) break;
    at = token.to;

    if (token.kind === 'backslash') {
      const endOfLine = text.indexOf('\n', token.from);
      let lineEnd = endOfLine < 0 ? text.length : endOfLine;
      if (text[lineEnd - 1] === '\r') lineEnd--;
      if (text[token.to] === ';') {
        mask(token.from, token.to, ' ');
        continue;
      }
      // A lone `\\` ends the arguments before it and is none itself.
      if (text[token.to] === '\\') {
        mask(token.from, token.to + 1, '  ');
        at = token.to + 1;
        continue;
      }
      const command = /^\\([A-Za-z_]+\+?|[!?.])/.exec(text.slice(token.from, token.from + 40))?.[1] ?? '';
      const argumentsFrom = token.from + 1 + command.length;
      const end = wholeLine.has(command) ? lineEnd : endOfArguments(text, argumentsFrom, lineEnd);
      const whole = text.slice(token.from, end);
      const rest = text.slice(argumentsFrom, end).trim();
      directives.push({
        line: lineAt(token.from),
        span: { from: token.from, to: token.from + whole.trimEnd().length },
        command: `\\${command}`,
        text: rest,
      });
      const copy =
        command === 'copy' && start < 0 ? copyCommand(text, token.from, token.from + whole.trimEnd().length) : null;
      if (copy) {
        const piece: SeedPiece = {
          from: token.from,
          to: token.from + copy.masked.length,
          data: null,
          sentBy: null,
          copy: copy.source,
        };
        mask(piece.from, piece.to, copy.masked);
        pieces.push(piece);
        at = copy.source.kind === 'stdin' ? takeData(piece, end) : end;
        continue;
      }
      mask(token.from, end, blank(whole));
      at = end;
      if (command === 'set') {
        const [name, ...parts] = metaArguments(rest, values).values;
        // Under a condition it may be the one or the other.
        if (name !== undefined && conditions === 0) values.set(name, parts.join(''));
        else if (name !== undefined) values.delete(name);
      } else if (command === 'if') conditions++;
      else if (command === 'endif') conditions--;
      // Inside \if it depends, and what follows is still to be read.
      else if (command === 'q' && conditions <= 0) break;
      if (sendingCommands.has(command)) {
        const piece = finish(`\\${command}`);
        if (piece && readsStdin(text, piece.from, piece.to)) at = takeData(piece, end);
      }
      continue;
    }

    if (token.kind === 'mark' && token.text === ':') {
      const used =
        /^:(?:([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|'([\w\u0080-\uffff]+)'|"([\w\u0080-\uffff]+)"|\{\?[\w\u0080-\uffff]+\})/.exec(
          text.slice(token.from, token.from + 130),
        );
      const isSlice = previous !== null && (previous.kind === 'number' || previous.text === '[') && depth > 0;
      if (used && !isSlice) {
        const name = used[1] ?? used[2] ?? used[3] ?? '';
        const quoting = used[2] === undefined ? (used[3] === undefined ? '' : '"') : "'";
        const end = token.from + used[0].length;
        variableAt.set(token.from, { name, value: values.get(name) ?? null, quoting, to: end });
        directives.push({
          line: lineAt(token.from),
          span: { from: token.from, to: end },
          command: 'variable',
          text: used[0],
        });
        mask(token.from, end, quoting === '"' ? `"${name}" ` : '$1'.padEnd(used[0].length));
        if (start < 0) start = token.from;
        at = end;
        last = end;
        continue;
      }
    }

    if (token.kind === 'mark' && token.text === ';' && depth <= 0 && atomic === 0) {
      const piece = finish(null);
      if (piece && readsStdin(text, piece.from, piece.to)) at = takeData(piece, token.to);
      continue;
    }

    if (start < 0) start = token.from;
    last = token.to;
    if (token.kind === 'mark') {
      if (token.text === '(' || token.text === '[') depth++;
      else if (token.text === ')' || token.text === ']') depth--;
    } else if (token.kind === 'word') {
      if (words.length < 4) words.push(token.text);
      const makesRoutine = words[0] === 'create' && words.some((word) => word === 'function' || word === 'procedure');
      if (makesRoutine && token.text === 'atomic' && (previous as Token | null)?.text === 'begin') atomic++;
      else if (atomic > 0 && token.text === 'case') atomic++;
      else if (atomic > 0 && token.text === 'end') atomic--;
    }
    previous = token;
  }
  finish(null);
  masked.push(text.slice(copied));
  return { text, masked: masked.join(''), pieces, directives, variableAt, lineAt };
}
