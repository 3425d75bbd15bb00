/**
 * Who runs Alembic, or makes tables past it, around the chain: shell scripts, Dockerfiles, compose and Kubernetes files,
 * pipelines, Makefiles. Python is read elsewhere. Refuses to judge and to run anything.
 */
import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import type { Migrator, MigratorFailure } from '../model/migrator.ts';
import type { SurroundingFile } from '../model/project.ts';
import { withoutPasswords } from '../model/secrets.ts';
import { failureIn, moved, partsOf, type ShellMode } from './shell-failure.ts';
import { type ShellCommand, shellCommands } from './shell-lines.ts';

const acts =
  /\b(?:alembic\b(?:\s+-{1,2}[\w-]+(?:[= ](?!upgrade|stamp|check)\S+)?)*\s+(upgrade|stamp|check)|flask\s+db\s+(upgrade|stamp|check))\b|\.create_all\s*\([^)]*\)?/g;
const startsServer =
  /\b(?:exec|gunicorn|uvicorn|hypercorn|daphne|uwsgi|celery|granian|flask\s+run|fastapi\s+run|python3?\s+-?m?\s*\S*(?:main|app|server|manage|run)\S*|npm\s+start|node)\b/;
const lock = /pg_(?:try_)?advisory|advisory_?lock/i;

type Found = Pick<Migrator, 'line' | 'text' | 'act' | 'failure'>;

/** In the order of the surroundings, then by line. */
export async function readMigrators(surroundings: readonly SurroundingFile[]): Promise<Migrator[]> {
  const found: Migrator[] = [];
  for (const surrounding of surroundings) {
    if (surrounding.kind === 'python' || !/\b(?:alembic|flask)\b|create_all/.test(surrounding.text)) continue;
    found.push(...(await readOne(surrounding)));
  }
  return found;
}

