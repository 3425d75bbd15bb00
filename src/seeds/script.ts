/**
 * What a driver can run of a seed written for psql: its statements in order with \i, \ir, \set, \if and COPY data carried
 * out by chain itself. What it cannot carry out is refused, with the line. Refuses to connect.
 */
import { posix } from 'node:path';
import { ChainError } from '../errors.ts';
import { quoteIdentifier, quoteLiteral } from '../model/name.ts';
import { directiveArguments, parseStatements, readSeedFile, type SeedFile, type SeedPiece } from '../sql/index.ts';

export interface ScriptStatement {
  kind: 'statement';
  file: SeedFile;
  fileName: string;
  from: number;
  to: number;
  /** As sent: psql variables filled in. */
  sql: string;
  /** `\gset`, `\gexec`: what is to be done with the answer. */
  sentBy: { command: string; argument: string } | null;
  /** COPY … FROM stdin: the span of its lines. */
  data: { from: number; to: number } | null;
}

export interface ScriptMessage {
  kind: 'message';
  text: string;
}

export type ReadScriptFile = (file: string) => string | null;

/** Settings of psql's own display, which change nothing in the database. */
const harmless = new Set(
  `timing pset x a t H f C T encoding errverbose conninfo d dt di dv df dn du l z unset prompt warn_level watch sf sv echo_hidden
  html crosstabview h ? copyright password s w p r e`.split(/\s+/),
);

function refuse(fileName: string, line: number, what: string, hint: string): never {
  throw new ChainError('seed-failed', `${fileName}:${line}: ${what}`, { hint });
}

/** The script's acts in order. Lazily, since \gset and \if hang on what ran before. */
export function* scriptOf(
  fileName: string,
  text: string,
  read: ReadScriptFile,
  variables: Map<string, string>,
  depth = 0,
): Generator<ScriptStatement | ScriptMessage> {
  const file = readSeedFile(text);
  const acts = [
    ...file.pieces.map((piece) => ({ at: piece.from, piece, directive: null })),
    ...file.directives
      .filter(({ command }) => command.startsWith('\\'))
      .map((directive) => ({ at: directive.span.from, piece: null, directive })),
  ].sort((a, b) => a.at - b.at);
  /** For each open \if: whether its branch runs, and whether one has run already. */
  const branches: { runs: boolean; taken: boolean; outer: boolean }[] = [];
  const runs = (): boolean => branches.at(-1)?.runs ?? true;
  for (const { piece, directive } of acts) {
    if (piece) {
      if (runs()) yield statementOf(fileName, file, piece, variables);
      continue;
    }
    const { command, text: rest, line } = directive;
    const name = command.slice(1).replace(/\+$/, '');
    if (name === 'if') {
      const holds = runs() && isTrue(fileName, line, rest, variables);
      branches.push({ runs: holds, taken: holds, outer: runs() });
    } else if (name === 'elif' || name === 'else') {
      const branch = branches.at(-1);
      if (!branch) refuse(fileName, line, `${command} without \\if`, 'Close what was opened.');
      branch.runs = branch.outer && !branch.taken && (name === 'else' || isTrue(fileName, line, rest, variables));
      branch.taken ||= branch.runs;
    } else if (name === 'endif') {
      if (!branches.pop()) refuse(fileName, line, '\\endif without \\if', 'Close what was opened.');
    } else if (!runs() || directive.command === '\\g' || ['gx', 'gset', 'gexec', 'gdesc'].includes(name)) {
    } else if (name === 'set') {
      const [variable, ...values] = directiveArguments(filled(rest, variables));
      if (variable !== undefined) variables.set(variable, values.join(''));
    } else if (name === 'unset') {
      variables.delete(rest.trim());
    } else if (['i', 'include', 'ir', 'include_relative'].includes(name)) {
      const target = directiveArguments(filled(rest, variables))[0] ?? '';
      const relative =
        name === 'ir' || name === 'include_relative'
          ? posix.join(posix.dirname(fileName), target)
          : posix.normalize(target);
      const included = depth < 20 ? read(relative) : null;
      if (included === null)
        refuse(
          fileName,
          line,
          `${command} ${target}: ${depth < 20 ? 'no such file' : 'files include each other without end'}`,
          'Correct the path: \\i is relative to the working folder, \\ir to the file.',
        );
      yield* scriptOf(relative, included, read, variables, depth + 1);
    } else if (name === 'echo' || name === 'qecho' || name === 'warn') {
      yield { kind: 'message', text: directiveArguments(filled(rest, variables)).join(' ') };
    } else if (name === 'q') {
      return;
    } else if (!harmless.has(name)) {
      refuse(
        fileName,
        line,
        `${command} needs psql`,
        name === 'copy'
          ? 'Write the rows as INSERT, or as COPY … FROM stdin with the data in the file.'
          : 'Take it out of the seed, or run the seed with psql -v ON_ERROR_STOP=1.',
      );
    }
  }
  if (branches.length > 0) refuse(fileName, file.lineAt(text.length), '\\if without \\endif', 'Close what was opened.');
}

