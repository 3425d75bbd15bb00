/**
 * Which scripts run which seeds, and how they hide that a seed failed. Exact places in the script, so that a repair can
 * edit them. Refuses to judge and to run anything.
 */
import type { SurroundingFile } from '../model/project.ts';
import type { SeedReading, SeedRunner } from '../model/seed.ts';
import { acceptedFailures } from './accepted-failures.ts';
import { failureIn, modeAt, partsOf } from './shell-failure.ts';
import { type ShellCommand, shellCommands } from './shell-lines.ts';

type Hiding = SeedRunner['hides'][number];

/** Scripts that run a seed, in the order of the surroundings. */
export function readSeedRunners(surroundings: readonly SurroundingFile[], seeds: readonly SeedReading[]): SeedRunner[] {
  const runners: SeedRunner[] = [];
  for (const surrounding of surroundings) {
    if (surrounding.kind === 'python') continue;
    const runner = readRunner(surrounding, seeds);
    if (runner !== null) runners.push(runner);
  }
  return runners;
}

interface RunCommand {
  command: ShellCommand;
  withPsql: boolean;
  seed: SeedReading | null;
  /** Its failure decides what comes next: `if psql …`, `psql … && echo`, `psql … || exit 1`. */
  isTested: boolean;
  /** The condition on its outcome, where the branch of its failure goes on. */
  letGo: ShellCommand | null;
}

function readRunner({ file, kind, text }: SurroundingFile, seeds: readonly SeedReading[]): SeedRunner | null {
  const commands = shellCommands(text).map((command) => (kind === 'make' ? withoutPrefix(command) : command));
  const functions = functionsOf(commands);
  const runs: SeedRunner['runs'] = [];
  const running: RunCommand[] = [];
  for (const command of commands) {
    const targets = seedTargets(command);
    if (targets.length === 0) continue;
    // A function of the script that is given the seed: its commands run it.
    const inner = functions.get(commandPart(command.text).split(/\s/)[0] ?? '') ?? [];
    const withPsql = inner.length > 0 || runsPsql(command.expanded);
    for (const target of targets) {
      const seed = resolveSeed(target, file, seeds);
      runs.push({ line: command.line, target, resolved: seed?.file ?? null, withPsql });
      for (const each of [command, ...inner]) {
        const isPsql = each === command ? withPsql && inner.length === 0 : true;
        running.push({
          command: each,
          withPsql: isPsql,
          seed,
          isTested: isTested(each),
          letGo: kind === 'shell' ? conditionLetGo(commands, each) : null,
        });
      }
    }
  }
  if (runs.length === 0) return null;
  return { file, runs, hides: hidesOf(commands, running, text, kind), version: versionsOf(text), text };
}

/** Make's own marks before a command; `-` lets it fail, which stays visible in what is kept as text. */
function withoutPrefix(command: ShellCommand): ShellCommand {
  const expanded = command.expanded.replace(/^[@+-]+\s*/, '');
  return { ...command, expanded };
}

