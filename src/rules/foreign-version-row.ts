/**
 * The version table that Alembic finds is another application's: reached through the search_path, or shared.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath } from '../model/lookup.ts';
import { misspeltIdOf } from '../model/stamp.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'foreign-version-row',
  title: "the version row is another application's",
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp', 'config'],
  wants: ['history'],
  docs: {
    problem:
      'The version table that this chain resolves to holds a revision that this project never had; it belongs to another application in the same database.',
    consequence:
      "Upgrades fail on the other's id, and `stamp --purge` would overwrite its row: the other application is then lost.",
    repair:
      'Give this chain a version table of its own (`version_table` or `version_table_schema` in env.py). Never touch the row.',
  },
  *check({ graph, declared, live, stamp, config, history }) {
    const table = stamp.table;
    if (table === null || stamp.unknown.length === 0) return;
    const known = new Set([
      ...(history?.deletedById.keys() ?? []),
      ...(history?.elsewhereById.keys() ?? []),
      ...(history?.releasedById.keys() ?? []),
    ]);
    const foreign = stamp.unknown.filter(
      (row) =>
        row !== '' &&
        !known.has(row) &&
        !isPrefixOfOne(graph.revisions.keys(), row) &&
        misspeltIdOf(graph, row) === null,
    );
    if (foreign.length === 0) return;
    const first = config.env.versionTableSchema ?? plainSearchPath(live.searchPath)[0] ?? 'public';
    const isFallThrough = table.namespace !== first;
    const own = tablesEverDeclared(declared.replay, ancestorsOf(graph, graph.heads));
    const hasOwn = [...live.schema.tables.values()].some((candidate) => own.has(candidate.name));
    const others = [...live.schema.tables.keys()].filter(
      (key) => key !== table.key && key.startsWith(`${table.namespace}.`),
    );
    const isShared = !hasOwn && others.length > 0;
    if (!isFallThrough && !isShared) return;
    const evidence: Evidence[] = [
      { origin: 'live', text: `${table.key}, owned by ${table.owner}, holds ${foreign.join(', ')}` },
      { origin: 'live', text: `the search_path is ${live.searchPath.join(', ')}` },
    ];
    if (isShared)
      evidence.push({
        origin: 'live',
        text: `no table of this chain is there; ${others.length} others are: ${others.slice(0, 5).join(', ')}`,
      });
    if (history !== undefined)
      evidence.push({ origin: 'git', text: 'the id is nowhere in the history of this project' });
    yield {
      subject: { kind: 'stamp', name: table.key },
      message: `${table.key} holds ${foreign.join(', ')}, which this project never had: it is another application's version table${isFallThrough ? `, reached through the search_path because ${first} has none` : ''}. Stamping over it would break that application.`,
      evidence,
      remedy: advice(
        `Set ${isFallThrough ? `version_table_schema='${first}' (or a version_table of its own)` : `version_table='${table.name}_own' (any name that is free)`} in ${config.env.file ?? 'env.py'}; never touch ${table.key}`,
        'never-automatic',
      ),
    };
  },
});

function isPrefixOfOne(ids: Iterable<string>, row: string): boolean {
  for (const id of ids) if (row.length >= 4 && id.startsWith(row)) return true;
  return false;
}

function tablesEverDeclared(
  replay: { operationsById: ReadonlyMap<string, readonly import('../model/operation.ts').Operation[]> },
  ids: ReadonlySet<string>,
): Set<string> {
  const names = new Set<string>();
  for (const id of ids) {
    for (const operation of replay.operationsById.get(id) ?? []) {
      if (operation.kind === 'createTable') names.add(operation.table.name.name);
      if (operation.kind === 'renameTable') names.add(operation.to);
    }
  }
  return names;
}
