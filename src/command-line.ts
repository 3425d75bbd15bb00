/**
 * The words of the command line: every command, the flags of all and of each, and what a wrong word may have meant.
 * Data and pure functions; each command is imported when it is called, so that start-up stays thin.
 */
import { ChainError, type ExitCode } from './errors.ts';
import { editDistance } from './model/edit-distance.ts';
import { hazards } from './model/plan.ts';
import type { Settings } from './settings.ts';
import type { Terminal } from './terminal.ts';

/** What every command is: settings and its own flags in, exit code out. */
type Run = (settings: Settings, terminal: Terminal, own: Record<string, unknown>) => Promise<ExitCode>;

export interface Flag {
  type: 'string' | 'boolean' | 'array';
  describe: string;
  string?: boolean;
  requiresArg?: boolean;
  choices?: readonly string[];
  default?: boolean;
  coerce?: (values: string[] | undefined) => string[] | undefined;
}

export interface Command {
  usage: string;
  describe: string;
  formats: readonly string[];
  /** True: `--output` names a file of the command's own making, not where the report goes. */
  ownOutput?: boolean;
  positional?: { name: string; describe?: string; choices?: readonly string[] };
  flags?: Readonly<Record<string, Flag>>;
  load: () => Promise<Run>;
  examples?: readonly [command: string, meaning: string][];
}

const text = (describe: string): Flag => ({ type: 'string', requiresArg: true, describe });
const list = (describe: string): Flag => ({
  type: 'array',
  string: true,
  requiresArg: true,
  coerce: splitList,
  describe,
});
const unset = (describe: string): Flag => ({ type: 'boolean', describe });
const off = (describe: string): Flag => ({ type: 'boolean', default: false, describe });

