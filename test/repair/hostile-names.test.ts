/**
 * Names that look like SQL, markup, paths and format strings, in a plan: what they name is missing in a database, comes back,
 * and the revision that the repair leaves makes the same of it for whoever reads it.
 */
import { expect, it } from 'vitest';
import { openScratch } from '../../src/database/index.ts';
import { diagnose } from '../../src/diagnose.ts';
import { keyOf, nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../../src/model/name.ts';
import { prepareRepair } from '../../src/repair/index.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeProject } from '../support/revision-files.ts';
import { settingsFor } from './settings.ts';

const names = [
  ...[
    '."x',
    "it's\nnew",
    '/*a.b*/--',
    ';drop table boats;$chain$',
    '%s%%{0}:b',
    '\\t\\../../x',
    'select',
    ' \u0001\u202eü😀',
  ],
  'n'.repeat(62),
];
const schemas = ['public', 'a.b', '"q', 'new\nline', "it's--"];

const short = (name: string) => (Buffer.byteLength(name) > 60 ? name.slice(0, 30) : name);

/** A type, a table with a column, keys and a check of that name, and an index. */
function objectsNamed(schema: string, name: string): { whole: string[]; withoutColumn: string[] } {
  const q = quoteIdentifier;
  const table = quoteQualified({ schema, name });
  const key = (letter: string) => q(letter + short(name));
  const type = `CREATE TYPE ${quoteQualified({ schema, name: `e${short(name)}` })} AS ENUM (${quoteLiteral(name)}, 'other')`;
  const create = (column: string) =>
    `CREATE TABLE ${table} (id int, ${column}k int, CONSTRAINT ${key('p')} PRIMARY KEY (id))`;
  const column = `${q(name)} text NOT NULL DEFAULT ${quoteLiteral(name)}, `;
  const check = `ALTER TABLE ${table} ADD CONSTRAINT ${key('c')} CHECK (${q(name)} <> ${quoteLiteral(`${name}x`)})`;
  const index = `CREATE INDEX ${key('i')} ON ${table} (${q(name)})`;
  const reference = `ALTER TABLE ${table} ADD CONSTRAINT ${key('f')} FOREIGN KEY (k) REFERENCES ${table} (id)`;
  return { whole: [type, create(column), check, index, reference], withoutColumn: [type, create('')] };
}

const revision = (id: string, statements: readonly string[]) => {
  const calls = statements.map((sql) => `    op.execute(${JSON.stringify(sql).replaceAll(/(?<!\\):/g, '\\\\:')})\n`);
  return `from alembic import op\n\nrevision = "${id}"\ndown_revision = None\n\n\ndef upgrade():\n${calls.join('')}`;
};

it('tells the namespace of a key from the name', () => {
  for (const schema of [...schemas, ...names]) {
    for (const name of names) expect(nameOfKey(keyOf(schema, name))).toEqual({ schema, name });
  }
});

it('brings them back, with all they have or with a column that they lack', async () => {
  const objects = schemas.flatMap((schema, at) =>
    names.filter((_, index) => schema === 'public' || index % 5 === at).map((name) => objectsNamed(schema, name)),
  );
  const made = schemas.filter((schema) => schema !== 'public').map((name) => `CREATE SCHEMA ${quoteIdentifier(name)}`);
  const files = { 'a.py': revision('aaaa11112222', [...made, ...objects.flatMap(({ whole }) => whole)]) };
  const standing = objects.flatMap(({ withoutColumn }, index) => (index % 2 === 0 ? withoutColumn : []));
  const project = makeProject(files);
  await using database = await testDatabase({
    sql: `${[...made, ...standing].join(';')};
      CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('aaaa11112222')`,
  });
  const scratch = await openScratch({ scratchUrl: database.url });
  try {
    const settings = { ...settingsFor(project.dir), url: { text: database.url, from: '--url' as const } };
    const options = { stepsFolder: 'migrations', allow: [], mergeDuplicates: false, seed: true };
    const plan = await prepareRepair(await diagnose(settings, { reuse: { scratch } }), options, {
      ...{ settings, scratch, live: database.connection, reason: '', toolVersion: '0', progress: () => undefined },
    });
    expect([plan.rehearsal?.failure, plan.rehearsal?.verdict]).toEqual([null, 'clears']);
    const left = plan.patches.find(({ file }) => file.includes('reconcile'))?.after ?? '';
    const read = makeProject({ ...files, 'b.py': left });
    const { findings } = await diagnose({ ...settingsFor(read.dir), offline: true });
    read.remove();
    expect(findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  } finally {
    await scratch.stop();
    project.remove();
  }
}, 60_000);
