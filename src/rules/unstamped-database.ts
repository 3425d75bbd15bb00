/**
 * The database has tables of this chain and no version row: Alembic takes it for empty. Says which revision it looks like.
 */

import type { Evidence } from '../model/finding.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import { advice, defineRule, type RuleInputs, step } from './rule.ts';

export default defineRule({
  id: 'unstamped-database',
  title: 'the database has the tables but no version row',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'stamp'],
  wants: ['config'],
  docs: {
    problem: 'Tables that the revisions create are there, but the version table is absent or empty.',
    consequence:
      'Alembic believes that nothing was ever applied: `alembic upgrade head` starts at the first revision and dies on "relation already exists".',
    repair:
      'Compare the live schema with the schema after every revision, repair what is missing, and stamp the revision that the catalogue then proves; never `stamp head` on trust.',
  },
  *check({ graph, declared, live, stamp, config }) {
    if (stamp.state !== 'absent' && stamp.state !== 'empty') return;
    const owned = ownedTables(declared, live);
    if (owned.length === 0 || graph.revisions.size === 0) return;
    const name =
      stamp.table?.key ??
      defaultKey(config?.env.versionTableSchema ?? null, config?.env.versionTable ?? null, live.searchPath);
    const evidence: Evidence[] = [
      {
        origin: 'live',
        text: `${owned.length} ${owned.length === 1 ? 'table' : 'tables'} of this chain: ${owned.slice(0, 5).join(', ')}${owned.length > 5 ? ', …' : ''}`,
      },
      { origin: 'live', text: stamp.state === 'absent' ? `no version table ${name}` : `${name} has no row` },
    ];
    for (const place of stamp.looksLike.slice(0, 3)) {
      evidence.push({
        origin: 'live',
        text: `looks like ${place.revisions.join(' + ')} (${percent(place.score)}: ${place.missing} missing, ${place.unexpected} unexpected)`,
      });
    }
    const best = stamp.looksLike[0];
    const elsewhere = stampElsewhere(graph, declared, live, stamp);
    if (elsewhere !== null) {
      evidence.push({ origin: 'live', text: `${elsewhere.key} holds ${elsewhere.rows?.join(', ')}, of this chain` });
      yield {
        subject: { kind: 'stamp', name },
        message: `The database has ${owned.length} ${owned.length === 1 ? 'table' : 'tables'} of this chain, and its version row is in ${elsewhere.key}, where Alembic as configured does not look: it reads ${stamp.state === 'absent' ? `${name}, which is not there` : `${name}, which has no row`}.`,
        evidence,
        remedy: advice(
          `Set version_table_schema='${elsewhere.namespace}'${elsewhere.name === nameOfKey(name).name ? '' : ` and version_table='${elsewhere.name}'`} in ${config?.env.file ?? 'env.py'}, or put ${elsewhere.namespace} on the search_path of the role that migrates`,
        ),
      };
      return;
    }
    yield {
      subject: { kind: 'stamp', name },
      message: `The database has ${owned.length} ${owned.length === 1 ? 'table' : 'tables'} of this chain and ${stamp.state === 'absent' ? `no version table ${name}` : `no row in ${name}`}${best ? `; it looks like revision ${best.revisions.join(' + ')} (${percent(best.score)})` : ''}. \`alembic upgrade head\` would start from the beginning and fail on the first table that exists.`,
      certainty: best !== undefined && best.score < 0.5 ? 'suspected' : 'proven',
      evidence,
      remedy: step(
        best
          ? `Stamp ${best.missing + best.unexpected === 0 ? best.revisions.join(' ') : 'the revision that the repaired schema provably matches'}, once the catalogue agrees`
          : 'Stamp the revision that the catalogue provably matches',
        'guarded-row',
        [{ action: 'stamp-proven' }],
      ),
    };
  },
});

/** The version table of this chain where only another schema has it, and nothing else of this chain is there. */
function stampElsewhere(
  graph: RuleInputs['graph'],
  declared: RuleInputs['declared'],
  live: RuleInputs['live'],
  stamp: RuleInputs['stamp'],
): RuleInputs['stamp']['others'][number] | null {
  const names = new Set([...declared.heads.tables.values()].map((table) => table.name));
  const fitting = stamp.others.filter(
    ({ rows, namespace }) =>
      rows !== null &&
      rows.length > 0 &&
      rows.every((row) => graph.revisions.has(row)) &&
      // With tables of its own it is another copy of this chain, a tenant's for instance.
      (namespace === stamp.table?.namespace ||
        ![...live.schema.tables].some(
          ([key, table]) => table.namespace === namespace && names.has(table.name) && !declared.heads.tables.has(key),
        )),
  );
  return fitting.length === 1 ? (fitting[0] ?? null) : null;
}

/** Tables that some revision creates and that the database has. */
function ownedTables(
  declared: { heads: { tables: ReadonlyMap<string, unknown> }; schema: { tables: ReadonlyMap<string, unknown> } },
  live: { schema: { tables: ReadonlyMap<string, unknown> } },
): string[] {
  return [...new Set([...declared.heads.tables.keys(), ...declared.schema.tables.keys()])]
    .filter((key) => live.schema.tables.has(key))
    .sort();
}

function defaultKey(schema: string | null, table: string | null, searchPath: readonly string[]): string {
  const place = schema ?? searchPath.find((name) => !name.startsWith('pg_') && !name.startsWith('$')) ?? 'public';
  return keyOf(place, table ?? 'alembic_version');
}

function percent(score: number): string {
  return `${score >= 1 ? 100 : Math.min(99, Math.round(score * 100))} %`;
}
