/**
 * A revision that a release, the base ref or the lock carries says something else now: databases that ran it keep what it
 * said then. What only looks different (comments, layout) is no edit, and its parent is `revision-inserted-behind`'s business.
 */
import type { Evidence } from '../model/finding.ts';
import { releasedHow, unknownReleases } from '../model/history.ts';
import { isAnotherMigration, lockFault } from './released-version.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'applied-revision-edited',
  title: 'a released revision was edited',
  severity: 'error',
  needs: ['graph', 'history', 'code'],
  docs: {
    problem:
      'The code of a revision differs from every version of it that was released (release tags, the base ref) or from the one that `chain.lock` holds.',
    consequence:
      'Alembic never runs it again where it ran before: those databases keep the old schema, new ones get the new, and every signal is green.',
    repair:
      'Restore the released text, and put the difference into a new revision at the head. An edit that changes no database is accepted by `chain gate --write-lock`.',
  },
  *check({ graph, history, code }) {
    const blind = unknownReleases(history);
    if (blind !== null && !history.lock) yield { notChecked: blind };
    if (history.lock?.fault) yield { notChecked: lockFault(history.lock) };
    for (const revision of graph.revisions.values()) {
      const own = code.get(revision.id);
      if (own === undefined || graph.duplicates.has(revision.id)) continue;
      const locked = history.lock?.hashById.get(revision.id);
      const released = history.releasedVersionsById?.get(revision.id) ?? [];
      const hash = locked || released.length > 0 ? own.hash : null;
      if (hash === null) continue;
      const versions = released.filter(
        (version) => version.hash !== null && !isAnotherMigration(revision, own, version),
      );
      const known = locked ? [locked] : versions.flatMap((version) => (version.hash ? [version.hash] : []));
      if (known.length === 0) continue;
      if (known.some((one) => one.upgrade === hash.upgrade && one.downgrade === hash.downgrade)) continue;
      const isDowngradeOnly = known.some((one) => one.upgrade === hash.upgrade);
      const last = versions[versions.length - 1];
      const how = locked ? `is locked in ${history.lock?.file}` : releasedHow(history, revision.id);
      const evidence: Evidence[] = locked
        ? [{ origin: 'git', text: 'its hash differs from the locked one', file: history.lock?.file ?? 'chain.lock' }]
        : [];
      if (last)
        evidence.push({
          origin: 'git',
          text: `${last.ref} has another version: \`git diff ${last.ref} -- ${revision.file}\``,
          file: revision.file,
        });
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: isDowngradeOnly ? own.downgradeLine : revision.line,
        },
        severity: isDowngradeOnly ? 'info' : 'error',
        message: isDowngradeOnly
          ? `downgrade() of ${revision.id}, which ${how}, was edited; databases that ran it keep their schema, only the way back differs.`
          : `${revision.id} ${how} and was edited since; databases that ran it keep what it said then, and new ones get what it says now.`,
        evidence,
        remedy: advice(
          isDowngradeOnly
            ? 'Accept the edit with `chain gate --write-lock`'
            : last
              ? `Restore it: \`git checkout ${last.ref} -- ${last.path}\`, and put the difference into a new revision`
              : `Restore what was locked, and put the difference into a new revision; an edit that changes no database: \`chain gate --write-lock\``,
          'file-edit',
        ),
      };
    }
  },
});
