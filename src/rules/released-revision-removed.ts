/**
 * A revision that a release carried has no file any more: databases that had that release are stranded.
 */
import type { Remedy } from '../model/finding.ts';
import { advice, defineRule, patch } from './rule.ts';

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
    for (const [id, tag] of history.releasedById) {
      if (graph.revisions.has(id) || unread.has(id)) continue;
      const deleted = history.deletedById.get(id);
      const remedy: Remedy = deleted
        ? patch(
            `Restore ${deleted.path} from git, verbatim: \`git show ${deleted.commit.slice(0, 10)}^:${deleted.path}\``,
            [{ action: 'restore-file', file: deleted.path, content: deleted.content, commit: deleted.commit }],
          )
        : advice(`Restore the file of ${id} from the tag ${tag}`, 'file-edit');
      // A tag of another line of releases may carry what never was on this one.
      const isSuspected = deleted === undefined;
      yield {
        subject: { kind: 'revision', name: id, revision: id, ...(deleted ? { file: deleted.path } : {}) },
        certainty: isSuspected ? 'suspected' : 'proven',
        severity: isSuspected ? 'warning' : 'error',
        message: `${id} was released with ${tag} and has no file any more; databases that stand at it fail every alembic command.`,
        evidence: [
          { origin: 'git', text: `the tree of ${tag} has it` },
          ...(deleted
            ? [
                {
                  origin: 'git' as const,
                  text: `${deleted.commit.slice(0, 10)} deleted ${deleted.path}${deleted.subject ? ` ("${deleted.subject}")` : ''}`,
                },
              ]
            : []),
        ],
        remedy,
      };
    }
  },
});