/** psql commands in the body of each function that passes its arguments on. */
function functionsOf(commands: readonly ShellCommand[]): Map<string, ShellCommand[]> {
  const found = new Map<string, ShellCommand[]>();
  for (let index = 0; index < commands.length; index++) {
    const name = /^(?:function\s+)?([A-Za-z_][\w-]*)\s*(?:\(\s*\))?\s*\{\s*$/.exec(commands[index]?.text ?? '')?.[1];
    if (name === undefined) continue;
    const body: ShellCommand[] = [];
    while (index + 1 < commands.length && !/^\}/.test(commands[index + 1]?.text ?? ''))
      body.push(commands[++index] as ShellCommand);
    const own = body.filter(({ text, expanded }) => runsPsql(expanded) && /\$(?:[1-9@*]|\{[1-9@*])/.test(text));
    if (own.length > 0) found.set(name, own);
  }
  return found;
}

/** Seed files that a command hands to a program; not those it only tests for, names in a message or keeps in a variable. */
function seedTargets({ text, expanded, hereDocument }: ShellCommand): string[] {
  const bare = commandPart(text);
  if (/^(?:echo|printf|log\w*|info|warn|test|ls|chmod|cp|mv|rm|touch|COPY|ADD)\b/.test(bare)) return [];
  if (/^(?:if|elif|while|until)?\s*!?\s*\[\[?\s/.test(bare) && !runsPsql(expanded)) return [];
  if (isAssignment(bare) && !/\$\(\s*\S*psql\b/.test(bare)) return [];
  // `paths:` and the like of a CI file name files, they do not run them.
  if (/^-?\s*["']?[\w./*-]+\.sql["']?,?$/.test(bare)) return [];
  const found = new Set<string>();
  for (const source of [
    expanded,
    hereDocument
      .split('\n')
      .filter((line) => /^\s*\\ir?\s/.test(line))
      .join('\n'),
  ])
    for (const match of source.matchAll(/[^\s"'<>=|;&(),]*seed[^\s"'<>=|;&(),]*\.sql\b/gi)) found.add(match[0]);
  return [...found];
}

/** Nothing but variables: no command after them that they are set for. */
function isAssignment(bare: string): boolean {
  if (/^\w+\s+[:?+]?=|^\w+\s*[:?+]=/.test(bare)) return true;
  const rest = bare.replace(/^(?:export|local|readonly)\s+/, '');
  if (!/^\w+=/.test(rest)) return false;
  if (rest !== bare || /^\w+=\(/.test(rest)) return true;
  return rest.replace(/^(?:\w+=(?:"(?:[^"\\]|\\.)*"|'[^']*'|\$\([^)]*\)|[^\s"';]*)+\s*)+;?/, '') === '';
}

/** Without what YAML, Make, Docker or a keyword puts before a command. */
function commandPart(text: string): string {
  return text
    .replace(
      /^(?:-\s+)?(?:run:|command:|script:|RUN|CMD|ENTRYPOINT|[a-z]+:(?=\s+\S*(?:psql|python|bash|sh)\b))?\s*[@>|-]*\s*/,
      '',
    )
    .replace(/^(?:then|do|else|time|sudo|exec)\s+/, '');
}

function runsPsql(text: string): boolean {
  return /(?:^|[\s/"'`(])psql(?=$|[\s"'`)])/.test(text);
}

function resolveSeed(target: string, runner: string, seeds: readonly SeedReading[]): SeedReading | null {
  const path = target.replace(/^(?:\$\w+|\$\{[^}]*\}|\$\([^)]*\)|~|\.)?\/+/, '').replace(/^(?:\.\.?\/)+/, '');
  const folder = runner.includes('/') ? runner.slice(0, runner.lastIndexOf('/') + 1) : '';
  const exact = seeds.find((seed) => seed.file === path || seed.file === folder + path);
  if (exact !== undefined) return exact;
  const name = path.slice(path.lastIndexOf('/') + 1);
  const named = seeds.filter((seed) => seed.file === name || seed.file.endsWith(`/${name}`));
  return named.length === 1 ? (named[0] as SeedReading) : null;
}

/** The condition on the outcome whose failing branch goes on; null where it ends the run, or nothing sure can be said. */
function conditionLetGo(commands: readonly ShellCommand[], command: ShellCommand): ShellCommand | null {
  const index = commands.indexOf(command);
  const own = /^(?:if|elif)\b/.test(command.text) ? command.text.search(/(?<=^|[\s/"'`(])psql\b/) : -1;
  const after = own < 0 ? testOfOutcome(commands, index) : null;
  const place = own < 0 ? (after?.index ?? -1) : index;
  if (place < 0) return null;
  const text = after === null ? command.text : `if ${after.isNegated ? '! ' : ''}psql; then`;
  const from = text.search(/(?<=^|[\s/"'`(])psql\b/);
  const to = from + (partsOf(text.slice(from))[1]?.at ?? text.length - from);
  const asked = commands[place] as ShellCommand;
  // A script that ends with what it says ends well: something always comes next.
  const read = [
    ...commands.slice(0, place),
    { ...asked, text },
    ...commands.slice(place + 1),
    { ...asked, text: 'true' },
  ];
  const failure = failureIn(read, place, { from, to }, { exitsOnError: false, pipefail: false });
  return failure.kind === 'ignored' ? asked : null;
}

/** `if [ $? -ne 0 ]` right after the command, or of the variable that kept it. */
function testOfOutcome(commands: readonly ShellCommand[], at: number): { index: number; isNegated: boolean } | null {
  let name = '?';
  for (let index = at + 1; index <= at + 3 && index < commands.length; index++) {
    const text = (commands[index] as ShellCommand).text;
    const kept = name === '?' ? /^(?:local\s+)?([A-Za-z_]\w*)=\$\?$/.exec(text)?.[1] : undefined;
    const asked =
      /^if\s+(?:\[\[?|test)\s+["']?\$\{?(\?|\w+)\}?["']?\s+(-eq|==?|-ne|!=|-gt)\s+["']?0["']?\s*(?:\]\]?)?\s*(?:;\s*then)?$/.exec(
        text,
      );
    if (kept !== undefined) name = kept;
    else if (asked?.[1] === name) return { index, isNegated: !/=|-eq/.test(asked[2] ?? '') || asked[2] === '!=' };
    else if (name === '?' || !/^(?:echo|printf|set)\b/.test(text)) return null;
  }
  return null;
}

function isTested({ text }: ShellCommand): boolean {
  if (/^(?:if|elif|while|until)\b/.test(text)) return true;
  return /\|\|\s*(?:\{[^}]*)?(?:exit\s+[1-9$]|return\s+[1-9$]|false|die|fail|abort)/.test(text);
}

const dropsErrors = /\s*(?:2>\s*\/dev\/null|&>\s*\/dev\/null|>\s*\/dev\/null\s+2>&1)/;
const orTrue = /\|\|\s*(?:true|:|exit\s+0|echo\b|printf\b|log\w*\b|warn\b)|;\s*(?:true|:)\s*(?:$|")/;

function hidesOf(
  commands: ShellCommand[],
  running: RunCommand[],
  text: string,
  kind: SurroundingFile['kind'],
): Hiding[] {
  const hides: Hiding[] = [];
  const put = (command: ShellCommand, what: Hiding['what']): void => {
    if (!hides.some((other) => other.what === what && other.line === command.line))
      hides.push({
        line: command.line,
        span: command.span,
        what,
        text: text.slice(command.span.from, command.span.to),
      });
  };
  const swallowed: ShellCommand[] = [];
  for (const { command, withPsql, seed, letGo } of running) {
    let isSwallowed = false;
    if (letGo) put(letGo, 'failure-ignored');
    const stops =
      stopsOnError(command.expanded) || /^\s*\\set\s+ON_ERROR_STOP\s+(?:1|on|true|yes)\b/im.test(command.hereDocument);
    if (withPsql && !stops && !stopsByItself(seed)) {
      put(command, 'no-on-error-stop');
      isSwallowed = true;
    }
    if (pipesOn(command.expanded) && !hasPipefail(text, command, kind) && !asksEachOutcome(commands, command)) {
      put(command, 'no-pipefail');
      isSwallowed = true;
    }
    if (orTrue.test(command.text) || letsFail(command, kind)) isSwallowed = true;
    if (isSwallowed) swallowed.push(command);
  }
  for (const command of commands) {
    const isRun = running.some((run) => run.command === command);
    if (!isRun && !(runsPsql(command.expanded) && running.some((run) => areTogether(run.command, command, text, kind))))
      continue;
    // Of other commands it is theirs to fail, but of a question whose answer decides about the seed.
    if ((isRun || /\$\(/.test(command.text)) && (orTrue.test(command.text) || letsFail(command, kind)))
      put(command, 'or-true');
    if (dropsErrors.test(command.text) && (isRun || !waitsForServer(command))) put(command, 'stderr-dropped');
  }
  for (const { later, run } of successesAfter(commands, running, swallowed, text, kind)) {
    put(later, 'success-regardless');
    const told = hides.find(({ what, line }) => what === 'success-regardless' && line === later.line);
    if (told) told.run = run.hereDocument === '' && !swallowed.includes(run) ? run.span : null;
  }
  for (const { within, at, value } of kind === 'ci' ? acceptedFailures(text) : []) {
    if (!running.some(({ command: { span } }) => span.from >= within.from && span.to <= within.to)) continue;
    const line = text.slice(0, at.from).split('\n').length;
    hides.push({ line, span: at, what: 'failure-accepted', text: text.slice(at.from, at.to), accepts: value });
  }
  return hides.sort((a, b) => a.line - b.line || a.span.from - b.span.from);
}

/** In one script; of a Makefile one recipe, and of a pipeline only the command itself. */
function areTogether(run: ShellCommand, other: ShellCommand, text: string, kind: SurroundingFile['kind']): boolean {
  if (kind === 'ci') return run === other;
  if (kind !== 'make') return true;
  const [first, last] = [run.span.from, other.span.from].sort((a, b) => a - b) as [number, number];
  // A line that begins at the margin ends a recipe.
  return !/^[^\s#]/m.test(text.slice(text.indexOf('\n', first) + 1, last));
}

/** A loop until the server answers, or a question that asks for nothing but an answer. */
function waitsForServer({ text }: ShellCommand): boolean {
  return /^(?:until|while)\b/.test(text) || /\s-c\s*(["'])(?:select\s+1\s*;?|\\(?:q|l|conninfo))\1/i.test(text);
}

/** `-psql …` of a Makefile. */
function letsFail({ text }: ShellCommand, kind: SurroundingFile['kind']): boolean {
  return kind === 'make' && /^[@+]*-/.test(text);
}

/** `${PIPESTATUS[0]}` is looked at right after. */
function asksEachOutcome(commands: readonly ShellCommand[], command: ShellCommand): boolean {
  const next = commands.indexOf(command) + 1;
  return commands.slice(next, next + 2).some(({ text }) => /\bPIPESTATUS\b|\bpipestatus\b/.test(text));
}

function stopsOnError(command: string): boolean {
  return /(?:\s-[A-Za-z0-9]*v\s*|--(?:set|variable)[=\s]\s*)["']?ON_ERROR_STOP(?:=(?:1|on|true|yes)\b|(?=["'\s]|$))/i.test(
    command,
  );
}

/** The seed sets ON_ERROR_STOP itself, before its first statement. */
function stopsByItself(seed: SeedReading | null): boolean {
  const first = seed?.statements[0]?.line ?? Number.POSITIVE_INFINITY;
  return (
    seed?.directives.some(
      ({ line, command, text }) =>
        line < first && command === '\\set' && /^ON_ERROR_STOP\s+(?:1|on|true|yes)\b/i.test(text),
    ) ?? false
  );
}

/** The program that runs the seed writes into a pipe, whose last program's exit code counts. */
function pipesOn(command: string): boolean {
  const plain = command
    .replace(/\|\|/g, '  ')
    .replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (quoted) => '_'.repeat(quoted.length));
  const psql = plain.search(/\bpsql\b|\bpython3?\b|\bbash\b|\bsh\b/);
  return plain.indexOf('|', Math.max(0, psql)) >= 0 && psql >= 0;
}

function hasPipefail(text: string, command: ShellCommand, kind: SurroundingFile['kind']): boolean {
  const before = text.slice(0, command.span.to);
  if (/^[^#\n]*\bset\s+(?:-\w+\s+)*-\w*o\s+pipefail\b/m.test(before) || /^#!.*\s-\w*o\s+pipefail/.test(text))
    return true;
  if (/^\.?SHELLFLAGS\s*[:?]?=.*pipefail/m.test(text)) return true;
  // GitHub's own `shell: bash` is `bash -eo pipefail`.
  return kind === 'ci' && /^\s*(?:-\s*)?shell:\s*bash\s*$/m.test(text);
}

/** Messages of success that come although a run failed: nothing between looked at its outcome. */
function successesAfter(
  commands: ShellCommand[],
  running: RunCommand[],
  swallowed: ShellCommand[],
  text: string,
  kind: SurroundingFile['kind'],
): { later: ShellCommand; run: ShellCommand }[] {
  const found: { later: ShellCommand; run: ShellCommand }[] = [];
  // GitHub's own shell is `bash -e`, make stops at a failed line; elsewhere the last `set` counts.
  const initial = { exitsOnError: /^#!.*\s-\w*e/.test(text), pipefail: false };
  const exitsOnError = (index: number): boolean =>
    kind === 'ci' ||
    kind === 'make' ||
    modeAt(commands, index, initial).exitsOnError ||
    isTrapped(commands.slice(0, index));
  for (const { command, isTested: wasTested } of running) {
    const isSwallowed = swallowed.includes(command);
    if (!isSwallowed && (wasTested || exitsOnError(commands.indexOf(command)))) continue;
    for (const later of commands.slice(commands.indexOf(command) + 1)) {
      if (kind === 'make' && !areTogether(command, later, text, kind)) break;
      // To say it is not to look at it.
      if (/\$\?|PIPESTATUS/.test(later.text) && !isSwallowed && !/^(?:echo|printf)\b/.test(later.text)) break;
      if (!isSwallowed && /^exit\s+0\b/.test(later.text)) {
        found.push({ later, run: command });
        break;
      }
      if (!/^(?:echo|printf|log\w*|info|success\w*)\b/.test(commandPart(later.text))) continue;
      if (
        !/succe|complete|✅|✔|\bdone\b|\bfinished\b|\bseeded\b/i.test(later.text) ||
        /fail|error|❌/i.test(later.text)
      )
        continue;
      found.push({ later, run: command });
      break;
    }
  }
  return found;
}

/** `trap '… exit 1' ERR`, or a function of the script in its place. */
function isTrapped(before: readonly ShellCommand[]): boolean {
  return before.some(({ text }) => {
    const [, handler = ''] = /^trap\s+("[^"]*"|'[^']*'|\S+)\s+(?:\S+\s+)*ERR\b/.exec(text) ?? [];
    return /\bexit\b/.test(handler) || /^["']?[A-Za-z_][\w-]*["']?$/.test(handler);
  });
}

/** `SEED_VERSION="1.0.0"`, `# Seed version: 1.0.0`: versions of the seed, not of other programs. */
function versionsOf(text: string): SeedRunner['version'] {
  const versions: SeedRunner['version'] = [];
  const take = (pattern: RegExp): void => {
    for (const match of text.matchAll(pattern)) {
      const value = match[1] as string;
      const from = match.index + match[0].lastIndexOf(value);
      if (versions.some((version) => version.span.from === from)) continue;
      versions.push({ value, line: text.slice(0, from).split('\n').length, span: { from, to: from + value.length } });
    }
  };
  take(/\b(?:[A-Z_]*SEED[A-Z_]*VERSION|VERSION|[a-z_]*seed[a-z_]*version|version)\s*=\s*["']?v?(\d+(?:\.\d+)+)/g);
  take(/\bseed(?:ing|er)?[\s_-]*(?:data[\s_-]*|script[\s_-]*)?(?:version|v)\s*[:=]?\s*v?(\d+(?:\.\d+)+)/gi);
  take(/^\s*#\s*version\s*[:=]\s*v?(\d+(?:\.\d+)+)/gim);
  return versions.sort((a, b) => a.span.from - b.span.from);
}
