/**
 * Revisions that somebody has built on what a repair wrote: with it gone, their parent would be. Reads files alone.
 */
import { ChainError } from '../errors.ts';
import type { Plan } from '../model/plan.ts';
import type { AlembicConfig } from '../model/project.ts';
import type { RevisionId } from '../model/revision.ts';
import type { Settings } from '../settings.ts';

/** Files of the project that name a revision which taking the plan's patches back would take away. */
export async function builtOn(plan: Plan, settings: Settings): Promise<{ file: string; parent: RevisionId }[]> {
  const patched = new Map(plan.patches.map((patch) => [patch.file, patch]));
  if (![...patched.keys()].some((file) => file.endsWith('.py'))) return [];
  const { findAlembicConfig, readRevisionGraph, readRevisionText } = await import('../sources/alembic/index.ts');
  const { project: projectDir, config: file, section, scriptLocation, versionLocations, maxFileBytes } = settings;
  let config: AlembicConfig;
  try {
    config = findAlembicConfig({ projectDir, config: file, section, scriptLocation, versionLocations });
  } catch (fault) {
    // Nobody builds on a chain that is not there.
    if (fault instanceof ChainError && fault.code === 'no-project') return [];
    throw fault;
  }
  const graph = readRevisionGraph({ projectDir, config, maxFileBytes });
  const known = new Set(plan.inputs?.files);
  const gone = new Set<RevisionId>();
  for (const revision of graph.revisions.values()) {
    const patch = patched.get(revision.file);
    if (patch === undefined) continue;
    const before =
      patch.before === null ? null : readRevisionText({ file: patch.file, name: patch.file }, patch.before);
    const isKept = before !== null && !('unreadable' in before) && before.revision.id === revision.id;
    if (!isKept) gone.add(revision.id);
  }
  return [...graph.revisions.values()].flatMap((revision) => {
    // What was there before the repair named its parents then as now.
    if (patched.has(revision.file) || known.has(revision.file)) return [];
    const parent = [...revision.downRevisions, ...revision.dependsOn].find((id) => gone.has(id));
    return parent === undefined ? [] : [{ file: revision.file, parent }];
  });
}
