import type { ProjectFacts } from '../model/project.ts';
import type { Replay } from '../model/replay.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import type { Settings } from '../settings.ts';
import type { MigrationSource } from '../sources/source.ts';

export interface ProjectReading {
  source: MigrationSource;
  facts: ProjectFacts;
  graph: RevisionGraph;
  replay: Replay;
}

/** What the files alone say: configuration, revision graph, declared schema. @throws ChainError `no-project`, and whatever aborts `signal` */
export async function readProject(
  settings: Settings,
  progress: (text: string) => void,
  signal?: AbortSignal,
  whenFactsAreKnown?: (facts: ProjectFacts) => void,
  searchPath?: readonly string[],
): Promise<ProjectReading> {
  progress('reading the revisions');
  const { findAlembicConfig, openAlembicSource } = await import('../sources/alembic/index.ts');
  const projectDir = settings.project;
  const config = findAlembicConfig({ ...settings, projectDir });
  const { replayInTurns, schemaOfOperations } = await import('../replay/index.ts');
  const source: MigrationSource = await openAlembicSource({
    ...settings,
    projectDir,
    config,
    ...(searchPath === undefined ? {} : { searchPath }),
    schemaOf: (operations) =>
      schemaOfOperations(operations, {
        namingConvention: source.facts.env.namingConvention,
        searchPath: source.facts.env.searchPath ?? ['public'],
      }),
  });
  const envText = source.readFile(source.facts.env.file ?? '');
  const env = { ...source.facts.env, plugins: pluginsOf(envText), ...transactionsOf(envText ?? '') };
  const facts: ProjectFacts = { ...source.facts, env };
  whenFactsAreKnown?.(facts);
  progress('replaying the revisions');
  const context = { namingConvention: facts.env.namingConvention, searchPath: facts.env.searchPath ?? ['public'] };
  const replay = await replayInTurns(source, context, signal);
  return { source, facts, graph: source.graph, replay };
}

/** Alembic plug-ins that env.py imports by name. */
function pluginsOf(env: string | null): string[] {
  return [...(env ?? '').matchAll(/^[ \t]*(?:import|from)[ \t]+(alembic_\w+)/gm)].map((match) => match[1] as string);
}

function transactionsOf(env: string) {
  return {
    autocommits: /AUTOCOMMIT|transactional_ddl\s*=\s*False|isolation_level/i.test(env),
    makesEngine: /\b(?:async_)?engine_from_config\s*\(|\bcreate_(?:async_)?engine\s*\(/.test(env),
    setsLockTimeout: /\block_timeout\b/i.test(env),
  };
}
