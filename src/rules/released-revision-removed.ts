/**
 * A revision that a release carried has no file any more: databases that had that release are stranded.
 */
import type { Remedy } from '../model/finding.ts';
import { placeOf, releasedHow, unknownReleases } from '../model/history.ts';
import { lockFault } from './released-version.ts';
import { advice, defineRule, patch } from './rule.ts';
import { squashOf } from './squash.ts';

export default defineRule({
  id: 'released-revision-removed',
  title: 'a released revision has no file any more',
  severity: 'error',
  needs: ['graph', 'history'],
  docs: {
    problem: 'A release tag has a revision that no file defines any more: deleted, renamed or squashed.',
    consequence: 'A database that stands at it fails every alembic command with "Can\'t locate revision".',
    repair: 'Restore the file from git, verbatim; after a squash, give the baseline the last released id.',
  },
  *check({ graph, history }) {
    const unread = new Set(graph.unreadable.flatMap((file) => (file.id === null ? [] : [file.id])));
    const blind = unknownReleases(history);
    if (blind !== null && !history.lock) yield { notChecked: blind };
    if (history.lock?.fault) yield { notChecked: lockFault(history.lock) };
    for (const id of new Set([...history.releasedById.keys(), ...(history.lock?.hashById.keys() ?? [])])) {
      const how = history.releasedById.has(id) ? releasedHow(history, id) : `is in ${history.lock?.file}`;
      if (graph.revisions.has(id) || unread.has(id)) continue;
      const deleted = history.deletedById.get(id);
      const versions = history.releasedVersionsById?.get(id) ?? history.elsewhereVersionsById?.get(id) ?? [];
      const version = versions[versions.length - 1];
      const isFree = version !== undefined && ![...graph.revisions.values()].some(({ file }) => file === version.path);
      const squash = squashOf(graph, history, id);
      const remedy: Remedy =
        squash?.last === id
          ? patch(`Give the baseline ${squash.baseline.file} the id ${id}, the last that databases carry`, [
              { action: 'rename-revision', revision: squash.baseline.id, file: squash.baseline.file, to: id },
            ])
          : deleted
            ? patch(`Restore ${deleted.path} from git, verbatim: \`git show ${placeOf(deleted)}:${deleted.path}\``, [
                { action: 'restore-file', file: deleted.path, content: deleted.content, commit: deleted.commit },
              ])
            : version !== undefined && isFree
              ? advice(
                  `Restore ${version.path} from ${version.ref}: \`git checkout ${version.ref} -- ${version.path}\``,
                  'file-edit',
                )
              : advice(`Restore the file of ${id}: it ${how}`, 'file-edit');
      if (squash !== null && squash.last !== id) {
        yield {
          subject: { kind: 'revision', name: id, revision: id, ...(deleted ? { file: deleted.path } : {}) },
          severity: 'info',
          message: `${id} ${how} and was squashed into the baseline ${squash.baseline.id}; a database that stands at it must be brought to ${squash.last ?? 'the last of the old revisions'} with the files of then, before it meets the baseline.`,
          evidence: [{ origin: 'git', text: `${id} ${how}` }],
          remedy: null,
        };
        continue;
      }
      const isLocked = history.lock?.hashById.has(id) === true;
      // What this line of commits never had belongs to another line, or to a newer release: unless its past is cut off here.
      const isOnBase = history.base !== undefined && history.base !== null && version?.ref === history.base.ref;
      if (deleted === undefined && !isLocked && !(history.isShallow && isOnBase)) continue;
      const isSuspected = deleted === undefined && !isLocked;
      // The removal was released itself: whoever followed the releases is past it.
      const isOldNews =
        !isLocked &&
        !isOnBase &&
        history.newestRelease !== undefined &&
        history.lastReleaseById?.get(id) !== history.newestRelease;
      yield {
        subject: { kind: 'revision', name: id, revision: id, ...(deleted ? { file: deleted.path } : {}) },
        certainty: isSuspected || isOldNews ? 'suspected' : 'proven',
        severity: isSuspected || isOldNews ? 'warning' : 'error',
        message: `${id} ${how} and has no file any more; databases that stand at it fail every alembic command.`,
        evidence: [
          { origin: 'git', text: `${id} ${how}` },
          ...(isOldNews ? [{ origin: 'git' as const, text: `${history.newestRelease} was released without it` }] : []),
          ...(deleted
            ? [
                {
                  origin: 'git' as const,
                  text: `${deleted.commit.slice(0, 10)} ${deleted.isBefore === false ? 'has' : 'deleted'} ${deleted.path}${deleted.subject ? ` ("${deleted.subject}")` : ''}`,
                },
              ]
            : []),
        ],
        remedy,
      };
    }
  },
});