async function readOne({ file, kind, text }: SurroundingFile): Promise<Migrator[]> {
  const common = { file, replicas: null, takesLock: lock.test(text), url: null };
  if (/\.ya?ml$/.test(file)) return readYaml(file, kind, text);
  if (kind === 'make') return readRecipes(text).map((one) => ({ ...common, ...one, occasion: 'unknown' as const }));
  if (/(?:^|\/)(?:Docker|Container)file|\.dockerfile$/i.test(file))
    return readDockerfile(text).map((one) => ({ ...common, ...one }));
  if (/(?:^|\/)Procfile$/.test(file)) {
    return shellCommands(text).flatMap((command) => {
      const script = command.text.replace(/^[\w-]+:\s*/, '');
      const isRelease = /^release\s*:/.test(command.text);
      return inScript(script, command.line, plain).map((one) => ({
        ...common,
        ...one,
        occasion: isRelease ? ('pipeline' as const) : ('start-up' as const),
      }));
    });
  }
  const occasion =
    kind === 'ci'
      ? ('pipeline' as const)
      : /(?:^|\/)(?:docker-?|container-?)?(?:entry_?-?point|pre_?-?start|start|boot|serve|launch|run_?-?(?:server|app|web|api|prod))[\w.-]*$/i.test(
            file,
          ) || startsServer.test(text.replace(/^\s*#.*$/gm, ''))
        ? ('start-up' as const)
        : ('unknown' as const);
  // Only where the script is the file can an edit of a command be one of the file.
  const shebang = /^#!\s*\S+(?:\s+\S+)?\s+-\w*e\w*|^#!\s*\/\S*sh\s+-\w*e/.test(text);
  return inScript(text, 1, { exitsOnError: shebang, pipefail: false }, text).map((one) => ({
    ...common,
    ...one,
    occasion,
  }));
}

const plain: ShellMode = { exitsOnError: false, pipefail: false };

/** What a script runs; a script in quotes after `sh -c` is read as one of its own. */
function inScript(script: string, firstLine: number, mode: ShellMode, file: string | null = null): Found[] {
  const commands = shellCommands(script);
  return commands.flatMap((command, index) => {
    if (/^(?:echo|printf|log\w*|info|warn|#)\b/.test(command.text) && partsOf(command.text).length === 1) return [];
    const line = firstLine + command.line - 1;
    const inner = /\b(?:ba|da|z|k|a)?sh\s+((?:-\w+\s+)*)-(\w*c\w*)\s+(["'])([\s\S]*?)\3(?=\s|$|[|&;)])/.exec(
      command.text,
    );
    if (inner !== null && searchActs(inner[4] as string).length > 0) {
      const exitsOnError = /e/.test(`${inner[1]}${inner[2]}`);
      const found = inScript(inner[4] as string, line, { exitsOnError, pipefail: false });
      const outer = { from: inner.index, to: inner.index + inner[0].length };
      return found.map((one) =>
        one.failure.kind === 'told'
          ? { ...one, failure: placed(failureIn(commands, index, outer, mode), command, file) }
          : one,
      );
    }
    return searchActs(command.text)
      .filter(({ from }) => !isMentioned(command.text, from))
      .map(({ from, to, act }) => ({
        line,
        act,
        text: shown(command),
        failure: placed(failureIn(commands, index, { from, to }, mode), command, file),
      }));
  });
}

/** With the edit where it stands in the file; without it where the command is not written there in one piece. */
function placed(failure: MigratorFailure, { span, text }: ShellCommand, file: string | null): MigratorFailure {
  if (failure.kind === 'told' || failure.mend === undefined) return failure;
  const { mend, ...rest } = failure;
  return file?.slice(span.from, span.to) === text ? { ...rest, mend: moved(mend, span.from) } : rest;
}

function searchActs(text: string): { from: number; to: number; act: Migrator['act'] }[] {
  return [...text.matchAll(acts)].map((match) => ({
    from: match.index,
    to: endOfQuote(text, match.index, match.index + match[0].length),
    act: (match[1] ?? match[2] ?? 'create-all') as Migrator['act'],
  }));
}

/** Where the quotes end that `from` stands in (`su app -c "alembic upgrade head"`); `to` where it stands in none. */
function endOfQuote(text: string, from: number, to: number): number {
  let quote = '';
  for (let at = 0; at < from; at++) {
    const character = text.charAt(at);
    if (character === '\\' && quote !== "'") at++;
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  const end = quote === '' ? -1 : text.indexOf(quote, to);
  return end < 0 ? to : end + 1;
}

/** `echo "run alembic upgrade head"`: the last command before it only prints. */
function isMentioned(text: string, at: number): boolean {
  const last = partsOf(text.slice(0, at)).at(-1)?.text ?? '';
  return /^(?:echo|printf|log\w*|info|warn)\b/.test(last.replace(/^(?:then|else|do|\{|\()\s*/, ''));
}

function shown(command: ShellCommand): string {
  const text = withoutPasswords(command.text);
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

function readRecipes(text: string): Found[] {
  // Every line of a recipe is a shell of its own, and its failure ends make, unless a `-` stands before it.
  return shellCommands(text).flatMap((command) => {
    const ignores = /^@?-@?/.test(command.text);
    return inScript(command.text.replace(/^[@+-]+\s*/, ''), command.line, plain).map((one) =>
      ignores
        ? {
            ...one,
            failure: {
              kind: 'ignored' as const,
              how: 'make goes on, for the `-` before the command',
              remedy: 'Take the `-` away',
              isDeliberate: true,
            },
          }
        : one,
    );
  });
}

function readDockerfile(text: string): (Found & Pick<Migrator, 'occasion'>)[] {
  return shellCommands(text).flatMap((command) => {
    const instruction = /^(CMD|ENTRYPOINT|RUN)\s+([\s\S]*)$/.exec(command.text);
    if (instruction === null) return [];
    const script = fromExecForm(instruction[2] as string);
    const occasion = instruction[1] === 'RUN' ? ('pipeline' as const) : ('start-up' as const);
    return inScript(script, command.line, plain).map((one) => ({ ...one, line: command.line, occasion }));
  });
}

/** `["sh", "-c", "…"]` as one command line. */
function fromExecForm(text: string): string {
  if (!text.trimStart().startsWith('[')) return text;
  try {
    const words = JSON.parse(text) as unknown;
    return Array.isArray(words) ? words.map((word) => commandWord(String(word))).join(' ') : text;
  } catch {
    return text;
  }
}

function commandWord(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : word.includes("'") ? `"${word}"` : `'${word}'`;
}

/** Scripts in YAML: a pipeline's steps, a compose service's or a container's command, a task. */
async function readYaml(file: string, kind: SurroundingFile['kind'], text: string): Promise<Migrator[]> {
  const { parseAllDocuments, isMap, isScalar, isSeq, visit } = await import('yaml');
  const parsed = parseAllDocuments(text, { logLevel: 'silent' });
  const documents = Array.isArray(parsed) ? (parsed as Document[]) : [];
  if (documents.length === 0 || documents.some((one) => one.errors.length > 0)) return [];
  const lineAt = (offset: number) => text.slice(0, offset).split('\n').length;
  const common = { file, takesLock: lock.test(text) };
  const found: Migrator[] = [];

  const keyOf = (path: readonly unknown[]) => {
    const pair = [...path].reverse().find((one): one is Pair => isPairLike(one));
    return pair !== undefined && isScalar(pair.key) ? String(pair.key.value) : '';
  };
  const mapsOf = (path: readonly unknown[]): YAMLMap[] => path.filter((one): one is YAMLMap => isMap(one)).reverse();
  const keysOf = (path: readonly unknown[]): string[] =>
    path.filter(isPairLike).map(({ key }) => (isScalar(key) ? String(key.value) : ''));

  const put = (node: Node, script: string, path: readonly unknown[], mode: ShellMode): void => {
    const [from = 0, to = text.length] = node.range ?? [];
    const places = [...text.slice(from, to).matchAll(acts)].map((match) => lineAt(from + match.index));
    const maps = mapsOf(path);
    const isPipeline = kind === 'ci' || kind === 'make';
    const accepted = isPipeline ? acceptance(maps) : null;
    for (const [at, one] of inScript(script, 1, mode).entries()) {
      found.push({
        ...common,
        ...one,
        line: places[at] ?? lineAt(from),
        failure: one.failure.kind === 'told' && accepted !== null ? accepted : one.failure,
        occasion: isPipeline ? 'pipeline' : isOneOff(maps) ? 'pipeline' : 'start-up',
        replicas: isPipeline ? null : replicasOf(maps),
        url: isPipeline ? null : urlOf(maps),
      });
    }
  };

  for (const document of documents) {
    visit(document, {
      Seq(_, node, path) {
        // `command: ["sh", "-c", "…"]`, with the words of `args` behind it.
        const words = node.items.map((item) => (isScalar(item) ? String(item.value) : null));
        if (words.some((word) => word === null) || kind === 'ci' || kind === 'make') return undefined;
        const key = keyOf(path);
        if (!/^(?:command|args|entrypoint)$/.test(key)) return undefined;
        const owner = mapsOf(path)[0];
        const command = key === 'args' ? owner?.get('command') : undefined;
        const before = isSeq(command) ? command.items.map((item) => (isScalar(item) ? String(item.value) : '')) : [];
        put(node, [...before, ...(words as string[])].map(commandWord).join(' '), path, plain);
        return visit.SKIP;
      },
      Scalar(at, node: Scalar, path) {
        if (at === 'key' || typeof node.value !== 'string' || searchActs(node.value).length === 0) return;
        const keys = keysOf(path);
        const key = keys.at(-1) ?? '';
        if (
          !/^(?:run|script|before_script|after_script|command|entrypoint|args|cmds?|commands|sh|bash|release_command|preDeployCommand|startCommand|buildCommand)$/.test(
            key,
          )
        )
          return;
        const shell = mapsOf(path)[0]?.get('shell');
        const mode =
          key === 'run'
            ? { exitsOnError: true, pipefail: shell === 'bash' }
            : { exitsOnError: kind === 'ci' || kind === 'make', pipefail: kind === 'ci' };
        put(node, node.value, path, mode);
      },
    });
  }
  return found.sort((a, b) => a.line - b.line);
}

function isPairLike(node: unknown): node is Pair {
  return typeof node === 'object' && node !== null && 'key' in node && 'value' in node;
}

/** A step or a job whose failure the pipeline is told to accept. */
function acceptance(maps: readonly YAMLMap[]): MigratorFailure | null {
  for (const key of ['continue-on-error', 'allow_failure', 'ignore_error']) {
    if (maps.some((map) => map.get(key) === true))
      return {
        kind: 'ignored',
        how: `the pipeline is told to go on by \`${key}\``,
        remedy: `Take \`${key}\` away`,
        isDeliberate: true,
      };
  }
  return null;
}

/** Jobs and what runs before a deploy: once, whatever is scaled. */
function isOneOff(maps: readonly YAMLMap[]): boolean {
  return maps.some((map) => /^(?:Job|CronJob|Pod)$/.test(String(map.get('kind') ?? '')));
}

function replicasOf(maps: readonly YAMLMap[]): number | null {
  for (const map of maps) {
    const said =
      map.getIn(['deploy', 'replicas']) ?? map.get('scale') ?? (map.has('template') ? map.get('replicas') : undefined);
    if (typeof said === 'number') return said;
  }
  return null;
}

/** `DATABASE_URL` and the like of the container itself. */
function urlOf(maps: readonly YAMLMap[]): string | null {
  for (const map of maps) {
    const environment = (map.get('environment') ?? map.get('env')) as { toJSON?: () => unknown } | undefined;
    const said = JSON.stringify(environment?.toJSON?.() ?? null);
    const url = /(?:postgres(?:ql)?(?:\+\w+)?:\/\/[^"\s]+)/.exec(said)?.[0];
    if (url !== undefined) return url;
  }
  return null;
}
