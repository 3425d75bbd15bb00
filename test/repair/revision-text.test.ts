/** The revision that a repair leaves: sound Python, read back as it was meant, whatever objects are called. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Operation, SchemaOperation } from '../../src/model/operation.ts';
import { emptySchema, type Schema } from '../../src/model/schema.ts';
import { placeholderRevision, reconcilingRevision } from '../../src/repair/revision-text.ts';
import { settle } from '../../src/repair/settle.ts';
import { findAlembicConfig, openAlembicSource, readRevisionGraph } from '../../src/sources/alembic/index.ts';
import { loadSqlParser, parseSql } from '../../src/sql/index.ts';
import { alembic, alembicOk, requireInterop, truthOf } from '../support/alembic.ts';
import { testDatabase } from '../support/postgres.ts';

const hasAlembic = requireInterop();
const context = { namingConvention: null, searchPath: ['public'] };
const origin = { revision: null, file: 'x', line: 1 };
let project: string;

const base = (id: string, down: string | null, more = '') =>
  `"""${id}\n\nCreate Date: 2024-05-01 10:00:00\n"""\nfrom alembic import op\n\nrevision = '${id}'\ndown_revision = ${down === null ? 'None' : `'${down}'`}\n\n\ndef upgrade():\n    ${more || 'pass'}\n\n\ndef downgrade():\n    pass\n`;

function write(files: Record<string, string>): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project, file)), { recursive: true });
    writeFileSync(join(project, file), text);
  }
}

const env = `from alembic import context
from sqlalchemy import engine_from_config
config = context.config
if context.is_offline_mode():
    context.configure(url=config.get_main_option('sqlalchemy.url'), literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(config.get_section(config.config_ini_section), prefix='sqlalchemy.')
    with engine.connect() as connection:
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
`;

beforeAll(() => loadSqlParser());
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'chain-revision-'));
  write({
    'alembic.ini': '[alembic]\nscript_location = alembic\nsqlalchemy.url = postgresql://x@localhost/x\n',
    'alembic/env.py': env,
    'alembic/versions/aaaaaaaaaaaa_one.py': base(
      'aaaaaaaaaaaa',
      null,
      `op.execute("CREATE TABLE tenants (id int PRIMARY KEY)")`,
    ),
    'alembic/versions/bbbbbbbbbbbb_two.py': base('bbbbbbbbbbbb', 'aaaaaaaaaaaa'),
    'alembic/versions/cccccccccccc_three.py': base('cccccccccccc', 'aaaaaaaaaaaa'),
  });
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function read() {
  const request = {
    projectDir: project,
    config: null,
    section: 'alembic',
    scriptLocation: null,
    versionLocations: null,
  };
  const config = findAlembicConfig(request);
  return { config, graph: readRevisionGraph({ projectDir: project, config, maxFileBytes: 1e6 }) };
}

function make(operations: SchemaOperation[], more: Partial<Parameters<typeof reconcilingRevision>[0]> = {}) {
  return reconcilingRevision({
    operations,
    downRevisions: ['bbbbbbbbbbbb', 'cccccccccccc'],
    isOwnedEarlier: () => false,
    defaultNamespace: 'public',
    ...read(),
    ...more,
  });
}

async function readBack(id: string): Promise<Operation[]> {
  const { config } = read();
  const options = { seeds: null, models: null, namingConvention: null, environment: {}, maxFileBytes: 1e6 };
  const source = await openAlembicSource({ projectDir: project, config, ...options });
  expect(source.graph.unreadable).toEqual([]);
  const found: Operation[] = [];
  source.evaluate(id, 'upgrade', {
    apply: (operation) => {
      found.push(operation);
    },
    schema: (): Schema => emptySchema(),
    searchPath: () => ['public'],
  });
  return found;
}

const hostile = `Ro"""le's\\n$chain$ %s :name`;
const quotedName = `"${hostile.replaceAll('"', '""')}"`;
const hostileSql = `
  CREATE TYPE "mo'od" AS ENUM ('it''s', '$chain$', 'a:b', '100%', E'back\\\\slash', '"""');
  CREATE TABLE ${quotedName} (
    id int PRIMARY KEY, "mo'od" "mo'od" NOT NULL DEFAULT 'it''s',
    text text DEFAULT '$chain$ :x %s """', escaped text DEFAULT 'a\\: b\\:c \\::d :é \\\\:e \\:f:', two text DEFAULT 'first
second''s', CONSTRAINT "ch:eck" CHECK (text <> ':a %d')
  );
  CREATE INDEX "i%d" ON ${quotedName} (text);`;

describe('reconcilingRevision', () => {
  it('is the same file for the same repair, and joins the heads', () => {
    const one = make([]);
    expect(make([])).toEqual(one);
    expect(one.file).toBe(`alembic/versions/${one.id}_merge_heads.py`);
    expect(one.id).toMatch(/^[0-9a-f]{12}$/);
    write({ [one.file]: one.text });
    const { graph } = read();
    expect([graph.faults, graph.unreadable, graph.heads]).toEqual([[], [], [one.id]]);
  });

  it('takes its name by the habit of the project', () => {
    const named = (files: Record<string, string>) => {
      rmSync(join(project, 'alembic/versions'), { recursive: true });
      write(files);
      return make([]).file;
    };
    const at = 'alembic/versions';
    expect(named({ [`${at}/20240101_a.py`]: base('a1', null), [`${at}/20240102_b.py`]: base('b1', 'a1') })).toBe(
      `${at}/20240501_merge_heads.py`,
    );
    expect(named({ [`${at}/0001_a.py`]: base('a1', null), [`${at}/0002_b.py`]: base('b1', 'a1') })).toBe(
      `${at}/0003_merge_heads.py`,
    );
    write({
      'alembic.ini':
        '[alembic]\nscript_location = alembic\nfile_template = %%(year)d_%%(month).2d_%%(rev)s_%%(slug)s\n',
    });
    expect(make([]).file).toBe(`${at}/2024_05_${make([]).id}_merge_heads.py`);
  });

  it('stays Python and SQL whatever objects are called', async () => {
    const { operations } = settle(parseSql(hostileSql, { origin }), emptySchema(), context);
    const made = make(operations);
    write({ [made.file]: made.text });
    const { graph } = read();
    expect([graph.faults, graph.unreadable, graph.heads]).toEqual([[], [], [made.id]]);
    const again = settle(await readBack(made.id), emptySchema(), context);
    const direct = settle(parseSql(hostileSql, { origin }), emptySchema(), context);
    expect([...again.schema.tables.keys()]).toEqual([`public.${hostile}`]);
    expect(
      [...(again.schema.tables.get(`public.${hostile}`)?.columns.values() ?? [])].map((c) => [c.name, c.default]),
    ).toEqual(
      [...(direct.schema.tables.get(`public.${hostile}`)?.columns.values() ?? [])].map((c) => [c.name, c.default]),
    );
  });

  it.skipIf(!hasAlembic)('does by a real Alembic what it says, online, offline and back', async () => {
    const { operations } = settle(parseSql(hostileSql, { origin }), emptySchema(), context);
    const made = make(operations);
    write({ [made.file]: made.text });
    await using direct = await testDatabase({ sql: `CREATE TABLE tenants (id int PRIMARY KEY); ${hostileSql}` });
    await using online = await testDatabase();
    alembicOk(project, online.url, ['upgrade', 'head']);
    expect(truthOf(online.url)).toEqual(truthOf(direct.url));
    await using offline = await testDatabase();
    const sql = alembicOk(project, offline.url, ['upgrade', 'head', '--sql']).stdout;
    if (!sql.includes('%%')) {
      await offline.connection.query(sql);
      expect(truthOf(offline.url)).toEqual(truthOf(direct.url));
    }
    alembicOk(project, online.url, ['downgrade', 'aaaaaaaaaaaa']);
    expect(Object.keys(truthOf(online.url).tables)).toEqual(['public.tenants']);
    alembicOk(project, online.url, ['upgrade', 'head']);
    await online.connection.query(`INSERT INTO public.${quotedName} (id, text) VALUES (1, 'x')`);
    alembicOk(project, online.url, ['downgrade', 'aaaaaaaaaaaa']);
    expect((await online.connection.query(`SELECT id FROM public.${quotedName}`)).rows).toEqual([{ id: 1 }]);
    expect(alembic(project, online.url, ['heads']).stdout).toContain(made.id);
  });

  it('says in its downgrade what it leaves', async () => {
    const { operations } = settle(
      parseSql('CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int);', { origin }),
      emptySchema(),
      context,
    );
    const { text } = make(operations, { isOwnedEarlier: (key) => key === 'public.a' });
    const downgrade = text.slice(text.indexOf('def downgrade'));
    expect(downgrade).toMatch(/belong to earlier revisions[\s\S]*#\s+a\n/);
    expect(downgrade).toContain('DROP TABLE b');
    expect(downgrade).not.toContain('DROP TABLE a');
  });
});

describe('placeholderRevision', () => {
  it('gives a lost id a file, marked as what it is', () => {
    const made = placeholderRevision(`lo'st"""`, ['bbbbbbbbbbbb'], read());
    write({ [made.file]: made.text });
    const { graph } = read();
    expect([graph.unreadable, graph.revisions.get(`lo'st"""`)?.downRevisions]).toEqual([[], ['bbbbbbbbbbbb']]);
    expect(made.text).toContain('Placeholder');
  });

  it('stands where Alembic looks: in the folders of a template where it looks into them, beside a head of several locations', () => {
    const template = '%%(year)d/../%%(month).2d_%%(rev)s_%%(slug)s';
    const ini = (more: string) =>
      write({ 'alembic.ini': `[alembic]\nscript_location = alembic\nfile_template = ${template}\n${more}` });
    const fileOf = () => {
      const made = placeholderRevision('ffffffffffff', ['bbbbbbbbbbbb'], read());
      write({ [made.file]: made.text });
      expect(read().graph.revisions.has('ffffffffffff')).toBe(true);
      rmSync(join(project, made.file));
      return made.file;
    };
    ini('');
    expect(fileOf()).toBe('alembic/versions/2024___05_ffffffffffff_placeholder.py');
    ini('recursive_version_locations = true\n');
    expect(fileOf()).toBe('alembic/versions/2024/_/05_ffffffffffff_placeholder.py');
    ini('version_locations = other alembic/versions\n');
    mkdirSync(join(project, 'other'));
    expect(fileOf()).toBe('alembic/versions/2024___05_ffffffffffff_placeholder.py');
  });
});
