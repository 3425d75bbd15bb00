/**
 * The seeds run twice in a scratch copy of the live database: whether a second run changes anything is seen, not guessed.
 */
import { ChainError } from '../errors.ts';
import { placeOf, plainSearchPath, resolveTable } from '../model/lookup.ts';
import type { SeedRerun } from '../model/seed.ts';
import type { SeedReruns } from '../rules/rule.ts';
import type { Looked, Project } from './subject.ts';

export async function runSeedsTwice(project: Project, looked: Looked): Promise<SeedReruns> {
  const { settings, options, seeds } = project;
  const { database, connection } = looked;
  const none = (reason: string): SeedReruns => ({ on: null, lacks: null, runs: [], reason });
  if (seeds.readings.length === 0) return none('there is no seed');
  if (database === null || connection === null) return none(looked.problem?.message ?? looked.reason);
  if (!settings.useScratch) return none('no scratch database (--no-scratch)');
  project.progress('running the seed twice in a scratch database');
  const [{ connect, copyDatabase, openScratch, searchPathOf }, { projectFiles, runTwice }] = await Promise.all([
    import('../database/index.ts'),
    import('../seeds/index.ts'),
  ]);
  const { timeouts } = settings;
  const signal = options.signal ? { signal: options.signal } : {};
  try {
    const scratch = await openScratch({ scratchUrl: settings.scratchUrl, timeouts, ...signal });
    try {
      const copy = await scratch.createDatabase();
      const { schema, searchPath } = database.live;
      const path = plainSearchPath(searchPath);
      const near = seeds.readings.flatMap(({ statements }) =>
        statements.flatMap(({ table, reads }) =>
          [...(table ? [table] : []), ...reads].map((name) => resolveTable(schema, name, path) ?? placeOf(name, path)),
        ),
      );
      const { lacks } = await copyDatabase(copy, database.live, { from: connection, near });
      const open = async () => {
        const session = await connect(copy.target, { readOnly: false, timeouts, ...signal });
        await session.query(searchPathOf(database.live));
        return session;
      };
      const readFile = projectFiles(settings.project);
      const runs: SeedRerun[] = [];
      for (const reading of seeds.readings.filter(({ inclusion }) => inclusion === null))
        runs.push(await runTwice(reading, { readFile, open }));
      return { on: `${scratch.description}, a copy of the database`, lacks, runs, reason: null };
    } finally {
      await scratch.stop();
    }
  } catch (error) {
    if (!(error instanceof ChainError) || options.signal?.aborted) throw error;
    return none(error.message);
  }
}
