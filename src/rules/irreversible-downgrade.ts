/**
 * A downgrade that says yes and does nothing, or leaves an enum behind that the next upgrade trips over. One that refuses by
 * raising is honest, and no finding.
 */
import { statementOf } from '../model/ddl.ts';
import type { Operation } from '../model/operation.ts';
import { isSameSchema, type Schema } from '../model/schema.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'irreversible-downgrade',
  title: 'a downgrade does not take its upgrade back',
  severity: 'info',
  needs: ['graph', 'declared', 'code'],
  docs: {
    problem:
      'The downgrade of a revision is empty although its upgrade changes the schema, or it leaves an enum type behind.',
    consequence:
      'After a downgrade the version row says one thing and the schema another; the next upgrade fails on what is left.',
    repair: 'Write the way back, or let downgrade() raise NotImplementedError, so that nobody relies on it.',
  },
  *check({ graph, declared, code }) {
    const made = makersOf(declared.heads);
    for (const id of graph.order) {
      const revision = graph.revisions.get(id);
      const own = code.get(id);
      if (revision === undefined || own === undefined) continue;
      const acts = (declared.replay.operationsById.get(id) ?? []).filter(changesSchema);
      if (acts.length === 0 || !own.isSound) continue;
      const subject = {
        kind: 'revision' as const,
        name: id,
        revision: id,
        file: revision.file,
        line: own.downgradeLine,
      };
      if (own.downgrade === 'empty') {
        // What repeats what stands already (a reconciling revision) takes nothing away with it.
        if (!made.has(id)) {
          const before = declared.replay.schemaAt(graph.predecessorsById.get(id) ?? []);
          if (isSameSchema(before, declared.replay.schemaAfter(id))) continue;
        }
        yield {
          subject,
          message: `downgrade() of ${id} does nothing, and its upgrade changes the schema; after it the version row and the schema disagree.`,
          evidence: acts.slice(0, 3).map((operation) => ({
            origin: 'declared' as const,
            text: statementOf(operation),
            file: operation.origin.file,
            line: operation.origin.line,
          })),
          remedy: advice('Write the way back, or `raise NotImplementedError` in downgrade()', 'file-edit'),
        };
        continue;
      }
      if (own.downgrade !== 'stated' || own.downgradeCallsDrop) continue;
      const left = acts.flatMap((operation) => {
        if (operation.kind !== 'createEnum' || operation.ifNotExists || operation.condition !== undefined) return [];
        const { name } = operation.name;
        return own.downgradeTexts.some((text) => text.includes(name)) ? [] : [name];
      });
      const table = acts.some((operation) => operation.kind === 'createTable');
      if (left.length === 0 || !table) continue;
      yield {
        subject,
        message: `downgrade() of ${id} leaves the enum ${left.join(', ')} behind; the next upgrade fails with "type already exists".`,
        evidence: left.map((name) => ({
          origin: 'declared' as const,
          text: `${name} is created by the upgrade and named nowhere in the downgrade`,
          file: revision.file,
          line: own.downgradeLine,
        })),
        remedy: advice(
          `Add to downgrade(): ${left.map((name) => `op.execute("DROP TYPE ${name}")`).join('; ')}`,
          'file-edit',
        ),
      };
    }
  },
});

/** Revisions that made a table which stands at the heads: those need no comparison of whole schemas. */
function makersOf(schema: Schema): Set<string | null> {
  return new Set([...schema.tables.values()].map((table) => table.origin?.revision ?? null));
}

function changesSchema(operation: Operation): boolean {
  return (
    operation.kind !== 'touchRows' &&
    operation.kind !== 'ignored' &&
    operation.kind !== 'opaque' &&
    operation.kind !== 'setSearchPath' &&
    // What only makes room or tidies needs no way back.
    operation.kind !== 'createExtension' &&
    operation.kind !== 'createNamespace' &&
    operation.kind !== 'addEnumValue' &&
    operation.kind !== 'commentOnTable' &&
    operation.kind !== 'validateConstraint' &&
    // It was taken for perhaps not there at all.
    !('ifExists' in operation && operation.ifExists) &&
    operation.condition === undefined
  );
}
