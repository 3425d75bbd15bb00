/**
 * `chain graph`: the revision graph as the files have it. Needs no database, no Python.
 */
import { type ExitCode, exitCodes } from '../errors.ts';
import { type GraphFormat, renderGraph } from '../report/graph.ts';
import type { Settings } from '../settings.ts';
import { findAlembicConfig, readRevisionGraph } from '../sources/alembic/index.ts';
import type { Terminal } from '../terminal.ts';

export async function graph(settings: Settings, terminal: Pick<Terminal, 'out' | 'say'>): Promise<ExitCode> {
  const config = findAlembicConfig({
    projectDir: settings.project,
    config: settings.config,
    section: settings.section,
    scriptLocation: settings.scriptLocation,
    versionLocations: settings.versionLocations,
  });
  for (const note of config.notes ?? []) terminal.say(note);
  const found = readRevisionGraph({ projectDir: settings.project, config, maxFileBytes: settings.maxFileBytes });
  terminal.out(renderGraph(found, settings.format as GraphFormat, { color: settings.color }));
  if (found.unreadable.some((file) => file.isFolder)) return exitCodes.cannotLook;
  return found.faults.length > 0 && settings.failOn !== 'never' ? exitCodes.findings : exitCodes.ok;
}