function splitList(values: string[] | undefined): string[] | undefined {
  return values
    ?.flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

const reportFormats = ['text', 'json', 'github', 'sarif', 'markdown', 'table'];
const urlFromConfig = { 'url-from-config': off("Take the URL of the project's own ini") };
const yes = { yes: off('Ask nothing') };

export const commands: readonly Command[] = [
  {
    usage: 'doctor',
    describe: 'Say everything that is wrong with the chain, the database and the seed. Writes nothing.',
    formats: reportFormats,
    load: async () => (await import('./commands/doctor.ts')).doctor,
    examples: [
      ['$0 doctor', 'what the files alone tell'],
      ['$0 doctor --url postgresql://me@host/db', 'with the live database'],
    ],
  },
  {
    usage: 'repair',
    describe: 'Plan the repair and rehearse it on a scratch database; with --apply, carry it out.',
    formats: ['text', 'json'],
    ownOutput: true,
    flags: {
      apply: off('Carry the plan out: files, database, seed'),
      plan: text('Apply this reviewed plan file and nothing else'),
      allow: { ...list('Hazards to consent to by name'), choices: hazards },
      'without-rehearsal': off('Apply although no rehearsal passed'),
      'merge-duplicates': off('Merge rows that stand twice under two owners'),
      seed: { type: 'boolean', default: true, describe: 'Run the seed (--no-seed leaves it)' },
      ...yes,
      ...urlFromConfig,
    },
    load: async () => (await import('./commands/repair.ts')).repair,
    examples: [
      ['$0 repair --url $URL', 'the plan and how its rehearsal went'],
      ['$0 repair --url $URL --output plan.json', 'keep the plan for a review'],
      ['$0 repair --apply --url $URL --plan plan.json', 'apply what was reviewed'],
    ],
  },
  {
    usage: 'undo',
    describe: 'Take the last applied repair back: files, schema, version row, seeded rows.',
    formats: ['text', 'json'],
    flags: { ...yes, ...urlFromConfig },
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  {
    usage: 'gate',
    describe: 'The gate before a deploy: the findings in a form for CI. Needs no Python and no database.',
    formats: reportFormats,
    flags: {
      base: text('Compare with this git ref'),
      'write-baseline': text('Write the findings of today as accepted'),
      'write-lock': off('Write chain.lock: the content of every revision'),
    },
    load: async () => (await import('./commands/gate.ts')).gate,
    examples: [['$0 gate --format github', 'annotations on a pull request']],
  },
  {
    usage: 'seed [file]',
    describe: 'Run the seed in one transaction, safely twice; with --check, only read it.',
    formats: ['text', 'json'],
    positional: { name: 'file', describe: 'The seed file (found by itself where there is one)' },
    flags: {
      check: off('Say what is wrong with it; run it only twice in a scratch copy'),
      force: off('Run it although it ran before unchanged'),
      ...urlFromConfig,
    },
    load: async () => (await import('./commands/seed.ts')).seed,
  },
  {
    usage: 'locate',
    describe: 'Which revision does this database look like? Ranked, with what differs.',
    formats: ['text', 'json'],
    load: async () => (await import('./commands/locate.ts')).locate,
  },
  {
    usage: 'graph',
    describe: 'The revision graph, with the ghosts of missing revisions.',
    formats: ['text', 'json', 'mermaid', 'dot', 'svg'],
    load: async () => (await import('./commands/graph.ts')).graph,
  },
  {
    usage: 'schema <side>',
    describe: 'The schema that the revisions declare, that the database has, or that the models declare.',
    formats: ['text', 'json', 'sql'],
    positional: { name: 'side', choices: ['declared', 'live', 'models'] },
    flags: { at: list('Declared: after these revisions') },
    load: async () => (await import('./commands/schema.ts')).schema,
  },
  {
    usage: 'diff',
    describe: 'Declared against live.',
    formats: ['text', 'json'],
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    usage: 'explain [rule]',
    describe: 'What a rule means, what it costs, how it is repaired.',
    formats: ['text', 'json'],
    positional: { name: 'rule', describe: 'Its id; without one, all of them' },
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  {
    usage: 'demo',
    describe: 'A real incident, from broken to healed, on an embedded PostgreSQL in a temporary folder.',
    formats: ['text'],
    load: async () => (await import('./commands/demo.ts')).demo,
  },
];

export const flagsOfAll: Readonly<Record<string, Flag>> = {
  project: text("Folder that stands for Alembic's working folder (default: this one)"),
  config: text('An alembic.ini or pyproject.toml'),
  settings: text("chain's own settings file"),
  name: text("Section of the ini, as Alembic's -n"),
  url: text('The database (else CHAIN_DATABASE_URL, DATABASE_URL, PG…, the ini)'),
  offline: unset('Never connect'),
  'scratch-url': text('Server for scratch databases (default: an embedded PostgreSQL)'),
  scratch: unset('Use a scratch database (--no-scratch: never)'),
  output: text('Write the result to this file'),
  'fail-on': {
    type: 'string',
    choices: ['error', 'warning', 'info', 'never'],
    describe: 'Exit 1 from this severity on',
  },
  strict: unset('What could not be checked fails too'),
  baseline: text('Accepted findings'),
  only: list('Only these rules'),
  skip: list('Not these rules'),
  quiet: unset('No progress, no messages'),
  verbose: unset('Say more'),
  color: unset('Colour in a terminal (--no-color: never)'),
};

const verbOf = ({ usage }: Command): string => usage.split(' ')[0] as string;

export function unknownCommand(word: string): ChainError {
  const close = closest(word, commands.map(verbOf));
  return new ChainError('usage', `There is no command "${word}".`, {
    hint: `${close === null ? '' : `Did you mean \`chain ${close}\`? `}\`chain --help\` lists the commands.`,
  });
}

/** The flags and words among parsed `argv` that `command` does not know, null where there are none. */
export function unknownWords(command: Command, argv: Readonly<Record<string, unknown>>): ChainError | null {
  const verb = verbOf(command);
  const names = ['format', ...Object.keys(flagsOfAll), ...Object.keys(command.flags ?? {})];
  const known = new Set([...names, 'help', 'version', 'h', command.positional?.name]);
  // Each flag comes as it was written and in camel case.
  const asWritten = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const given = Object.keys(argv).filter((key) => key !== '_' && key !== '$0');
  const wrong = [...new Set(given.map(asWritten))].filter((name) => !known.has(name));
  const extra = (argv._ as unknown[]).slice(1).map(String);
  if (wrong.length === 0 && extra.length === 0) return null;
  const dashed = (name: string, like = name) =>
    like.length === 1 ? `-${name}` : argv[like] === false ? `--no-${name}` : `--${name}`;
  const hints = wrong.flatMap((name) => {
    const close = closest(name, names);
    if (close !== null) return [`Did you mean ${dashed(close, name)}?`];
    const others = commands.flatMap((each) =>
      Object.keys(each.flags ?? {}).map((flag) => [flag, verbOf(each)] as const),
    );
    const other = closest(
      name,
      others.map(([flag]) => flag),
    );
    const owner = others.find(([flag]) => flag === other);
    return owner === undefined ? [] : [`${dashed(owner[0], name)} is a flag of \`chain ${owner[1]}\`.`];
  });
  const told = [
    ...(wrong.length > 0
      ? [`\`chain ${verb}\` knows no flag ${wrong.map((name) => dashed(name)).join(' and no flag ')}.`]
      : []),
    ...(extra.length > 0
      ? [`\`chain ${verb}\` does not know what to do with ${extra.map((word) => `"${word}"`).join(', ')}.`]
      : []),
  ];
  return new ChainError('usage', told.join(' '), {
    hint: [...hints, `\`chain ${verb} --help\` lists its flags.`].join(' '),
  });
}

/** A command without the word that it needs. */
export function missingWord(args: readonly string[]): ChainError {
  const command = commands.find((each) => each.usage.includes('<') && args.includes(verbOf(each)));
  return new ChainError('usage', `\`chain ${command?.usage ?? '<command>'}\` lacks a word.`, {
    hint: `It is one of: ${(command?.positional?.choices ?? commands.map(verbOf)).join(', ')}.`,
  });
}

/** The one that a slip of the pen, or leaving its end away, turns into `word`. */
function closest(word: string, names: readonly string[]): string | null {
  const limit = Math.min(3, Math.max(1, Math.floor(word.length / 3)));
  const ranked = names
    .map((name) => ({ name, distance: editDistance(name, word, limit) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  const begun = word.length < 2 ? [] : names.filter((name) => name.startsWith(word));
  return ranked[0]?.name ?? (begun.length === 1 ? (begun[0] as string) : null);
}
