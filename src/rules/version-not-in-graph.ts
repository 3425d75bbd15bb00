/**
 * "Can't locate revision": one message, seven causes, opposite repairs. Tells which it is before it advises.
 */
import type { Evidence, Remedy } from '../model/finding.ts';
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { advice, defineRule, patch, type RuleInputs, step } from './rule.ts';

interface Cause {
  /** In words, ends the message. */
  words: string;
  evidence: Evidence[];
  remedy: Remedy;
  causedBy?: string[];
}

export default defineRule({
  id: 'version-not-in-graph',
  title: 'the database is at a revision that no file defines',
  severity: 'error',
  needs: ['graph', 'stamp', 'declared'],
  wants: ['history'],
  docs: {
    problem:
      "The version table holds an id that no file of the project defines. The file was deleted, renamed or squashed, the id was cut, the database is ahead of the code, or the row is another application's.",
    consequence:
      'Every alembic command that looks at the database fails with "Can\'t locate revision", `stamp head` included.',
    repair:
      'By cause: restore the deleted file verbatim; keep the old id; write the full id; deploy the newer code; give the chain a version table of its own. Where none fits, compare the live schema with every revision.',
  },
  *check({ graph, stamp, history, policy }) {
    const table = stamp.table;
    if (table === null) return;
    for (const row of stamp.unknown) {
      const cause =
        truncated(graph, stamp, row) ??
        inHistory(graph, history, row) ??
        ahead(history, row) ??
        unknown(stamp, history, row);
      yield {
        subject: { kind: 'stamp', name: table.key },
        detail: row,
        severity: policy.occasion === 'gate' && cause.causedBy?.[0]?.startsWith('database-ahead') ? 'info' : 'error',
        message: `${table.key} holds ${row}, which no file defines, so that every alembic command fails on this database; ${cause.words}.`,
        evidence: [{ origin: 'live', text: `${table.key} holds ${row}` }, ...cause.evidence],
        causedBy: cause.causedBy ?? ['foreign-version-row'],
        remedy: cause.remedy,
      };
    }
  },
});

function truncated(graph: RevisionGraph, stamp: RuleInputs['stamp'], row: string): Cause | null {
  if (row.length < 4 || stamp.table === null) return null;
  const whole = [...graph.revisions.keys()].filter((id) => id.startsWith(row));
  const full = whole[0];
  if (whole.length !== 1 || full === undefined) return null;
  const rows = [...new Set(stamp.rows.map((other) => (other === row ? full : other)))].sort();
  return {
    words: `it is the beginning of ${full}: the id was cut`,
    evidence: [{ origin: 'declared', text: `${full} begins with it`, file: graph.revisions.get(full)?.file ?? '' }],
    remedy: step(`Write the full id ${full} into ${stamp.table.key} in place of ${row}`, 'guarded-row', [
      { action: 'set-stamp', before: stamp.rows, rows, table: stamp.table.key },
    ]),
  };
}

function inHistory(graph: RevisionGraph, history: RuleInputs['history'] | undefined, row: string): Cause | null {
  const deleted = history?.deletedById.get(row);
  if (history === undefined || deleted === undefined) return null;
  const where: Evidence = {
    origin: 'git',
    text: `${deleted.path} defined it until ${deleted.commit.slice(0, 10)}${deleted.subject ? ` ("${deleted.subject}")` : ''}`,
    file: deleted.path,
  };
  const renamed = sameRevision(graph, deleted.content, row);
  if (renamed !== null) {
    return {
      words: `it was renamed to ${renamed.id}`,
      evidence: [
        where,
        {
          origin: 'declared',
          text: `${renamed.file} has the same message, date and parent`,
          file: renamed.file,
          line: renamed.line,
        },
      ],
      remedy: patch(`Give ${renamed.file} its old id ${row} back: databases carry it`, [
        { action: 'rename-revision', revision: renamed.id, file: renamed.file, to: row },
      ]),
    };
  }
  const baseline = squashed(graph, history, deleted.commit);
  if (baseline !== null) {
    return {
      words: `it was squashed into the baseline ${baseline.id}`,
      evidence: [where, { origin: 'git', text: `the same commit added ${baseline.file}`, file: baseline.file }],
      remedy: patch(`Give the baseline ${baseline.file} the id ${row}, the last that databases carry`, [
        { action: 'rename-revision', revision: baseline.id, file: baseline.file, to: row },
      ]),
    };
  }
  return {
    words: 'its file was deleted after it had been applied',
    evidence: [where],
    remedy: patch(
      `Restore ${deleted.path} from git, verbatim: \`git show ${deleted.commit.slice(0, 10)}^:${deleted.path}\``,
      [{ action: 'restore-file', file: deleted.path, content: deleted.content, commit: deleted.commit }],
    ),
  };
}

