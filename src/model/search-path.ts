/**
 * Where the unqualified names of a chain went, as the database tells. Pure.
 */
import type { LiveDatabase } from './live.ts';
import { keyOf } from './name.ts';
import type { EnvFacts } from './project.ts';
import type { RevisionGraph } from './revision-graph.ts';
import type { Schema } from './schema.ts';

/**
 * The search path that the chain's tables were made on: the session's own, with the schema first that has most of them; where
 * none has any, the schema of Alembic's version table, or the one that it would go to. Null: env.py says it, or `public` comes
 * first, as a reading without a database takes it.
 */
export function searchPathOfChain(
  env: EnvFacts,
  graph: Pick<RevisionGraph, 'revisions'>,
  declaredAtHeads: Schema,
  live: Pick<LiveDatabase, 'searchPath' | 'schema' | 'versionTables'>,
): string[] | null {
  const [first] = live.searchPath;
  if (env.searchPath !== null || first === undefined) return null;
  const names = [...declaredAtHeads.tables.values()].flatMap(({ namespace, name }) =>
    namespace === 'public' ? [name] : [],
  );
  const countIn = (namespace: string) => names.filter((name) => live.schema.tables.has(keyOf(namespace, name))).length;
  const table = live.versionTables.find(({ isResolved }) => isResolved);
  const isOwn = env.versionTableSchema === null && table?.rows?.some((row) => graph.revisions.has(row));
  let best = isOwn === true && table !== undefined ? table.namespace : first;
  for (const namespace of live.searchPath) if (countIn(namespace) > countIn(best)) best = namespace;
  return best === 'public' ? null : [best, ...live.searchPath.filter((namespace) => namespace !== best)];
}
