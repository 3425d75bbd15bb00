/**
 * "Can't locate revision": one message, seven causes, opposite repairs. Tells which it is before it advises.
 */
import type { Evidence, Remedy } from '../model/finding.ts';
import { type LostFile, placeOf } from '../model/history.ts';
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { cutIdOf, misspeltIdOf, settleOverlap } from '../model/stamp.ts';
import { advice, defineRule, patch, type RuleInputs, step } from './rule.ts';
import { squashOf } from './squash.ts';

interface Cause {
  /** In words, ends the message. */
  words: string;
  /** What Alembic makes of the row. Default: every command fails. */
  cost?: string;
  evidence: Evidence[];
  remedy: Remedy;
  causedBy?: string[];
}

export default defineRule({
  id: 'version-not-in-graph',
  title: 'the database is at a revision that no file defines',
  severity: 'error',
  needs: ['graph', 'stamp', 'declared'],
  wants: ['history', 'live', 'code', 'config'],
  docs: {
    problem:
      "The version table holds an id that no file of the project defines. The file was deleted, renamed or squashed, the id was cut, the database is ahead of the code, or the row is another application's.",
    consequence:
      'Every alembic command that looks at the database fails with "Can\'t locate revision", `stamp head` included.',
    repair:
      'By cause: restore the deleted file verbatim; keep the old id; write the full id; deploy the newer code; give the chain a version table of its own. Where none fits, compare the live schema with every revision.',
  },
  *check({ graph, stamp, declared, live, history, code, config, policy }) {
    const table = stamp.table;
    if (table === null) return;
    // The rows as they are meant, without those that exclude each other.
    const meant = stamp.rows.map((row) => cutIdOf(graph, row) ?? misspeltIdOf(graph, row) ?? row);
    const isKnown = live !== undefined && meant.every((row) => graph.revisions.has(row));
    const settled = isKnown
      ? settleOverlap(graph, declared.replay, live.schema, [...new Set(meant)]).sort()
      : [...new Set(meant)].sort();
    for (const row of stamp.unknown) {
      const shown = row === '' ? 'an empty row' : row === row.trim() ? row : JSON.stringify(row);
      const cause =
        elsewhereInProject(stamp, config, row) ??
        inHistory(graph, history, code, row) ??
        ahead(history, row) ??
        misspelt(graph, stamp, row, settled) ??
        truncated(graph, stamp, row, settled) ??
        unknown(stamp, history, row);
      yield {
        subject: { kind: 'stamp', name: table.key },
        detail: row,
        severity: policy.occasion === 'gate' && cause.causedBy?.[0]?.startsWith('database-ahead') ? 'info' : 'error',
        message: `${table.key} holds ${shown}, which no file defines${cause.cost ?? ', so that every alembic command fails on this database'}; ${cause.words}.`,
        evidence: [{ origin: 'live', text: `${table.key} holds ${shown}` }, ...cause.evidence],
        causedBy: cause.causedBy ?? ['foreign-version-row'],
        remedy: cause.remedy,
      };
    }
  },
});

function truncated(graph: RevisionGraph, stamp: RuleInputs['stamp'], row: string, rows: string[]): Cause | null {
  const full = cutIdOf(graph, row);
  if (full === null || stamp.table === null) return null;
  const best = stamp.looksLike[0];
  const isAtFull = best?.revisions.includes(full) === true && best.missing + best.unexpected === 0;
  return {
    // Tried on Alembic 1.8: `current` shows the full id, `upgrade` adds its row beside this one.
    words: `it is the beginning of ${full}: the id was cut, and the next upgrade leaves this row beside its own`,
    cost: '',
    evidence: [{ origin: 'declared', text: `${full} begins with it`, file: graph.revisions.get(full)?.file ?? '' }],
    remedy:
      row.length >= 4 || isAtFull
        ? writeRows(stamp, row, full, rows)
        : advice(`Write the full id ${full} into ${stamp.table.key} in place of ${row}, if it is what was meant`),
  };
}

function misspelt(graph: RevisionGraph, stamp: RuleInputs['stamp'], row: string, rows: string[]): Cause | null {
  const meant = misspeltIdOf(graph, row);
  if (meant === null || stamp.table === null) return null;
  return {
    words: `it is ${meant} ${row === row.trim() ? 'in other case' : 'with white space about it'}: the row was typed`,
    evidence: [
      {
        origin: 'declared',
        text: `${meant} is the same text but for that`,
        file: graph.revisions.get(meant)?.file ?? '',
      },
    ],
    remedy: writeRows(stamp, row, meant, rows),
  };
}

function writeRows(stamp: RuleInputs['stamp'], row: string, full: string, rows: string[]): Remedy {
  const table = stamp.table?.key ?? '';
  const shown = row === row.trim() ? row : JSON.stringify(row);
  return step(`Write the full id ${full} into ${table} in place of ${shown}`, 'guarded-row', [
    { action: 'set-stamp', before: stamp.rows, rows, table },
  ]);
}

function elsewhereInProject(
  stamp: RuleInputs['stamp'],
  config: RuleInputs['config'] | undefined,
  row: string,
): Cause | null {
  const file = stamp.strayFileById.get(row);
  if (file === undefined) return null;
  const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '.';
  const configured = config?.config.versionLocations ?? [];
  return {
    words: `${file} defines it, a file in a folder that is not among the version locations`,
    evidence: [
      { origin: 'declared', text: `${file} defines ${row}`, file },
      { origin: 'config', text: `revisions are looked for in ${configured.join(', ') || 'no folder'}` },
    ],
    remedy: advice(
      `Add ${folder} to version_locations in ${config?.config.file ?? 'alembic.ini'}, or move ${file} to ${configured[0] ?? 'the versions folder'}; leave the row as it is`,
    ),
  };
}