function ahead(history: RuleInputs['history'] | undefined, row: string): Cause | null {
  const refs = history?.elsewhereById.get(row);
  if (refs === undefined || refs.length === 0) return null;
  return {
    words: `it is on ${refs[0]}: the database is ahead of this code`,
    evidence: [{ origin: 'git', text: `${row} is on ${refs.join(', ')}` }],
    remedy: advice(`Deploy the code of ${refs[0]}, or merge it; leave the database as it is`),
    causedBy: ['database-ahead-of-code'],
  };
}

function unknown(stamp: RuleInputs['stamp'], history: RuleInputs['history'] | undefined, row: string): Cause {
  const evidence: Evidence[] = [
    {
      origin: 'git',
      text: history === undefined ? 'there is no git history to look into' : 'it is nowhere in the git history',
    },
    ...stamp.looksLike.slice(0, 3).map(
      (place): Evidence => ({
        origin: 'live',
        text: `the schema looks like ${place.revisions.join(' + ') || 'nothing'} (${Math.floor(place.score * 100)} %: ${place.missing} missing, ${place.unexpected} unexpected)`,
      }),
    ),
  ];
  const best = stamp.looksLike[0];
  const isExact =
    best !== undefined &&
    best.revisions.length > 0 &&
    best.missing + best.unexpected === 0 &&
    stamp.unknown.length === stamp.rows.length &&
    history !== undefined;
  return {
    words:
      best !== undefined && best.revisions.length > 0
        ? `the schema looks like ${best.revisions.join(' + ')} (${Math.floor(best.score * 100)} %)`
        : 'nothing tells what it was',
    evidence,
    remedy:
      isExact && best !== undefined && stamp.table !== null
        ? step(
            `Set ${stamp.table.key} to ${best.revisions.join(', ')}, which the catalogue matches in everything`,
            'guarded-row',
            [{ action: 'set-stamp', before: stamp.rows, rows: [...best.revisions], table: stamp.table.key }],
          )
        : advice(
            `Find the file of ${row} (another branch, another folder, a version_locations that is not configured) before anything is stamped`,
          ),
  };
}

/** The same revision under another id: same message, same creation date. */
function sameRevision(graph: RevisionGraph, content: string, row: string): Revision | null {
  const date = /^Create Date:\s*(.+?)\s*$/m.exec(content)?.[1];
  if (date === undefined) return null;
  const same = [...graph.revisions.values()].filter(
    (revision) =>
      revision.id !== row &&
      revision.createDate === date &&
      revision.message !== '' &&
      content.includes(revision.message),
  );
  return same.length === 1 ? (same[0] ?? null) : null;
}

/** A base that came with the commit that deleted the file. */
function squashed(graph: RevisionGraph, history: RuleInputs['history'], commit: string): Revision | null {
  const gone = [...history.deletedById.values()].filter((file) => file.commit === commit);
  if (gone.length < 2) return null;
  const bases = graph.bases
    .flatMap((id) => graph.revisions.get(id) ?? [])
    .filter((revision) => history.addedByFile.get(revision.file)?.commit === commit);
  return bases.length === 1 ? (bases[0] ?? null) : null;
}
