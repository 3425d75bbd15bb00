/**
 * What a driver can run of a seed written for psql: its statements in order with \i, \ir, \set, \if, \gset, \copy and COPY
 * data carried out by chain itself. What it cannot carry out is refused, with the line. Refuses to connect.
 */
import { posix } from 'node:path';
import { ChainError } from '../errors.ts';
import { quoteLiteral } from '../model/name.ts';
import type { PsqlDirective } from '../model/seed.ts';
import {
  metaArguments,
  psqlBoolean,
  quoteIdentifierAlways,
  readSeedFile,
  type SeedFile,
  type SeedPiece,
} from '../sql/index.ts';
import { decodeScript, type ReadScriptFile } from './script-files.ts';

export interface ScriptStatement {
  kind: 'statement';
  file: SeedFile;
  fileName: string;
  from: number;
  to: number;
  /** As sent: psql variables filled in. */
  sql: string;
  /** Offset in the file of a character of `sql`, from 1 and in code points as PostgreSQL counts; null inside a variable's value. */
  placeOf(position: number): number | null;
  /** `\gset`, `\gexec`: what is to be done with the answer. */
  sentBy: { command: string; argument: string } | null;
  /** COPY … FROM stdin: its lines, and where the first of them stands. */
  data: { bytes: Uint8Array; fileName: string; line: number } | null;
  /** psql variables that the statement names and nothing has set. */
  unsetVariables: string[];
}

export interface ScriptMessage {
  kind: 'message';
  text: string;
}

/** What comes next hangs on what the statements before it answered, or may be refused: they are to be through. */
export interface ScriptPause {
  kind: 'pause';
}

/** Settings of psql's own display, which change nothing in the database. */
const harmless = new Set(
  `timing pset x a t H f C T errverbose conninfo l z warn_level sf sv ef ev echo_hidden html h ? copyright help p print r reset
  d da dA dAc dAf dAo dAp db dc dC dd dD ddp des det deu dew df dF dFd dFp dFt dg di dl dL dm dn do dO dp dP drds drg dRp dRs ds dt dT
  du dv dx dX dy dconfig lo_list`.split(/\s+/),
);

/** Why chain does not carry a command out, and what to do. */
const refusals: Record<string, [what: string, hint: string]> = {
  '!': ['runs a program', 'Take it out: run the program before chain, in the script around it.'],
  cd: ['changes the working folder', 'Take it out: \\ir is relative to the file that holds it.'],
  c: ['connects to another database', 'Take it out: chain runs the file on the database of --url.'],
  o: ['writes to a file', 'Take it out: a seed writes to its database alone.'],
  w: ['writes to a file', 'Take it out: a seed writes to its database alone.'],
  prompt: ['asks a person', 'Give the variable its value with \\set.'],
  password: ['asks a person', 'Write ALTER ROLE … PASSWORD with a hash, or take it out.'],
  e: ['opens an editor', 'Take it out.'],
  setenv: ['changes the environment', 'Take it out.'],
  getenv: ['takes a value from the environment', 'Give the variable its value with \\set.'],
  watch: ['sends its statement again and again', 'End the statement with a semicolon.'],
  bind: ['sends parameters', 'Write the values into the statement.'],
  lo_import: ['reads a large object', 'Write it with lo_from_bytea() in SQL.'],
  gdesc: ['only describes its statement', 'End the statement with a semicolon, or take it out.'],
};
const aliases: Record<string, string> = {
  connect: 'c',
  out: 'o',
  write: 'w',
  edit: 'e',
  bind_named: 'bind',
  parse: 'bind',
  close: 'bind',
  close_prepared: 'bind',
  startpipeline: 'bind',
  sendpipeline: 'bind',
  lo_export: 'lo_import',
  lo_unlink: 'lo_import',
};
const conditionals = new Set(['if', 'elif', 'else', 'endif']);
const sending = new Set(['g', 'gx', 'gset', 'gexec', 'gdesc', 'crosstabview', 'bind', 'bind_named', 'parse', 'watch']);
const maxDepth = 20;

export function refuse(fileName: string, line: number, what: string, hint: string): never {
  throw new ChainError('seed-failed', `${fileName}:${line}: ${what}`, { hint });
}

