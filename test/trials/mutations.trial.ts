/**
 * Random single changes of every kind to random objects of given databases, each made in a copy: found or missed, and what
 * else was said. CHAIN_TRIAL_DATABASES: a JSON list of { url, project?, settings?, config? }; without a project a database is
 * compared with itself. CHAIN_TRIAL_COUNT: how many of a kind (default 1). Without a list: the tests' database of all kinds.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  type Connection,
  connect,
  elaborateBoth,
  introspect,
  openScratch,
  parseDatabaseUrl,
  retarget,
  type ScratchServer,
} from '../../src/database/index.ts';
import { readProject } from '../../src/diagnose.ts';
import { compareSchemas, keysInDoubt, withLentTypes, withoutLentTypes } from '../../src/diff/index.ts';
import type { Difference } from '../../src/model/drift.ts';
import type { LiveDatabase } from '../../src/model/live.ts';
import { quoteIdentifier } from '../../src/model/name.ts';
import type { Schema, Table } from '../../src/model/schema.ts';
import { type Flags, loadSettings } from '../../src/settings.ts';
import { mutators } from '../support/mutate.ts';
import { testDatabase } from '../support/postgres.ts';

interface Given extends Flags {
  url: string;
}

const count = Number(process.env.CHAIN_TRIAL_COUNT ?? 1);
const only = process.env.CHAIN_TRIAL_ONLY;

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const say = (each: Difference) =>
  `${each.kind} ${each.direction} ${each.key}${each.liveName ? ` = ${each.liveName}` : ''} ${each.aspects.map((one) => `${one.name}: ${one.declared} / ${one.live}`).join('; ')}`.slice(
    0,
    300,
  );

async function declaredOf(given: Given, live: LiveDatabase): Promise<Schema> {
  if (given.project === undefined) return live.schema;
  const settings = await loadSettings(given, {}, { color: false });
  const { graph, replay } = await readProject(settings, () => undefined);
  const rows = live.versionTables.find((table) => table.isResolved)?.rows ?? [];
  return replay.schemaAt(rows.length > 0 ? rows : graph.heads);
}

async function differencesOf(scratch: ScratchServer, declared: Schema, live: LiveDatabase): Promise<Difference[]> {
  const scope = {
    extensionObjects: live.extensionObjects,
    versionTables: new Set(live.versionTables.map((table) => table.key)),
  };
  const both = await elaborateBoth(scratch, withLentTypes(declared, live.schema), live.schema, (ours, theirs, round) =>
    keysInDoubt(ours, theirs, scope, round),
  );
  const ours = withoutLentTypes(both.declared, declared);
  return compareSchemas(ours, both.live, { ...scope, elaborated: true, unbuilt: both.unbuilt }).differences;
}

/** What both sides have, of tables also their parts. */
function partOf(live: Schema, declared: Schema): Schema {
  const both = <Item>(ours: ReadonlyMap<string, Item>, theirs: ReadonlyMap<string, unknown> | undefined) =>
    new Map([...ours].filter(([key]) => theirs?.has(key)));
  const tables = [...both(live.tables, declared.tables)].map(([key, table]): [string, Table] => {
    const other = declared.tables.get(key);
    return [
      key,
      {
        ...table,
        columns: both(table.columns, other?.columns),
        constraints: both(table.constraints, other?.constraints),
        indexes: both(table.indexes, other?.indexes),
        triggers: both(table.triggers, other?.triggers),
      },
    ];
  });
  return { ...live, tables: new Map(tables), routines: both(live.routines, declared.routines) };
}

const identity = (each: Difference) =>
  `${each.kind} ${each.direction} ${each.key} ${each.aspects.map((one) => `${one.name} ${one.live}`).join()}`;

it('every kind of single change', async () => {
  const own =
    process.env.CHAIN_TRIAL_DATABASES === undefined
      ? await testDatabase({
          sql: readFileSync(new URL('../support/data/every-kind.sql', import.meta.url), 'utf8'),
        })
      : null;
  await own?.connection.close();
  const databases: Given[] = own ? [{ url: own.url }] : JSON.parse(process.env.CHAIN_TRIAL_DATABASES as string);
  const scratch = await openScratch({ server: { isSmall: true } });
  const tally = new Map<string, { found: number; missed: number; noise: number; refused: number }>();
  const lines: string[] = [];
  for (const given of databases) {
    const target = parseDatabaseUrl(given.url);
    const admin = await connect(retarget(target, { database: 'postgres' }), { readOnly: false });
    const copyName = `chain_trial_${process.pid}`;
    const drop = () => admin.query(`drop database if exists ${copyName} with (force)`);
    const inCopy = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
      await drop();
      await admin.query(`create database ${copyName} template ${quoteIdentifier(target.database)}`);
      const connection = await connect(retarget(target, { database: copyName }), { readOnly: false });
      try {
        return await work(connection);
      } finally {
        await connection.close();
      }
    };
    const original = await inCopy((connection) => introspect(connection));
    const declared = await declaredOf(given, original);
    const before = await differencesOf(scratch, declared, original);
    const known = new Set(before.map(identity));
    lines.push(`${target.database}: ${before.length} differences before any change`);
    // Chosen among what the chain knows: what nobody declares cannot be missed.
    const schema = partOf(original.schema, declared);
    for (const [kind, mutate] of Object.entries(mutators)) {
      if (only !== undefined && !kind.includes(only)) continue;
      const numbers = tally.get(kind) ?? { found: 0, missed: 0, noise: 0, refused: 0 };
      tally.set(kind, numbers);
      for (let attempt = 0, done = 0; done < count && attempt < count * 6; attempt++) {
        const mutation = mutate(
          schema,
          randomFrom(attempt * 7919 + kind.length * 104729 + Number(process.env.CHAIN_TRIAL_SEED ?? 1)),
        );
        if (mutation === null) continue;
        const after = await inCopy(async (connection) => {
          const isMade = await connection.query(mutation.sql).then(
            () => true,
            () => false,
          );
          return isMade ? introspect(connection) : null;
        });
        if (after === null) {
          numbers.refused++;
          continue;
        }
        done++;
        const fresh = (await differencesOf(scratch, declared, after)).filter((each) => !known.has(identity(each)));
        const isNamed = (each: Difference) =>
          mutation.keys.includes(each.key) ||
          (each.liveName !== undefined &&
            mutation.keys.some((key) => key === each.liveName || key.endsWith(`.${each.liveName}`)));
        const isFound = fresh.some(isNamed);
        const noise = fresh.filter((each) => !isNamed(each) && each.causedBy === undefined);
        if (isFound) numbers.found++;
        else numbers.missed++;
        numbers.noise += noise.length;
        if (!isFound) lines.push(`MISSED ${target.database}: ${kind}: ${mutation.sql.slice(0, 400)}`);
        for (const each of noise)
          lines.push(`NOISE ${target.database}: ${kind}: ${mutation.sql.slice(0, 200)} -> ${say(each)}`);
      }
    }
    await drop();
    await admin.close();
  }
  await scratch.stop();
  await own?.drop();
  const total = { found: 0, missed: 0, noise: 0 };
  const rows = [...tally].map(([kind, numbers]) => {
    for (const name of ['found', 'missed', 'noise'] as const) total[name] += numbers[name];
    return `${kind.padEnd(24)} ${String(numbers.found).padStart(5)} ${String(numbers.missed).padStart(6)} ${String(numbers.noise).padStart(5)}`;
  });
  console.log([...lines, `${'kind'.padEnd(24)} found missed noise`, ...rows, JSON.stringify(total)].join('\n'));
  expect(total).toMatchObject({ missed: 0, noise: 0 });
});