function inHistory(
  graph: RevisionGraph,
  history: RuleInputs['history'] | undefined,
  code: RuleInputs['code'] | undefined,
  row: string,
): Cause | null {
  const deleted = history?.deletedById.get(row);
  if (history === undefined || deleted === undefined) return null;
  const where: Evidence = {
    origin: 'git',
    text: `${deleted.path} defined it ${deleted.isBefore === false ? 'in' : 'until'} ${deleted.commit.slice(0, 10)}${deleted.subject ? ` ("${deleted.subject}")` : ''}`,
    file: deleted.path,
  };
  const renamed = sameRevision(graph, deleted.content, row) ?? sameCode(graph, history, code, deleted);
  if (renamed !== null) {
    return {
      words: `it was renamed to ${renamed.id}`,
      evidence: [
        where,
        {
          origin: 'declared',
          text: `${renamed.file} ${renamed.createDate !== null && deleted.content.includes(renamed.createDate) ? 'has the same message and date' : 'does the same'}`,
          file: renamed.file,
          line: renamed.line,
        },
      ],
      remedy: patch(`Give ${renamed.file} its old id ${row} back: databases carry it`, [
        { action: 'rename-revision', revision: renamed.id, file: renamed.file, to: row },
      ]),
    };
  }
  const squash = squashOf(graph, history, row);
  if (squash !== null) {
    const { baseline, last } = squash;
    const evidence: Evidence[] = [
      where,
      {
        origin: 'git',
        text: `${baseline.file} came in ${history.addedByFile.get(baseline.file)?.commit.slice(0, 10)}, and the base of then is gone`,
        file: baseline.file,
      },
    ];
    return {
      words: `it was squashed into the baseline ${baseline.id}`,
      evidence,
      remedy:
        last === row
          ? patch(`Give the baseline ${baseline.file} the id ${row}, the last that databases carry`, [
              { action: 'rename-revision', revision: baseline.id, file: baseline.file, to: row },
            ])
          : advice(
              `Bring this database to ${last ?? 'the last of the old revisions'} first, with the files of then: \`git worktree add ../before-squash ${placeOf(deleted)}\``,
            ),
    };
  }
  return {
    words: 'its file was deleted after it had been applied',
    evidence: [where],
    remedy: patch(`Restore ${deleted.path} from git, verbatim: \`git show ${placeOf(deleted)}:${deleted.path}\``, [
      { action: 'restore-file', file: deleted.path, content: deleted.content, commit: deleted.commit },
    ]),
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
  const isEmpty = row.trim() === '';
  const evidence: Evidence[] = [
    {
      origin: 'git',
      text: isEmpty
        ? 'no revision has an empty id'
        : history === undefined
          ? 'there is no git history to look into'
          : 'it is nowhere in the git history',
    },
    ...stamp.absentLocations.map(
      (location): Evidence => ({
        origin: 'config',
        text: `${location} is a version location, and no such folder is there`,
      }),
    ),
    ...stamp.looksLike
      .filter(({ score }) => score > 0)
      .slice(0, 3)
      .map(
        (place): Evidence => ({
          origin: 'live',
          text: `the schema looks like ${place.revisions.join(' + ') || 'nothing'} (${Math.floor(place.score * 100)} %: ${place.missing} missing, ${place.unexpected} unexpected)`,
        }),
      ),
  ];
  const best = stamp.looksLike[0];
  const mayBeSet =
    best !== undefined &&
    best.revisions.length > 0 &&
    stamp.unknown.length === stamp.rows.length &&
    stamp.absentLocations.length === 0 &&
    (history !== undefined || isEmpty);
  const isExact = mayBeSet && best.missing + best.unexpected === 0;
  // What it lacks the repair brings, and the row follows it; what stands there unexpectedly would stay.
  const isNear = mayBeSet && best.unexpected === 0 && best.score >= 0.5;
  return {
    words:
      best !== undefined && best.revisions.length > 0 && best.score > 0
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
        : isNear
          ? step(
              `Find the file of ${isEmpty ? 'the row' : row} if there is one; else set ${stamp.table?.key} to the revision that the repaired schema provably matches`,
              'guarded-row',
              [{ action: 'stamp-proven' }],
            )
          : advice(
              isEmpty
                ? `Compare with \`chain locate\`, delete the empty row and stamp the revision that the catalogue proves`
                : `Find the file of ${row} (another branch, another folder, a version_locations that is not configured) before anything is stamped`,
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

/** A revision that came in its place and does the same. */
function sameCode(
  graph: RevisionGraph,
  history: RuleInputs['history'],
  code: RuleInputs['code'] | undefined,
  lost: LostFile,
): Revision | null {
  const upgrade = lost.hash?.upgrade;
  if (upgrade === undefined || code === undefined) return null;
  const same = [...graph.revisions.values()].filter(({ id, file }) => {
    const added = history.addedByFile.get(file);
    const cameWithIt = file === lost.path || added === undefined || added.commit === lost.commit;
    return cameWithIt && code.get(id)?.hash?.upgrade === upgrade;
  });
  return same.length === 1 ? (same[0] ?? null) : null;
}