/** The script's acts in order. Lazily, since \gset and \if hang on what ran before. */
export function* scriptOf(
  fileName: string,
  text: string,
  read: ReadScriptFile,
  variables: Map<string, string>,
  depth = 0,
): Generator<ScriptStatement | ScriptMessage | ScriptPause> {
  const script = new Script(fileName, readSeedFile(text), read, variables);
  /** For each open \if: whether its branch runs, and whether one has run already. */
  const branches: { runs: boolean; taken: boolean; outer: boolean }[] = [];
  const runs = (): boolean => branches.at(-1)?.runs ?? true;
  for (const act of script.acts) {
    if (!('data' in act) || script.hangsOnAnswers(act)) yield { kind: 'pause' };
    if ('data' in act) {
      const statement = runs() ? script.statement(act) : null;
      if (statement) yield statement;
      continue;
    }
    const { line, text: written } = act;
    const name = act.command.slice(1).replace(/\+$/, '');
    if (conditionals.has(name)) {
      const branch = branches.at(-1);
      if (name === 'if') {
        const holds = runs() && script.isTrue(act);
        branches.push({ runs: holds, taken: holds, outer: runs() });
      } else if (!branch) refuse(fileName, line, `${act.command} without \\if`, 'Close what was opened.');
      else if (name === 'endif') branches.pop();
      else {
        branch.runs = branch.outer && !branch.taken && (name === 'else' || script.isTrue(act));
        branch.taken ||= branch.runs;
      }
    } else if (!runs()) continue;
    else if (sending.has(name)) {
      if (!script.isAnswered(act))
        refuse(fileName, line, `${act.command} sends the last statement again`, 'Write the statement out before it.');
    } else if (name === 'set') {
      const [variable, ...values] = script.arguments(act);
      if (variable !== undefined) variables.set(variable, values.join(''));
    } else if (name === 'unset') {
      for (const variable of script.arguments(act).slice(0, 1)) variables.delete(variable);
    } else if (['i', 'include', 'ir', 'include_relative'].includes(name)) {
      if (depth >= maxDepth)
        refuse(
          fileName,
          line,
          `${act.command} ${written}: files include each other without end`,
          'Take one of them out.',
        );
      const { name: included, bytes } = script.included(act, name.includes('r') ? posix.dirname(fileName) : null);
      yield* scriptOf(included, decodeScript(included, bytes), read, variables, depth + 1);
    } else if (name === 'echo' || name === 'qecho' || name === 'warn') {
      const words = script.arguments(act);
      yield { kind: 'message', text: (words[0] === '-n' ? words.slice(1) : words).join(' ') };
    } else if (name === 'q' || name === 'quit') return;
    else if (name === 'encoding') {
      const [encoding] = script.arguments(act);
      if (encoding !== undefined && !/^utf-?8$/i.test(encoding))
        refuse(fileName, line, `${act.command} ${written}`, 'chain reads seeds as UTF-8: convert the file with iconv.');
    } else if (name === 'copy') script.refuseCopy(act);
    else if (name === 'o' || name === 'out' ? written !== '' : !harmless.has(name)) {
      const known = refusals[aliases[name] ?? name];
      if (known) refuse(fileName, line, `${act.command} ${known[0]}`, known[1]);
      const hint = 'Take it out of the seed, or run the seed with psql -v ON_ERROR_STOP=1.';
      refuse(fileName, line, `${act.command} needs psql`, hint);
    }
  }
  if (branches.length > 0)
    refuse(fileName, script.file.lineAt(text.length), '\\if without \\endif', 'Close what was opened.');
}

/** One file of the script: what stands in it, and what its commands mean with the variables of now. */
class Script {
  readonly file: SeedFile;
  readonly acts: (SeedPiece | PsqlDirective)[];
  private readonly fileName: string;
  private readonly read: ReadScriptFile;
  private readonly variables: Map<string, string>;
  /** What is cut out of a piece's text, or filled in. */
  private readonly cutsByPiece = new Map<SeedPiece, Cut[]>();
  private readonly answerByPiece = new Map<SeedPiece, PsqlDirective>();
  private readonly answered = new Set<PsqlDirective>();