function isTrue(fileName: string, line: number, text: string, variables: ReadonlyMap<string, string>): boolean {
  const defined = /^:\{\?(\w+)\}$/.exec(text.trim());
  if (defined) return variables.has(defined[1] as string);
  const value = filled(text, variables).trim().toLowerCase();
  if (['true', 't', 'on', 'yes', 'y', '1'].includes(value)) return true;
  if (['false', 'f', 'off', 'no', 'n', '0', ''].includes(value)) return false;
  return refuse(fileName, line, `\\if ${text}: no true or false`, 'psql takes true, false, on, off, yes, no, 1 and 0.');
}

/** Variables in a meta-command's arguments. */
function filled(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/:'(\w+)'|:(\w+)/g, (whole, quoted: string | undefined, plain: string | undefined) => {
    const value = variables.get((quoted ?? plain) as string);
    return value === undefined ? whole : quoted === undefined ? value : quoteLiteral(value);
  });
}

function statementOf(
  fileName: string,
  file: SeedFile,
  piece: SeedPiece,
  variables: ReadonlyMap<string, string>,
): ScriptStatement {
  let sql = '';
  let at = piece.from;
  for (const [offset, used] of [...file.variableAt].sort(([a], [b]) => a - b)) {
    if (offset < piece.from || offset >= piece.to) continue;
    const value = variables.get(used.name);
    sql += file.text.slice(at, offset);
    sql +=
      value === undefined
        ? file.text.slice(offset, used.to)
        : used.quoting === "'"
          ? quoteLiteral(value)
          : used.quoting === '"'
            ? quoteIdentifier(value)
            : value;
    at = used.to;
  }
  sql += file.text.slice(at, piece.to);
  const argument = piece.sentBy
    ? (file.directives.find((each) => each.span.from >= piece.to && each.command === piece.sentBy)?.text ?? '')
    : '';
  // Meta-commands inside a statement are masked in what is sent; lines stay.
  for (const directive of file.directives) {
    if (directive.command.startsWith('\\') && directive.span.from > piece.from && directive.span.to <= piece.to) {
      sql = sql.replace(file.text.slice(directive.span.from, directive.span.to), '');
    }
  }
  return {
    kind: 'statement',
    file,
    fileName,
    from: piece.from,
    to: piece.to,
    sql,
    sentBy: piece.sentBy ? { command: piece.sentBy, argument } : null,
    data: piece.data,
  };
}

/** `transaction`: BEGIN or COMMIT, which the run has of its own. `rollback`: would undo the run. `outside`: refused in a transaction. */
export function roleOf(sql: string): { role: 'run' | 'transaction' | 'rollback' | 'outside'; settings: string[] } {
  const settings: string[] = [];
  for (const piece of parseStatements(sql)) {
    if ('failure' in piece) continue;
    const { node } = piece.statement;
    if ('TransactionStmt' in node) {
      const kind = node.TransactionStmt.kind ?? '';
      if (['TRANS_STMT_BEGIN', 'TRANS_STMT_START', 'TRANS_STMT_COMMIT'].includes(kind))
        return { role: 'transaction', settings };
      if (kind === 'TRANS_STMT_ROLLBACK') return { role: 'rollback', settings };
    }
    if ('VacuumStmt' in node && node.VacuumStmt.is_vacuumcmd) return { role: 'outside', settings };
    if ('VariableSetStmt' in node && node.VariableSetStmt.name && !node.VariableSetStmt.is_local)
      settings.push(node.VariableSetStmt.name);
  }
  for (const match of sql.matchAll(/\bset_config\s*\(\s*'([\w.]+)'/gi)) settings.push(match[1] as string);
  return { role: 'run', settings };
}
