/**
 * A seed file as psql reads it (psqlscan.l, manual "psql"): statements, meta-commands, COPY data and variables, cut apart by
 * offset. What is no SQL is masked by text of the same length, so that every position stays that of the original file.
 */
import type { PsqlDirective, Span } from '../model/seed.ts';
import { nextToken, type Token } from './lexer.ts';
import { lineCounter } from './positions.ts';

export interface SeedPiece extends Span {
  /** COPY … FROM stdin: the lines of data, without the closing `\.`. */
  data: Span | null;
  /** `\gset` and its kin, where one of them and no `;` ends the statement. */
  sentBy: string | null;
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

const sendingCommands = new Set(['g', 'gx', 'gset', 'gexec', 'gdesc', 'crosstabview', 'bind', 'parse', 'sendpipeline']);

function blank(text: string): string {
  return text.replace(/[^\n\r]/g, ' ');
}

/** First word of a meta-command's arguments and the rest, quotes taken off as psql does. */
export function directiveArguments(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(/'((?:[^'\\]|''|\\.)*)'|"((?:[^"]|"")*)"|(\S+)/g)) {
    found.push(
      match[1]?.replaceAll("''", "'").replace(/\\n/g, '\n') ?? match[2]?.replaceAll('""', '"') ?? match[3] ?? '',
    );
  }
  return found;
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
    const piece = start >= 0 && last > start ? { from: start, to: last, data: null, sentBy } : null;
    if (piece) pieces.push(piece);
    start = -1;
    depth = 0;
    atomic = 0;
    words = [];
    previous = null;
    return piece;
  };

  let at = 0;
  for (;;) {
    const token = nextToken(text, at);
    if (!token) break;
    at = token.to;

    if (token.kind === 'backslash') {
      const endOfLine = text.indexOf('\n', token.from);
      let end = endOfLine < 0 ? text.length : endOfLine;
      if (text[end - 1] === '\r') end--;
      if (text[token.to] === ';') {
        mask(token.from, token.to, ' ');
        continue;
      }
      const double = text.indexOf('\\\\', token.to);
      if (double > 0 && double < end) end = double + 2;
      const whole = text.slice(token.from, end);
      const command = /^\\([A-Za-z]+\+?|[!?.])/.exec(whole)?.[1] ?? '';
      const rest = whole
        .slice(command.length + 1)
        .replace(/\\\\$/, '')
        .trim();
      directives.push({
        line: lineAt(token.from),
        span: { from: token.from, to: token.from + whole.trimEnd().length },
        command: `\\${command}`,
        text: rest,
      });
      mask(token.from, end, blank(whole));
      if (command === 'set') {
        const [name, ...parts] = directiveArguments(rest);
        if (name !== undefined) values.set(name, parts.join(''));
      }
      if (sendingCommands.has(command)) finish(`\\${command}`);
      at = end;
      if (command === 'q') break;
      continue;
    }

    if (token.kind === 'mark' && token.text === ':') {
      const used = /^:(?:([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|'([^'\n]+)'|"([^"\n]+)"|\{\?\w+\})/.exec(
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
      if (piece && readsStdin(text, piece.from, piece.to)) {
        const endOfLine = text.indexOf('\n', token.to);
        const from = endOfLine < 0 ? text.length : endOfLine + 1;
        const close = /^\\\.[ \t]*\r?$/m;
        close.lastIndex = 0;
        const found = close.exec(text.slice(from));
        const dataEnd = found ? from + found.index : text.length;
        const end = found ? dataEnd + found[0].length : text.length;
        piece.data = { from, to: dataEnd };
        directives.push({ line: lineAt(from), span: { from, to: end }, command: 'copy-data', text: '' });
        mask(token.to, end, blank(text.slice(token.to, end)));
        at = end;
      }
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