  constructor(fileName: string, file: SeedFile, read: ReadScriptFile, variables: Map<string, string>) {
    this.fileName = fileName;
    this.file = file;
    this.read = read;
    this.variables = variables;
    const commands = file.directives
      .filter(({ command }) => command.startsWith('\\'))
      .sort((a, b) => a.span.from - b.span.from);
    const cuts: Cut[] = [
      ...[...file.variableAt].map(([from, used]) => ({ from, to: used.to, used, command: null })),
      ...commands.map((command) => ({ from: command.span.from, to: command.span.to, used: null, command })),
    ].sort((a, b) => a.from - b.from);
    const outside: PsqlDirective[] = [];
    let at = 0;
    for (const piece of file.pieces) {
      for (; at < cuts.length && (cuts[at] as Cut).from < piece.from; at++) outside.push(...commandOf(cuts[at]));
      const own: Cut[] = [];
      for (; at < cuts.length && (cuts[at] as Cut).from < piece.to; at++) own.push(cuts[at] as Cut);
      this.cutsByPiece.set(piece, own);
      const next = commandOf(cuts[at])[0];
      if (piece.sentBy !== null && next?.command === piece.sentBy) {
        this.answerByPiece.set(piece, next);
        this.answered.add(next);
      }
    }
    for (; at < cuts.length; at++) outside.push(...commandOf(cuts[at]));
    const from = (act: SeedPiece | PsqlDirective): number => ('data' in act ? act.from : act.span.from);
    this.acts = [...file.pieces, ...outside].sort((a, b) => from(a) - from(b));
  }

  hangsOnAnswers(piece: SeedPiece): boolean {
    if (piece.copy !== null || this.answerByPiece.has(piece)) return true;
    return (this.cutsByPiece.get(piece) ?? []).some(({ command, used }) => command || used?.name === 'ROW_COUNT');
  }

  isAnswered(command: PsqlDirective): boolean {
    return this.answered.has(command);
  }

  arguments({ command, text, line }: PsqlDirective): string[] {
    const { values, fault } = metaArguments(text, this.variables);
    if (fault === 'backquote')
      refuse(this.fileName, line, `${command} ${text}: backquotes run a program`, 'Write the value itself.');
    if (fault === 'unterminated')
      refuse(this.fileName, line, `${command} ${text}: unterminated quoted string`, 'Close the quote.');
    return values;
  }

  isTrue(condition: PsqlDirective): boolean {
    const asked = this.arguments(condition).join(' ');
    const answer = psqlBoolean(asked);
    if (answer !== null && asked !== '') return answer;
    return refuse(
      this.fileName,
      condition.line,
      `${condition.command} ${condition.text}: "${asked}" is no true or false`,
      'psql takes true, false, on, off, yes, no, 1 and 0.',
    );
  }

  /** `folder`: what the name is relative to; null: the project. */
  included(command: PsqlDirective, folder: string | null): { name: string; bytes: Uint8Array } {
    const [target = ''] = this.arguments(command);
    const name = posix.normalize(folder === null ? target : posix.join(folder, target));
    const bytes = target === '' ? null : this.read(name, `${this.fileName}:${command.line}`);
    if (bytes) return { name, bytes };
    const beside = posix.join(posix.dirname(this.fileName), target);
    const isBeside = folder === null && target !== '' && this.read(beside, `${this.fileName}:${command.line}`) !== null;
    return refuse(
      this.fileName,
      command.line,
      `${command.command} ${target}: no such file`,
      isBeside
        ? `${beside} is there: write \\ir ${target}, which is relative to the file; \\i is relative to the project.`
        : 'Correct the path: \\i is relative to the project, \\ir to the file.',
    );
  }

  refuseCopy({ line, command, text }: PsqlDirective): never {
    return refuse(
      this.fileName,
      line,
      `${command} ${text.slice(0, 60)}: only \\copy … from 'file' and from stdin are carried out`,
      'A seed writes to its database alone: take it out, or write COPY … FROM stdin.',
    );
  }

