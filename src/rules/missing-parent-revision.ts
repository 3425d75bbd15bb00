/**
 * A revision names a parent that no file defines. Chooses the repair by evidence: what the name was written for, what git
 * knows, else where the detached revisions fit; and shows the answers it did not take.
 */

import { descendantsOf } from '../model/ancestry.ts';
import { editDistance } from '../model/edit-distance.ts';
import type { Evidence, Remedy } from '../model/finding.ts';
import { type FileInHistory, type KnownVersion, placeOf } from '../model/history.ts';
import { keyOf } from '../model/name.ts';
import { chooseParent } from '../model/relink.ts';
import type { Revision } from '../model/revision.ts';
import type { RevisionGraph } from '../model/revision-graph.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'missing-parent-revision',
  title: 'a revision names a parent that no file defines',
  severity: 'error',
  needs: ['graph'],
  wants: ['declared', 'history', 'stamp', 'live', 'models', 'seeds'],
  docs: {
    problem: 'The `down_revision` of a file names an id that no file of the project defines.',
    consequence:
      'Alembic cannot load the chain: every command, `heads`, `upgrade` and `stamp` included, ends in a KeyError, and what stands behind the gap can never be applied.',
    repair:
      'In this order: correct the id where it was written for a file name or misspelt; restore the deleted file from git, verbatim; re-link to the revision it followed, where nothing ever stamped the lost id; else put a marked, empty placeholder in its place.',
  },
  *check({ graph, declared, history, stamp, live, models, seeds }) {
    for (const fault of graph.faults) {
      const revision = graph.revisions.get(fault.revisions[0] ?? '');
      if (fault.rule !== 'missing-parent-revision' || fault.missing === undefined || revision === undefined) continue;
      const missing = fault.missing;
      const behind = descendantsOf(graph, [revision.id]);
      const evidence: Evidence[] = [at(revision, `down_revision is ${show(missing)}`, revision.downRevisionLine)];
      const others = behind.size - 1;
      const remedies: Remedy[] = [];
      const replaceWith = (parents: string[]) => replaced(revision, missing, parents);

      const byFile = fileNamed(graph, missing).filter((other) => !behind.has(other.id));
      const named = byFile.length === 1 ? byFile[0] : undefined;
      if (named !== undefined) {
        evidence.push(at(named, `${named.file} bears that name; its id is ${named.id}`));
        remedies.push(
          patch(
            `Set down_revision of ${revision.id} to ${named.id}, the id in ${named.file}: did you mean ${named.id}?`,
            [
              {
                action: 'set-down-revision',
                revision: revision.id,
                file: revision.file,
                from: missing,
                to: replaceWith([named.id]),
              },
            ],
          ),
        );
      }
      const deleted = history?.deletedById.get(missing);
      if (deleted) {
        evidence.push({
          origin: 'git',
          text: `${deleted.path} defined it ${deleted.isBefore === false ? `in ${deleted.commit.slice(0, 10)}` : `until ${deleted.commit.slice(0, 10)}${by(deleted)} deleted it`}`,
          file: deleted.path,
        });
        remedies.push(
          patch(
            `Restore ${deleted.path} from git as it was ${deleted.isBefore === false ? 'in' : 'before'} ${deleted.commit.slice(0, 10)}: \`git show ${placeOf(deleted)}:${deleted.path}\``,
            [{ action: 'restore-file', file: deleted.path, content: deleted.content, commit: deleted.commit }],
          ),
        );
      }
      const elsewhere = history?.elsewhereById.get(missing);
      if (elsewhere && elsewhere.length > 0) {
        evidence.push({ origin: 'git', text: `it is on ${elsewhere.slice(0, 3).join(', ')}` });
        const files = missingFilesOn(graph, history, missing);
        remedies.push(
          files !== null
            ? patch(
                `Bring ${files.map((file) => file.path).join(' and ')} over from ${files[0]?.ref}: \`git checkout ${files[0]?.ref} -- ${files.map((file) => file.path).join(' ')}\``,
                files.map((file) => ({
                  action: 'restore-file',
                  file: file.path,
                  content: file.content,
                  commit: file.ref,
                })),
              )
            : advice(
                `Bring the file of ${show(missing)} over from ${elsewhere[0]}: merge that branch or take its revision along`,
                'file-edit',
              ),
        );
      }
      const near = nearest(graph, missing).filter((other) => !behind.has(other.id));
      if (near.length === 1 && near[0] !== undefined && near[0].id !== named?.id) {
        const meant = near[0];
        evidence.push(at(meant, `${meant.id} in ${meant.file} is close to it`));
        remedies.push(
          patch(`Set down_revision of ${revision.id} to ${meant.id}: did you mean ${meant.id}?`, [
            {
              action: 'set-down-revision',
              revision: revision.id,
              file: revision.file,
              from: missing,
              to: replaceWith([meant.id]),
            },
          ]),
        );
      }
      if (missing === '' || missing === 'None') {
        remedies.push(
          patch(`Write down_revision = None in ${revision.file}: ${show(missing)} is text and names a revision`, [
            { action: 'set-down-revision', revision: revision.id, file: revision.file, from: missing, to: [] },
          ]),
        );
      }

      const link = chooseParent(graph, declared?.replay ?? null, revision.id, missing);
      const unexplained = live === undefined ? [] : unexplainedTables(live, declared, models, seeds);
      const carried = carriedBy(revision, missing, behind, stamp, history);
      const parents = link.parent === null ? [] : [link.parent];
      const placeholder = patch(
        `Add a marked, empty revision ${show(missing)} after ${link.parent ?? 'nothing'}, so that the chain loads`,
        [{ action: 'placeholder-revision', revision: missing, downRevisions: parents }],
      );
      const relink = patch(
        link.parent === null
          ? `Make ${revision.id} a base: no other revision is left to follow`
          : `Re-link ${revision.id} to ${link.parent}${link.reasons.length > 0 ? `: ${link.reasons.join('; ')}` : ''}`,
        [
          {
            action: 'set-down-revision',
            revision: revision.id,
            file: revision.file,
            from: missing,
            to: replaceWith(parents),
          },
        ],
      );
      if (carried !== null) {
        evidence.push(carried.evidence);
        remedies.push(placeholder, relink);
      } else if (unexplained.length > 0) {
        evidence.push({
          origin: 'live',
          text: `no revision or model creates ${list(unexplained)}: the lost revision may have`,
        });
        remedies.push(placeholder, relink);
      } else {
        if (stamp !== undefined)
          evidence.push({ origin: 'live', text: `the database has never been stamped with ${show(missing)}` });
        remedies.push(relink, placeholder);
      }
      const [remedy, ...notTaken] = remedies;
      for (const other of notTaken) evidence.push({ origin: 'config', text: `not taken: ${other.summary}` });
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: revision.downRevisionLine,
        },
        message: `${revision.id} (${revision.file}:${revision.downRevisionLine}) names parent ${show(missing)}, which no file defines; Alembic cannot load the chain, so every command fails${others > 0 ? `, and ${others} more ${others === 1 ? 'revision is' : 'revisions are'} out of reach behind it` : ''}.`,
        certainty: fault.isSuspected ? 'suspected' : 'proven',
        severity: fault.isSuspected ? 'warning' : 'error',
        evidence,
        remedy: fault.isSuspected && remedy ? { ...remedy, kind: 'advice', actions: [] } : (remedy ?? null),
        ...(revision.downRevisions.filter((parent) => !graph.revisions.has(parent)).length > 1
          ? { detail: missing }
          : {}),
      };
    }
  },
});

