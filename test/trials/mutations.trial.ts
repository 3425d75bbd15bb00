/**
 * Random single changes of every kind to random objects of given databases, each made in a copy: found or missed, and what
 * else was said. CHAIN_TRIAL_DATABASES: a JSON list of { url, project?, settings?, config? }; with a project it is what
 * `chain doctor` says that counts, without one a database is compared with itself. CHAIN_TRIAL_COUNT: how many of a kind
 * (default 1), CHAIN_TRIAL_SEED: which. Without a list: the tests' database of all kinds.
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
import { lookAtDatabase } from '../../src/diagnose/database.ts';
import { judge } from '../../src/diagnose/judgement.ts';
import { readSubject } from '../../src/diagnose.ts';
import { asDeclared, compareSchemas, keysInDoubt, toBeBuilt } from '../../src/diff/index.ts';
import type { Difference } from '../../src/model/drift.ts';
import type { Finding } from '../../src/model/finding.ts';
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

/** What was said of a database: about which object, and whether it follows from something else that was said. */
interface Said {
  key: string;
  liveName?: string;
  isConsequence: boolean;
  text: string;
}

interface Witness {
  declared: Schema;
  look(connection: Connection, live: LiveDatabase): Promise<Said[]>;
}

const sayDifference = (each: Difference): Said => ({
  key: each.key,
  ...(each.liveName === undefined ? {} : { liveName: each.liveName }),
  isConsequence: each.causedBy !== undefined,
  text: `${each.kind} ${each.direction} ${each.key}${each.liveName ? ` = ${each.liveName}` : ''} ${each.aspects.map((one) => `${one.name}: ${one.declared} / ${one.live}`).join('; ')}`,
});

const sayFinding = (each: Finding): Said => ({
  key: each.subject.name,
  isConsequence: each.causedBy.length > 0,
  text: `${each.severity} ${each.certainty} ${each.key} ${each.message}`,
});

/** The comparison alone, of a database with itself. */
function comparison(scratch: ScratchServer, declared: Schema): Witness {
  return {
    declared,
    async look(_connection, live) {
      const scope = {
        extensionObjects: live.extensionObjects,
        versionTables: new Set(live.versionTables.map((table) => table.key)),
      };
      const both = await elaborateBoth(scratch, toBeBuilt(declared, live), live.schema, (ours, theirs, round) =>
        keysInDoubt(ours, theirs, scope, round),
      );
      const ours = asDeclared(both.declared, declared, live);
      const { differences } = compareSchemas(ours, both.live, { ...scope, elaborated: true, unbuilt: both.unbuilt });
      return differences.map(sayDifference);
    },
  };
}

/** All of `chain doctor`; the project is read once. Advice on indexes that a foreign key lacks is no word of drift. */
async function doctor(scratch: ScratchServer, given: Given): Promise<Witness> {
  const settings = await loadSettings(given, {}, { color: false });
  const project = await readSubject(settings, { reuse: { scratch } });
  return {
    declared: project.declaredAtHeads,
    async look(connection) {
      const options = { ...project.options, reuse: { scratch, connection } };
      const { project: subject, looked } = await lookAtDatabase(settings, options, async (whenFactsAreKnown) => {
        whenFactsAreKnown(project.facts);
        return { ...project, options };
      });
      if (looked.problem !== null) throw new Error(looked.problem.message);
      const { findings } = await judge(subject, looked);
      return findings.map(sayFinding);
    },
  };
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
    // Without a checkpoint's wait for each block.
    const strategy = admin.serverVersionNumber >= 150_000 ? ' strategy file_copy' : '';
    const copyName = `chain_trial_${process.pid}`;
    const drop = () => admin.query(`drop database if exists ${copyName} with (force)`);
    const inCopy = async <T>(work: (connection: Connection) => Promise<T>): Promise<T> => {
      await drop();
      await admin.query(`create database ${copyName} template ${quoteIdentifier(target.database)}${strategy}`);
      const connection = await connect(retarget(target, { database: copyName }), { readOnly: false });
      try {
        return await work(connection);
      } finally {
        await connection.close();
      }
    };
    const { original, witness, before } = await inCopy(async (connection) => {
      const live = await introspect(connection);
      const made = given.project === undefined ? comparison(scratch, live.schema) : await doctor(scratch, given);
      return { original: live, witness: made, before: await made.look(connection, live) };
    });
    const known = new Set(before.map(({ text }) => text));
    const spokenOf = new Set(before.map(({ key }) => key));
    lines.push(`${target.database}: ${before.length} said before any change`);
    // Chosen among what the chain knows: what nobody declares cannot be missed.
    const schema = partOf(original.schema, witness.declared);
    for (const [kind, mutate] of Object.entries(mutators)) {
      if (only !== undefined && !kind.includes(only)) continue;
      const numbers = tally.get(kind) ?? { found: 0, missed: 0, noise: 0, refused: 0 };
      tally.set(kind, numbers);
      for (let attempt = 0, done = 0; done < count && attempt < count * 6; attempt++) {
        const mutation = mutate(
          schema,
          randomFrom(attempt * 7919 + kind.length * 104729 + Number(process.env.CHAIN_TRIAL_SEED ?? 1)),
        );
        // What something is said of already cannot show a change of its own.
        if (mutation === null || mutation.keys.some((key) => spokenOf.has(key))) continue;
        const after = await inCopy(async (connection) => {
          const isMade = await connection.query(mutation.sql).then(
            () => true,
            () => false,
          );
          return isMade ? witness.look(connection, await introspect(connection)) : null;
        });
        if (after === null) {
          numbers.refused++;
          continue;
        }
        done++;
        const fresh = after.filter(({ text }) => !known.has(text));
        const isNamed = ({ key, liveName }: Said) =>
          mutation.keys.includes(key) ||
          (liveName !== undefined && mutation.keys.some((each) => each === liveName || each.endsWith(`.${liveName}`)));
        const isFound = fresh.some(isNamed);
        const noise = fresh.filter((each) => !isNamed(each) && !each.isConsequence && !spokenOf.has(each.key));
        const isRight = isFound || mutation.isSilent === true;
        if (isRight) numbers.found++;
        else numbers.missed++;
        numbers.noise += noise.length;
        if (!isRight) lines.push(`MISSED ${target.database}: ${kind}: ${mutation.sql.slice(0, 400)}`);
        for (const each of noise)
          lines.push(`NOISE ${target.database}: ${kind}: ${mutation.sql.slice(0, 200)} -> ${each.text.slice(0, 300)}`);
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