  /** Null: psql would only describe it. */
  statement(piece: SeedPiece): ScriptStatement | null {
    const { file, fileName } = this;
    const line = file.lineAt(piece.from);
    const answer = this.answerByPiece.get(piece);
    if (answer) this.checkAnswer(answer);
    const own: ScriptStatement = {
      kind: 'statement',
      file,
      fileName,
      from: piece.from,
      to: piece.to,
      sql: '',
      placeOf: () => null,
      sentBy: answer ? { command: answer.command, argument: this.arguments(answer)[0] ?? '' } : null,
      data: piece.data
        ? {
            bytes: Buffer.from(file.text.slice(piece.data.from, piece.data.to), 'utf8'),
            fileName,
            line: file.lineAt(piece.data.from),
          }
        : null,
      unsetVariables: [],
    };
    if (piece.copy) return this.copyFrom(piece, own, line);
    const parts: { text: string; from: number | null }[] = [];
    let at = piece.from;
    for (const { from, to, used, command } of this.cutsByPiece.get(piece) ?? []) {
      parts.push({ text: file.text.slice(at, from), from: at });
      at = to;
      if (command) this.checkInside(command);
      else parts.push(this.filled(file.text.slice(from, to), from, used, own.unsetVariables));
    }
    parts.push({ text: file.text.slice(at, piece.to), from: at });
    own.sql = parts.map(({ text }) => text).join('');
    own.placeOf = (position) => {
      let left = position - 1;
      for (const { text, from } of parts) {
        const length = [...text].length;
        if (left < length) return from === null ? null : from + [...text].slice(0, left).join('').length;
        left -= length;
      }
      return null;
    };
    return own;
  }

  private filled(
    written: string,
    from: number,
    used: Cut['used'],
    unset: string[],
  ): { text: string; from: number | null } {
    const asked = /^:\{\?(.+)\}$/.exec(written)?.[1];
    if (asked !== undefined) return { text: this.variables.has(asked) ? 'TRUE' : 'FALSE', from: null };
    const value = this.variables.get(used?.name ?? '');
    if (value === undefined) {
      unset.push(used?.name ?? '');
      return { text: written, from };
    }
    if (used?.quoting === "'") return { text: quoteLiteral(value), from: null };
    return { text: used?.quoting === '"' ? quoteIdentifierAlways(value) : value, from: null };
  }

  /** Inside a statement psql's commands act at once, on a buffer that is half written. */
  private checkInside({ command, line, text }: PsqlDirective): void {
    const name = command.slice(1).replace(/\+$/, '');
    if (harmless.has(name) && name !== 'r' && name !== 'reset') return;
    refuse(
      this.fileName,
      line,
      `${command} ${text} stands inside a statement`,
      'Put it before the statement, or end the statement with a semicolon first.',
    );
  }

  private checkAnswer(answer: PsqlDirective): void {
    const name = answer.command.slice(1);
    const known = refusals[aliases[name] ?? name];
    if (known) refuse(this.fileName, answer.line, `${answer.command} ${known[0]}`, known[1]);
    if ((name === 'g' || name === 'gx') && answer.text !== '' && !answer.text.startsWith('('))
      refuse(
        this.fileName,
        answer.line,
        `${answer.command} ${answer.text} writes outside of the database`,
        'End the statement with a semicolon.',
      );
  }

  /** `\copy t from 'file'`: the server's own COPY, with the lines of a file that psql would read from the working folder. */
  private copyFrom(piece: SeedPiece, own: ScriptStatement, line: number): ScriptStatement {
    const { text } = this.file;
    const source = piece.copy as NonNullable<SeedPiece['copy']>;
    if (source.kind === 'program')
      refuse(this.fileName, line, '\\copy … from program runs a program', 'Write its output to a file of the project.');
    if (source.kind === 'pstdin')
      refuse(this.fileName, line, '\\copy … from pstdin reads what psql is given', 'Name a file of the project.');
    own.sql = `COPY ${text.slice(piece.from + 5, source.from).trim()} STDIN${text.slice(source.to, piece.to)}`;
    if (source.kind === 'stdin') return own;
    const name = posix.normalize(source.file);
    const bytes = this.read(name, `${this.fileName}:${line}`);
    if (!bytes)
      return refuse(
        this.fileName,
        line,
        `\\copy … from '${source.file}': no such file`,
        'Correct the path: it is relative to the project.',
      );
    own.data = { bytes, fileName: name, line: 1 };
    return own;
  }
}

interface Cut {
  from: number;
  to: number;
  used: { name: string; quoting: '' | "'" | '"' } | null;
  command: PsqlDirective | null;
}

function commandOf(cut: Cut | undefined): PsqlDirective[] {
  return cut?.command ? [cut.command] : [];
}
