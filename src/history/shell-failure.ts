/**
 * What a POSIX shell makes of a command that fails: ends, goes on, or answers it. Reads plainly written scripts, and says
 * `told` wherever it is not sure. Source: POSIX.1-2017, Shell Command Language, 2.8 and `set -e`; bash manual, `pipefail`.
 */
import { type MigratorFailure, told } from '../model/migrator.ts';
import type { TextEdit } from '../model/remedy.ts';
import { withoutPasswords } from '../model/secrets.ts';
import type { ShellCommand } from './shell-lines.ts';

export interface ShellMode {
  /** `set -e`, or a runner that does the same. */
  exitsOnError: boolean;
  pipefail: boolean;
}

export interface Part {
  /** What stands before it: `''` for the first. */
  operator: '' | '||' | '&&' | '|' | ';' | '&' | ')' | '}';
  text: string;
  /** Where the operator stands in the text. */
  at: number;
}

/** The failure of what stands at `from`–`to` in the text of `commands[index]`; a `mend` is of that text. */
export function failureIn(
  commands: readonly ShellCommand[],
  index: number,
  span: { from: number; to: number },
  initial: ShellMode,
): MigratorFailure {
  const command = commands[index] as ShellCommand;
  const mode = modeAt(commands, index, initial);
  const before = command.text.slice(0, span.from);
  const parts = partsOf(command.text.slice(span.to));
  const later = following(commands.slice(index + 1), /;;\s*$/.test(command.text));

  if (/(?:^|[;&|({]\s*)(?:while|until)\s[^;]*$/.test(before)) return told;
  if (/(?:^|[;&|({]\s*)(?:if|elif)\s[^;]*$/.test(before))
    return failureOfCondition(before, parts, commands.slice(index + 1));
  const failure = failureAlong(parts, mode, later, isInFunction(commands, index));
  if (failure.kind === 'told') return told;
  const mend = mendOf(parts, command.text.length - span.to);
  return mend === null ? failure : { ...failure, mend: moved(mend, span.to) };
}

/** Ends the run in the place of what went on: ` || exit 1` for the answer, or after the command. Null: not so plain. */
function mendOf(parts: readonly Part[], length: number): TextEdit | null {
  const operators = parts.slice(1).map(({ operator }) => operator);
  const last = parts.at(-1) as Part;
  if (operators.length === 0) return { from: length, to: length, text: ' || exit 1' };
  if (operators.length === 1 && last.operator === '||') return { from: last.at, to: length, text: '|| exit 1' };
  if (operators.length === 1 && last.operator === ';' && last.text !== '')
    return { from: last.at, to: last.at + 1, text: ' &&' };
  return null;
}

export function moved(edit: TextEdit, by: number): TextEdit {
  return { ...edit, from: edit.from + by, to: edit.to + by };
}

function failureAlong(
  parts: readonly Part[],
  mode: ShellMode,
  later: readonly ShellCommand[],
  isLastWordTheCallers: boolean,
): MigratorFailure {
  let isGuarded = false;
  for (const [at, { operator, text }] of parts.entries()) {
    const rest = parts
      .slice(at)
      .map((part) => `${part.operator} ${part.text}`)
      .join(' ');
    switch (operator) {
      case '':
        break;
      case '&&':
        isGuarded = true;
        break;
      case '|':
        if (!mode.pipefail)
          return ignored(
            `the pipe into \`${short(text)}\` hides it, since the shell has no pipefail`,
            'Set `set -o pipefail`',
          );
        break;
      case '||':
        return failureOfAnswer(text, rest);
      case '&':
        return text === '' && /^\s*wait\b/m.test(later.map((one) => one.text).join('\n'))
          ? told
          : ignored('it runs in the background and nobody waits for it', 'Run it in the foreground');
      case ';':
        if (text === '' || /^(?:then|do|fi|done|esac|;)/.test(text)) break;
        if (mode.exitsOnError && !isGuarded) return told;
        if (/\$\?/.test(text)) return told;
        return ignored(`the command after the \`;\` runs all the same: \`${short(text)}\``, 'Put `&&` for the `;`');
      default:
        return told;
    }
  }
  if (mode.exitsOnError && !isGuarded) return told;
  const next = nextOf(later);
  if (next === null) return told;
  if (/\$\?|PIPESTATUS/.test(next.text)) return told;
  if (/^(?:exit|return)\b/.test(next.text)) return /\s[1-9$]/.test(next.text) ? told : ignored(goesOn(next), setE);
  if (isLastWordTheCallers) return told;
  return mode.exitsOnError
    ? ignored(
        `${goesOn(next)}: \`set -e\` does not see what fails on the left of \`&&\``,
        'Put the command on a line of its own',
      )
    : ignored(`${goesOn(next)}: the script has no \`set -e\``, setE);
}

const setE = 'Put `set -e` above it';

function goesOn({ text }: ShellCommand): string {
  return `the script goes on with \`${short(text)}\``;
}

/** Of `… || answer`. */
function failureOfAnswer(answer: string, rest: string): MigratorFailure {
  if (/\b(?:alembic|flask\s+db|db)\b[^|&;]*\bstamp\b/.test(rest))
    return {
      kind: 'stamped',
      how: 'the database is stamped instead',
      remedy: `Take \`${short(rest)}\` out`,
    };
  const block = /^[({]/.test(answer) ? rest : answer;
  if (endsTheRun(block)) return told;
  const first = answer.replace(/^[({]\s*/, '');
  if (!isTalk(first)) return told;
  return {
    kind: 'ignored',
    how: `\`|| ${short(answer)}\` makes a success of it`,
    remedy: `Take \`|| ${short(answer)}\` out`,
    isDeliberate: true,
  };
}

/** Of `if [!] command; then … else … fi`. */
function failureOfCondition(before: string, parts: readonly Part[], later: readonly ShellCommand[]): MigratorFailure {
  const isNegated = /!\s*[^;]*$/.test(before.slice(before.search(/(?:if|elif)\s[^;]*$/)));
  // A list inside the condition is more than this reads.
  if (parts.some(({ operator }) => operator === '||' || operator === '&&')) return told;
  const branches = branchesOf([
    ...parts.slice(1).map(({ text }) => text),
    ...later.flatMap(({ text }) => partsOf(text).map((part) => part.text)),
  ]);
  if (branches === null) return told;
  const onFailure = isNegated ? branches.met : branches.otherwise;
  const text = onFailure.join('; ');
  if (/\balembic\b.*\bstamp\b/.test(text))
    return { kind: 'stamped', how: 'the database is stamped instead', remedy: `Take \`${short(text)}\` out` };
  if (endsTheRun(text) || !onFailure.every(isTalk) || branches.rest.length === 0) return told;
  return {
    kind: 'ignored',
    how: onFailure.length === 0 ? 'nothing is done about it' : `the script only says so: \`${short(text)}\``,
    remedy: 'Add `exit 1` to the branch of the failure',
    isDeliberate: onFailure.length > 0,
  };
}

/** Commands after a condition, by branch; null where `elif` or a missing `fi` makes it more than this reads. */
function branchesOf(texts: readonly string[]): { met: string[]; otherwise: string[]; rest: string[] } | null {
  const branches = { met: [] as string[], otherwise: [] as string[], rest: [] as string[] };
  let place: 'head' | 'met' | 'otherwise' | 'rest' = 'head';
  let depth = 0;
  for (const whole of texts) {
    let text = whole.trim();
    if (depth === 0 && place === 'head' && /^then\b/.test(text)) {
      place = 'met';
      text = text.slice(4).trim();
    } else if (depth === 0 && place === 'met' && /^elif\b/.test(text)) return null;
    else if (depth === 0 && place === 'met' && /^else\b/.test(text)) {
      place = 'otherwise';
      text = text.slice(4).trim();
    }
    if (depth === 0 && place !== 'rest' && /^fi\b/.test(text)) {
      place = 'rest';
      continue;
    }
    if (/^(?:if|case|for|while|until)\b/.test(text)) depth++;
    else if (/^(?:fi|esac|done)\b/.test(text) && depth > 0) depth--;
    if (text !== '' && place !== 'head') branches[place].push(text);
  }
  return place === 'rest' ? branches : null;
}

function endsTheRun(text: string): boolean {
  return /\bexit\s+(?:[1-9]|"?\$)|\bexit\s*(?:[;})]|$)|\breturn\s+(?:[1-9]|"?\$)|\bfalse\b|\b(?:die|fail|abort|fatal|error_exit)\b|\bkill\b/.test(
    text,
  );
}

/** It says something, waits, or does nothing: no answer to a failure. */
function isTalk(text: string): boolean {
  return /^(?:true|:|echo|printf|log\w*|logger|warn\w*|info|print|sleep|exit\s+0|cat\s*<<)(?:\s|$)/.test(text.trim());
}

function ignored(how: string, remedy: string): MigratorFailure {
  return { kind: 'ignored', how, remedy, isDeliberate: false };
}

function short(text: string): string {
  const line = withoutPasswords(text).trim().replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
}

/**
 * What may run after a command: behind `else` and `;;` stand other branches, of which none does. `isArmOver`: a `;;` ends the
 * command's own line.
 */
function following(commands: readonly ShellCommand[], isArmOver: boolean): ShellCommand[] {
  const reached: ShellCommand[] = [];
  let depth = 0;
  let passedUntil: 'fi' | 'esac' | null = isArmOver ? 'esac' : null;
  for (const command of commands) {
    const { text } = command;
    const opens = /^(?:if|case|for|while|until)\b/.test(text) ? 1 : 0;
    const closes = [...text.matchAll(/(?:^|[;\s])(?:fi|esac|done)(?=$|[;\s|&)])/g)].length;
    if (depth === 0 && passedUntil === null && /^(?:else|elif)\b/.test(text)) passedUntil = 'fi';
    else if (depth === 0 && passedUntil === null && text.startsWith(';;')) passedUntil = 'esac';
    else if (depth === 0 && passedUntil !== null && text.startsWith(passedUntil)) passedUntil = null;
    else if (passedUntil === null) {
      reached.push(command);
      if (depth === 0 && /;;\s*$/.test(text)) passedUntil = 'esac';
    }
    depth = Math.max(0, depth + opens - closes);
  }
  return reached;
}

function nextOf(later: readonly ShellCommand[]): ShellCommand | null {
  return later.find(({ text }) => !/^(?:fi|done|esac|\}|\)|;;|else|elif\b.*|set\b.*)$/.test(text)) ?? null;
}

/** `set -e` and its kin above the command, in the order they run. */
export function modeAt(commands: readonly ShellCommand[], index: number, initial: ShellMode): ShellMode {
  const mode = { ...initial };
  for (const { text } of commands.slice(0, index + 1)) {
    for (const [, sign, flags] of text.matchAll(/(?:^|[;&]\s*)set\s+([-+])([a-zA-Z]+)/g)) {
      if (flags?.includes('e')) mode.exitsOnError = sign === '-';
      if (flags?.endsWith('o') && /\bpipefail\b/.test(text)) mode.pipefail = sign === '-';
    }
    for (const [, sign, name] of text.matchAll(/\bset\s+(?:[-+][a-zA-Z]+\s+)*([-+])o\s+(errexit|pipefail)/g)) {
      if (name === 'errexit') mode.exitsOnError = sign === '-';
      else mode.pipefail = sign === '-';
    }
  }
  return mode;
}

/** Inside `name() {` that is not closed yet: what its caller does with the failure is another matter. */
function isInFunction(commands: readonly ShellCommand[], index: number): boolean {
  let depth = 0;
  for (const { text } of commands.slice(0, index + 1)) {
    if (/^(?:function\s+)?[\w-]+\s*(?:\(\s*\))?\s*\{/.test(text) && /\(\s*\)|^function\b/.test(text)) depth++;
    if (depth > 0 && /(?:^|;\s*)\}\s*$/.test(text)) depth--;
  }
  return depth > 0;
}

/** A command line cut at its operators outside quotes, the first part being what stands before any. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [{ operator: '', text: '', at: 0 }];
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    const put = (operator: Part['operator'], length: number) => {
      parts.push({ operator, text: '', at });
      at += length - 1;
    };
    const last = parts[parts.length - 1] as Part;
    if (quote !== '') {
      if (character === '\\' && quote === '"') last.text += text.charAt(at++);
      else if (character === quote) quote = '';
      last.text += text.charAt(at);
    } else if (character === '"' || character === "'") {
      quote = character;
      last.text += character;
    } else if (character === '\\') last.text += character + text.charAt(++at);
    else if (text.startsWith('||', at)) put('||', 2);
    else if (text.startsWith('&&', at)) put('&&', 2);
    else if (character === '|') put('|', text.charAt(at + 1) === '&' ? 2 : 1);
    else if (character === ';') put(';', 1);
    else if (character === '&' && !/[<>]$/.test(last.text) && text.charAt(at + 1) !== '>') put('&', 1);
    else if (character === ')' && !last.text.includes('(')) put(')', 1);
    else last.text += character;
  }
  return parts.map((part) => ({ ...part, text: part.text.trim() }));
}