/**
 * The files that define the missing revision and whatever it stands on, all as one ref has them; null where that ref does not
 * have them all, two refs disagree on the missing one, or a file of that name is there already.
 */
function missingFilesOn(
  graph: RevisionGraph,
  history: Wants['history'] | undefined,
  missing: string,
): KnownVersion[] | null {
  const versions = history?.elsewhereVersionsById;
  const wanted = versions?.get(missing) ?? [];
  const [first] = wanted;
  if (versions === undefined || first === undefined || wanted.length > 1) return null;
  const taken = new Set([
    ...[...graph.revisions.values()].map((revision) => revision.file),
    ...graph.unreadable.map(({ file }) => file),
  ]);
  const files = new Map<string, KnownVersion>();
  const waiting = [missing];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (files.has(id) || graph.revisions.has(id)) continue;
    const found = versions.get(id) ?? [];
    const [version] = found;
    if (version === undefined || found.length > 1 || taken.has(version.path)) return null;
    files.set(id, version);
    waiting.push(...version.downRevisions);
  }
  return [...files.values()];
}

function at(revision: Revision, text: string, line: number = revision.line): Evidence {
  return { origin: 'declared', text, file: revision.file, line };
}

function show(id: string): string {
  return id === '' || id === 'None' ? `'${id}'` : id;
}

