/**
 * A file in the version location that cannot be read as a revision: named, never guessed.
 */
import type { Evidence, Remedy } from '../model/finding.ts';
import type { KnownVersion, RevisionHistory } from '../model/history.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'unreadable-revision',
  title: 'a revision file cannot be read',
  severity: 'error',
  needs: ['graph'],
  wants: ['history'],
  docs: {
    problem:
      'A file of the chain has a syntax error, an unresolved merge, an id that Alembic forbids, or a parent that only running it could tell.',
    consequence:
      'One such file ends every alembic command; and where a parent is computed, nobody can tell the order without running the code.',
    repair:
      'Put back the version that a release has: a released revision is to stay as it was. Else mend the file by hand; write the id and the parents as plain text.',
  },
  *check({ graph, history }) {
    for (const fault of graph.faults) {
      if (fault.rule !== 'unreadable-revision') continue;
      const file = fault.files[0] ?? '';
      const id = fault.revisions[0];
      const revision = id === undefined ? undefined : graph.revisions.get(id);
      let remedy: Remedy = advice(
        `Mend ${file}:${fault.line} by hand: ${fault.reason ?? 'it is no sound Python'}`,
        'file-edit',
      );
      const wrong = revision?.downRevisions.find((parent) => parent === '' || parent === 'None');
      const isIllegal = revision !== undefined && /[@\-+:]/.test(revision.id);
      if (revision !== undefined && isIllegal) {
        const to = revision.id.replace(/[@\-+:]/g, '_');
        if (!graph.revisions.has(to))
          remedy = patch(`Rename revision ${revision.id} to ${to}, and its successors' down_revision with it`, [
            { action: 'rename-revision', revision: revision.id, file, to },
          ]);
      } else if (revision !== undefined && wrong !== undefined) {
        const to = revision.downRevisions.filter((parent) => parent !== '' && parent !== 'None');
        remedy = patch(`Write down_revision = None without quotes in ${file}`, [
          { action: 'set-down-revision', revision: revision.id, file, from: wrong, to },
        ]);
      }
      const evidence: Evidence[] = [
        { origin: 'declared', text: fault.reason ?? fault.message, file, line: fault.line },
      ];
      const released =
        revision === undefined && !fault.needsRunning && !fault.isSuspected ? wholeIn(history, file) : null;
      if (released !== null) {
        evidence.push({ origin: 'git', text: `${released.ref} has it whole`, file });
        remedy = patch(`Put ${file} back as ${released.ref} has it: \`git checkout ${released.ref} -- ${file}\``, [
          { action: 'restore-file', file, content: released.content, commit: released.ref },
        ]);
      }
      yield {
        // A file may hold two faults; each is a finding of its own.
        subject: {
          kind: id === undefined ? 'file' : 'revision',
          name: id ?? file,
          ...(id === undefined ? {} : { revision: id }),
          file,
          line: fault.line,
        },
        certainty: fault.isSuspected ? 'suspected' : 'proven',
        message: `${file}:${fault.line} cannot be read as a revision: ${fault.reason ?? fault.message}; ${
          fault.needsRunning
            ? 'nobody can tell its place in the chain without running it.'
            : 'Alembic stops on it, whatever the command.'
        }`,
        evidence,
        remedy,
      };
    }
  },
});

/** The file as the newest release with it has it, where that is sound Python; null: no release tells. */
function wholeIn(history: RevisionHistory | undefined, file: string): KnownVersion | null {
  const versions = [...(history?.releasedVersionsById?.values() ?? [])].flatMap((each) => each.at(-1) ?? []);
  const own = versions.filter((version) => version.path === file && version.hash !== null);
  return own.length === 1 ? (own[0] ?? null) : null;
}
