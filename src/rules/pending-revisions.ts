/**
 * Revisions that the database has not had yet: normal before a deploy.
 */
import { ancestorsOf, descendantsOf } from '../model/ancestry.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'pending-revisions',
  title: 'revisions that the database has not had yet',
  severity: 'info',
  needs: ['graph', 'declared', 'stamp'],
  docs: {
    problem: 'The chain has revisions after the place where the database stands.',
    consequence: 'None by itself: the next upgrade applies them. What they create is not there yet.',
    repair: '`alembic upgrade head`, with the deploy that needs them.',
  },
  *check({ graph, declared, stamp }) {
    if (declared.comparedBy !== 'stamp') return;
    const applied = ancestorsOf(graph, declared.comparedAt);
    // Before a parent that is lost nobody can tell what was applied; what comes after an applied one was not.
    const isCut = [...applied].some((id) =>
      graph.revisions.get(id)?.downRevisions.some((to) => !graph.revisions.has(to)),
    );
    const later = isCut ? descendantsOf(graph, [...applied]) : null;
    const pending = graph.order.filter((id) => !applied.has(id) && (later === null || later.has(id)));
    if (pending.length === 0) return;
    yield {
      subject: { kind: 'stamp', name: stamp.table?.key ?? 'alembic_version' },
      message: `${pending.length} ${pending.length === 1 ? 'revision is' : 'revisions are'} not applied yet: ${pending.slice(0, 5).join(', ')}${pending.length > 5 ? ', …' : ''}.`,
      evidence: pending.slice(0, 20).map((id) => {
        const revision = graph.revisions.get(id);
        return {
          origin: 'declared' as const,
          text: `${id}${revision?.message ? ` "${revision.message}"` : ''}`,
          ...(revision ? { file: revision.file, line: revision.line } : {}),
        };
      }),
      remedy: advice(
        `Run \`alembic upgrade ${graph.heads.length === 1 ? 'head' : 'heads'}\` with the deploy that needs them`,
      ),
    };
  },
});
