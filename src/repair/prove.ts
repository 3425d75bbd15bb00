/**
 * The proof of a stamp: the schema that the (patched) revisions declare at it, against the catalogue as it is now.
 * Static reading first; where texts differ, both sides are built in a scratch database and compared in PostgreSQL's words.
 */
import type { Connection, ScratchServer } from '../database/index.ts';
import type { Difference } from '../model/drift.ts';
import type { Step } from '../model/plan.ts';
import type { Schema } from '../model/schema.ts';
import { searchPathOfChain } from '../model/search-path.ts';
import type { Settings } from '../settings.ts';

/** Null: proven. Otherwise what contradicts, in words. */
export async function proveStamp(
  step: Step,
  settings: Settings,
  connection: Connection,
  openScratchServer: () => Promise<ScratchServer | null>,
): Promise<string | null> {
  const rows = step.stamp?.rows ?? [];
  const { findAlembicConfig, openAlembicSource } = await import('../sources/alembic/index.ts');
  const { replay } = await import('../replay/index.ts');
  const { introspect } = await import('../database/index.ts');
  const { asDeclared, compareSchemas, keysInDoubt, toBeBuilt, withPlacedRoutines } = await import('../diff/index.ts');
  const config = findAlembicConfig({
    projectDir: settings.project,
    config: settings.config,
    section: settings.section,
    scriptLocation: settings.scriptLocation,
    versionLocations: settings.versionLocations,
  });
  const source = await openAlembicSource({
    projectDir: settings.project,
    config,
    maxFileBytes: settings.maxFileBytes,
    seeds: settings.seeds,
    models: settings.models,
    namingConvention: settings.namingConvention,
    environment: settings.environment,
  });
  const unknown = rows.find((row) => !source.graph.revisions.has(row));
  if (unknown !== undefined) return `no revision file defines ${unknown}`;
  const { env } = source.facts;
  const readOn = (searchPath: readonly string[]) =>
    replay(source, { namingConvention: env.namingConvention, searchPath: [...searchPath] });
  let read = readOn(env.searchPath ?? ['public']);
  const live = await introspect(connection, {
    versionTable: env.versionTable,
    versionTableSchema: env.versionTableSchema,
  });
  const path = searchPathOfChain(env, source.graph, read.schemaAt(source.graph.heads), live);
  if (path !== null) read = readOn(path);
  const declared = withPlacedRoutines(read.schemaAt(rows), live);
  const everDeclared = everythingDeclared([read.schemaAt(source.graph.heads), declared]);
  const scope = {
    extensionObjects: live.extensionObjects,
    versionTables: new Set(live.versionTables.map((table) => table.key)),
    comparedAt: rows,
  };
  const contradictions = (left: Schema, right: Schema, isElaborated: boolean) =>
    compareSchemas(left, right, { ...scope, elaborated: isElaborated }).differences.filter((one) =>
      contradicts(one, everDeclared),
    );
  let found = contradictions(declared, live.schema, false);
  if (found.some((one) => one.direction === 'altered')) {
    const scratch = await openScratchServer();
    if (scratch !== null) {
      const { elaborateBoth } = await import('../database/index.ts');
      const both = await elaborateBoth(scratch, toBeBuilt(declared, live), live.schema, (ours, theirs, round) =>
        keysInDoubt(ours, theirs, scope, round),
      );
      found = contradictions(asDeclared(both.declared, declared, live), both.live, true);
    }
  }
  if (found.length === 0) return null;
  const words = found.slice(0, 3).map((one) => `${one.key} is ${one.direction}`);
  return `the catalogue does not match ${rows.join(', ')}: ${words.join(', ')}${found.length > 3 ? ` and ${found.length - 3} more` : ''}`;
}

/** Objects that no revision ever declares contradict nothing; a key that waits for its validation is there. */
function contradicts(difference: Difference, everDeclared: ReadonlySet<string>): boolean {
  switch (difference.direction) {
    case 'unexpected':
      return everDeclared.has(difference.key);
    case 'renamed':
      return difference.kind === 'table' || difference.kind === 'column';
    case 'altered':
      return difference.aspects.some((aspect) => aspect.name !== 'validated');
    default:
      return true;
  }
}

function everythingDeclared(schemas: readonly Schema[]): Set<string> {
  const keys = new Set<string>();
  for (const schema of schemas) {
    for (const [key, table] of schema.tables) {
      keys.add(key);
      for (const column of table.columns.keys()) keys.add(`${key}.${column}`);
    }
    for (const key of [...schema.enums.keys(), ...schema.views.keys(), ...schema.sequences.keys()]) keys.add(key);
  }
  return keys;
}
