/**
 * An id that does not fit the version table's column: 32 characters, unless env.py, a revision or the database made it wider.
 */
import type { Evidence, Remedy } from '../model/finding.ts';
import { quoteQualified } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import { defaultVersionWidth } from '../model/revision.ts';
import { advice, defineRule, patch, step } from './rule.ts';

export default defineRule({
  id: 'revision-id-too-long',
  title: 'a revision id does not fit the version table',
  severity: 'error',
  needs: ['graph'],
  wants: ['config', 'stamp', 'declared', 'history'],
  docs: {
    problem: 'The id is longer than the version table is wide: Alembic makes `version_num VARCHAR(32)`.',
    consequence:
      'The DDL of the revision succeeds, then the bookkeeping UPDATE fails with "value too long" and everything is rolled back.',
    repair:
      'Shorten the id while nothing carries it; else widen the column, in env.py for new databases and by ALTER TABLE for this one.',
  },
  *check({ graph, config, stamp, declared, history }) {
    const fresh = Math.max(
      config?.env.versionWidth ?? defaultVersionWidth,
      widthByRevisions(declared?.replay.operationsById, config?.env.versionTable ?? 'alembic_version'),
    );
    const live = stamp?.table?.width ?? null;
    const wide = Math.max(255, ...[...graph.revisions.keys()].map((id) => [...id].length));
    for (const revision of graph.revisions.values()) {
      const length = [...revision.id].length;
      const failsFresh = length > fresh;
      const failsLive = live !== null && length > live;
      if (!failsFresh && !failsLive) continue;
      const width = failsLive ? (live as number) : fresh;
      const evidence: Evidence[] = [
        {
          origin: 'declared',
          text: `${revision.id} has ${length} characters`,
          file: revision.file,
          line: revision.line,
        },
      ];
      if (live !== null) evidence.push({ origin: 'live', text: `${stamp?.table?.key}.version_num holds ${live}` });
      if (failsFresh)
        evidence.push({
          origin: 'config',
          text:
            fresh === defaultVersionWidth
              ? 'a new version table is made by Alembic as VARCHAR(32)'
              : `a new version table holds ${fresh}`,
        });
      const tag = history?.releasedById.get(revision.id);
      const isCarried = tag !== undefined || stamp?.known.includes(revision.id) === true;
      if (tag) evidence.push({ origin: 'git', text: `released with ${tag}` });
      const to = shorter(
        revision.id,
        Math.min(fresh, live ?? fresh, defaultVersionWidth),
        new Set(graph.revisions.keys()),
      );
      const where = stamp?.table ? quoteQualified({ schema: stamp.table.namespace, name: stamp.table.name }) : null;
      const widen = `ALTER TABLE ${where ?? 'alembic_version'} ALTER COLUMN version_num TYPE varchar(${wide})`;
      const env = config?.env ?? null;
      let remedy: Remedy;
      if (!isCarried) {
        remedy = patch(`Rename revision ${revision.id} to ${to}, and its successors' down_revision with it`, [
          { action: 'rename-revision', revision: revision.id, file: revision.file, to },
        ]);
      } else if (failsFresh && env?.file == null) {
        remedy = advice(`Make env.py create a wider version table before the first upgrade: ${widen}`, 'file-edit');
      } else {
        const actions: RemedyAction[] = [];
        if (failsFresh && env?.file != null)
          actions.push({
            action: 'widen-version-table',
            file: env.file,
            versionTable: env.versionTable,
            width: wide,
          });
        if (failsLive && where !== null)
          actions.push({
            action: 'run-sql',
            name: 'widen_version_table',
            sql: [widen],
            down: [`ALTER TABLE ${where} ALTER COLUMN version_num TYPE varchar(${live})`],
            hazards: [],
            transactional: true,
            lock: `ACCESS EXCLUSIVE on ${stamp?.table?.key}`,
          });
        const parts = [failsLive ? widen : null, failsFresh ? `in ${env?.file}, for new databases` : null];
        const summary = `Widen the version table: ${parts.filter((part) => part !== null).join('; ')}`;
        remedy = failsLive ? step(summary, 'additive', actions) : patch(summary, actions);
      }
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: revision.line,
        },
        message: `The id ${revision.id} has ${length} characters, and version_num holds ${width}; the upgrade to it runs its DDL, then fails with "value too long" and rolls everything back.`,
        evidence,
        remedy,
      };
    }
  },
});

/** A revision may widen the column itself; every id after it then fits. */
function widthByRevisions(
  operationsById: ReadonlyMap<string, readonly Operation[]> | undefined,
  versionTable: string,
): number {
  let width = 0;
  const see = (type: string | null | undefined) => {
    const length = /\((\d+)\)/.exec(type ?? '')?.[1];
    if (length !== undefined) width = Math.max(width, Number(length));
    else if (type === 'text' || type === 'character varying') width = Number.POSITIVE_INFINITY;
  };
  for (const operations of operationsById?.values() ?? []) {
    for (const operation of operations) {
      if (
        operation.kind === 'alterColumn' &&
        operation.table.name === versionTable &&
        operation.column === 'version_num'
      )
        see(operation.type);
      if (operation.kind === 'createTable' && operation.table.name.name === versionTable) {
        see(operation.table.columns.find((column) => column.name === 'version_num')?.type);
      }
      if (operation.kind === 'opaque' && operation.objects.some((object) => object.name === versionTable))
        width = Number.POSITIVE_INFINITY;
    }
  }
  return width;
}

/** The id cut to the width at a word's end, numbered where that is taken. */
function shorter(id: string, width: number, taken: ReadonlySet<string>): string {
  const cut = [...id].slice(0, width).join('');
  const atWord = cut.replace(/[_-][^_-]*$/, '');
  let candidate = atWord.length >= width / 2 ? atWord : cut;
  for (let count = 2; taken.has(candidate); count++) {
    const tail = `_${count}`;
    candidate = `${cut.slice(0, width - tail.length)}${tail}`;
  }
  return candidate;
}