function by(file: FileInHistory): string {
  return file.subject === '' ? '' : ` ("${file.subject}")`;
}

function list(names: string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}

function replaced(revision: Revision, missing: string, parents: string[]): string[] {
  return [...new Set(revision.downRevisions.flatMap((parent) => (parent === missing ? parents : [parent])))];
}

/** Revisions whose file is named by the text, with or without the part that `file_template` puts around the id. */
function fileNamed(graph: RevisionGraph, name: string): Revision[] {
  if (name.length < 3) return [];
  const stemOf = (file: string) => file.slice(file.lastIndexOf('/') + 1).replace(/\.py[co]?$/, '');
  const bare = name.replace(/\.py$/, '');
  const all = [...graph.revisions.values()];
  const exact = all.filter((revision) => stemOf(revision.file) === bare);
  if (exact.length > 0) return exact;
  return all.filter((revision) => {
    const stem = stemOf(revision.file);
    return (
      stem.startsWith(`${bare}_`) || stem.startsWith(`${bare}-`) || (bare.length >= 8 && stem.endsWith(`_${bare}`))
    );
  });
}

/** Ids that the text begins (a partial id), or that differ by a slip of the pen. */
function nearest(graph: RevisionGraph, missing: string): Revision[] {
  const all = [...graph.revisions.values()];
  if (missing.length >= 4) {
    const partial = all.filter((revision) => revision.id.startsWith(missing));
    if (partial.length > 0) return partial;
  }
  if (missing.length < 8) return [];
  const withoutDigits = (id: string) => id.replace(/\d+/g, '#');
  return all.filter((revision) => {
    // Numbered and dated ids are all close to one another; only random ones tell a slip.
    const isHex = /^[0-9a-f]{10,}$/.test(missing) && /[a-f]/.test(missing);
    if (!isHex && withoutDigits(revision.id) === withoutDigits(missing)) return false;
    return editDistance(revision.id, missing, 2) <= (missing.length >= 12 ? 2 : 1);
  });
}

type Wants = import('./rule.ts').RuleInputs;

/** Live tables that neither a revision, a model nor a seed makes. */
function unexplainedTables(
  live: Wants['live'],
  declared: Wants['declared'] | undefined,
  models: Wants['models'] | undefined,
  seeds: Wants['seeds'] | undefined,
): string[] {
  if (declared === undefined) return [];
  const known = new Set<string>([...declared.heads.tables.keys(), ...(models?.reading.schema.tables.keys() ?? [])]);
  for (const id of declared.replay.operationsById.keys()) {
    for (const operation of declared.replay.operationsById.get(id) ?? []) {
      if (operation.kind === 'createTable')
        known.add(keyOf(operation.table.name.schema ?? 'public', operation.table.name.name));
    }
  }
  for (const reading of seeds?.readings ?? []) {
    for (const { table, verb } of reading.statements)
      if (verb === 'ddl' && table) known.add(keyOf(table.schema ?? 'public', table.name));
  }
  const ownNamespaces = new Set([...declared.heads.tables.values()].map((table) => table.namespace));
  const versionTables = new Set(live.versionTables.map((table) => table.key));
  return [...live.schema.tables.entries()]
    .filter(
      ([key, table]) =>
        ownNamespaces.has(table.namespace) &&
        !known.has(key) &&
        !versionTables.has(key) &&
        !live.extensionObjects.has(key),
    )
    .map(([key]) => key)
    .sort();
}

function carriedBy(
  revision: Revision,
  missing: string,
  behind: ReadonlySet<string>,
  stamp: Wants['stamp'] | undefined,
  history: Wants['history'] | undefined,
): { evidence: Evidence } | null {
  if (stamp?.rows.includes(missing)) {
    return {
      evidence: {
        origin: 'live',
        text: `${stamp.table?.key ?? 'the version table'} holds ${show(missing)}: a database was stamped with it`,
      },
    };
  }
  const stamped = stamp?.known.find((id) => behind.has(id));
  if (stamped !== undefined) {
    return { evidence: { origin: 'live', text: `the database is stamped ${stamped}, which stands behind the gap` } };
  }
  const tag = history?.releasedById.get(missing) ?? history?.releasedById.get(revision.id);
  if (tag !== undefined) {
    return {
      evidence: {
        origin: 'git',
        text: `${history?.releasedById.has(missing) ? show(missing) : revision.id} was released with ${tag}`,
      },
    };
  }
  return null;
}
