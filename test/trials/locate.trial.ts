/**
 * Databases taken back to random revisions of given histories, half of them as a restored dump leaves them, half with one
 * object missing: is the true revision first, or among the tied first? CHAIN_TRIAL_HISTORIES: a JSON list of { project,
 * settings?, config? }; without it the healthy fixture. CHAIN_TRIAL_COUNT: how many databases a history (default 4),
 * CHAIN_TRIAL_SEED: which.
 */
import { expect, it } from 'vitest';
import { buildSchema, introspect, openScratch } from '../../src/database/index.ts';
import { lookAtDatabase } from '../../src/diagnose/database.ts';
import { readSubject } from '../../src/diagnose.ts';
import { type Flags, loadSettings } from '../../src/settings.ts';
import { mutators } from '../support/mutate.ts';
import { testDatabase } from '../support/postgres.ts';

const count = Number(process.env.CHAIN_TRIAL_COUNT ?? 4);
const own = [{ project: new URL('../../fixtures/healthy', import.meta.url).pathname }];
const histories: Flags[] =
  process.env.CHAIN_TRIAL_HISTORIES === undefined ? own : JSON.parse(process.env.CHAIN_TRIAL_HISTORIES);
const losses = ['table gone', 'column gone', 'index gone', 'foreign key gone', 'unique gone', 'check gone'];

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

it('the revision that a database stands at', async () => {
  const random = randomFrom(Number(process.env.CHAIN_TRIAL_SEED ?? 1));
  const scratch = await openScratch({ server: { isSmall: true } });
  const lines: string[] = [];
  const tally = { first: 0, tied: 0, indistinguishable: 0, wrong: 0 };
  for (const history of histories) {
    const settings = await loadSettings(history, {}, { color: false });
    const project = await readSubject(settings, { reuse: { scratch } });
    const { order } = project.graph;
    for (let n = 0; n < count; n++) {
      const revision = order[Math.floor(random() * order.length)] as string;
      const stated = project.replay.schemaAfter(revision);
      await using first = await testDatabase();
      await buildSchema(first.connection, stated);
      const fresh = (await introspect(first.connection)).schema;
      const isRestored = random() < 0.5;
      await using second = await testDatabase();
      if (isRestored) await buildSchema(second.connection, fresh);
      const { connection } = isRestored ? second : first;
      let loss = '';
      if (n % 2 === 1)
        for (let attempt = 0; attempt < 20 && loss === ''; attempt++) {
          const kind = losses[Math.floor(random() * losses.length)] as keyof typeof mutators;
          const mutation = (mutators[kind] as (typeof mutators)[string])(fresh, random);
          if (mutation === null) continue;
          await connection.query(mutation.sql).then(
            () => {
              loss = mutation.sql;
            },
            () => undefined,
          );
        }
      const started = performance.now();
      const options = { ...project.options, places: 10, reuse: { scratch, connection } };
      const { looked } = await lookAtDatabase(project.settings, options, async (whenFactsAreKnown) => {
        whenFactsAreKnown(project.facts);
        return { ...project, options };
      });
      const tookMs = Math.round(performance.now() - started);
      const places = looked.database?.looksLike ?? [];
      const at = places.findIndex(({ revisions }) => revisions.join() === revision);
      const [best, place] = [places[0], places[at]];
      const isTied = best !== undefined && place !== undefined && place.score === best.score;
      // With the very object missing that the revision adds, the database is at the one before.
      const isElsewhere = !isTied && loss !== '' && best?.score === 1;
      tally[at === 0 ? 'first' : isTied ? 'tied' : isElsewhere ? 'indistinguishable' : 'wrong']++;
      if (!isTied && !isElsewhere)
        lines.push(
          `WRONG ${history.project}: ${revision} is ${at + 1}. (${place?.score}), first ${best?.revisions} (${best?.score}); ${isRestored ? 'restored' : 'fresh'}; ${loss}; ${tookMs} ms`,
          ...(place?.differences ?? [])
            .slice(0, 6)
            .map((each) =>
              `   of the true one: ${each.kind} ${each.direction} ${each.key} ${each.aspects.map((one) => `${one.name}: ${one.declared} / ${one.live}`).join('; ')}`.slice(
                0,
                300,
              ),
            ),
          ...(best?.differences ?? [])
            .slice(0, 6)
            .map((each) =>
              `   of the first: ${each.kind} ${each.direction} ${each.key} ${each.aspects.map((one) => `${one.name}: ${one.declared} / ${one.live}`).join('; ')}`.slice(
                0,
                300,
              ),
            ),
        );
    }
  }
  await scratch.stop();
  console.log([...lines, JSON.stringify(tally)].join('\n'));
  expect(tally.wrong).toBe(0);
});
