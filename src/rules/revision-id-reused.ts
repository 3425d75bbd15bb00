/**
 * One id names two different migrations: one in a release (or on another branch), another one here.
 */
import { releasedHow, unknownReleases } from '../model/history.ts';
import { lockFault, otherMigrationsOf } from './released-version.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'revision-id-reused',
  title: 'one id names two different migrations',
  severity: 'error',
  needs: ['graph', 'history', 'code'],
  docs: {
    problem:
      'A release tag, the base ref or another branch has a different migration under the same id: another file, made at another time, that does something else.',
    consequence:
      'The version row cannot tell which of the two a database ran; the one that it did not run is skipped for ever.',
    repair:
      'Give the unreleased one an id of its own and put it at the head. Where both were released, keep both under distinct ids and stamp each population by what its catalogue shows (`chain locate`).',
  },
  *check({ graph, history, code }) {
    const blind = unknownReleases(history);
    if (blind !== null && !history.lock) yield { notChecked: blind };
    if (history.lock?.fault) yield { notChecked: lockFault(history.lock) };
    for (const revision of graph.revisions.values()) {
      const { released, elsewhere } = otherMigrationsOf(revision, graph, code, history) ?? {
        released: [],
        elsewhere: [],
      };
      const [other] = [...released, ...elsewhere];
      if (other === undefined) continue;
      const isReleased = released.length > 0;
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: revision.line,
        },
        severity: isReleased ? 'error' : 'warning',
        certainty: isReleased ? 'proven' : 'suspected',
        message: `${revision.id} is ${revision.file} here and ${other.path} on ${other.ref}, which does something else; a version row cannot tell which of the two a database ran.`,
        evidence: [
          { origin: 'declared', text: describe(revision.message, revision.createDate), file: revision.file },
          { origin: 'git', text: `${other.ref}: ${describe(other.message, other.createDate)}`, file: other.path },
          ...(isReleased
            ? [{ origin: 'git' as const, text: `${revision.id} ${releasedHow(history, revision.id)}` }]
            : []),
        ],
        remedy: advice(
          `Give ${revision.file} an id of its own at the head${isReleased ? `, and bring ${other.path} back: \`git checkout ${other.ref} -- ${other.path}\`` : ' before both meet'}`,
          'file-edit',
        ),
      };
    }
  },
});

function describe(message: string, createDate: string | null): string {
  return (
    [message === '' ? null : `"${message}"`, createDate].filter((part) => part !== null).join(', ') || 'no docstring'
  );
}
