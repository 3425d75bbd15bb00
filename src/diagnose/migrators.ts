/**
 * Everything around the chain that runs Alembic or makes tables past it, whatever language it is written in.
 */
import type { Migrator } from '../model/migrator.ts';
import type { ProjectFacts } from '../model/project.ts';
import type { MigrationSource } from '../sources/source.ts';

/** Those in scripts, containers and pipelines, then those in Python; revisions are read as revisions. */
export async function readAllMigrators(facts: ProjectFacts, source: MigrationSource): Promise<Migrator[]> {
  const { readMigrators } = await import('../history/index.ts');
  const { loadMigratorCodeReader } = await import('../sources/alembic/index.ts');
  const readCode = await loadMigratorCodeReader();
  const { file: env } = facts.env;
  const isRevision = (file: string) => facts.config.versionLocations.some((folder) => file.startsWith(`${folder}/`));
  const python = facts.surroundings.filter(({ file, kind }) => kind === 'python' && file !== env && !isRevision(file));
  const envText = env === null ? null : source.readFile(env);
  return [
    ...(await readMigrators(facts.surroundings)),
    ...python.flatMap((one) => readCode(one, false)),
    ...(env === null || envText === null ? [] : readCode({ file: env, text: envText }, true)),
  ];
}
