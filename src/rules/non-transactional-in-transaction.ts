/**
 * A statement that PostgreSQL refuses inside a transaction, in a revision that runs inside one; and an enum value used in the
 * transaction that adds it. What env.py or the revision do about transactions themselves is left to them.
 */
import { keyOf } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import { advice, defineRule, type FindingDraft } from './rule.ts';

export default defineRule({
  id: 'non-transactional-in-transaction',
  title: 'a statement cannot run inside the transaction around it',
  severity: 'error',
  needs: ['graph', 'declared', 'code', 'config'],
  docs: {
    problem:
      'A revision runs CREATE INDEX CONCURRENTLY, VACUUM or the like without an `autocommit_block`, or uses an enum value in the transaction that adds it.',
    consequence: 'PostgreSQL refuses it, and the upgrade stops there in every environment.',
    repair: 'Put the statement into `with op.get_context().autocommit_block():`, in a revision of its own.',
  },
  *check({ graph, declared, code, config }) {
    if (config.env.autocommits) return;
    // Where the application makes the engine, its isolation level is nowhere to be read.
    const isSure = config.env.makesEngine === true;
    for (const id of graph.order) {
      const own = code.get(id);
      if (own === undefined || own.managesTransaction) continue;
      const operations = declared.replay.operationsById.get(id) ?? [];
      const refused = operations.filter(
        (operation) =>
          operation.outsideTransaction === true && !operation.inAutocommitBlock && operation.condition === undefined,
      );
      for (const operation of refused.slice(0, 1)) {
        const others = refused.length - 1;
        yield {
          ...at(operation, id),
          severity: isSure ? 'error' : 'warning',
          certainty: isSure ? 'proven' : 'suspected',
          message: `${id} runs ${what(operation)} in the transaction of the upgrade${others > 0 ? ` (and ${others} more)` : ''}; PostgreSQL refuses that, and the upgrade stops there.`,
        };
      }
      yield* usedTooSoon(id, operations);
    }
  },
});

const remedy = advice(
  'Put it into `with op.get_context().autocommit_block():`, best in a revision of its own',
  'file-edit',
);

function at(operation: Operation, id: string): Pick<FindingDraft, 'subject' | 'evidence' | 'remedy'> {
  const { file, line } = operation.origin;
  return {
    subject: { kind: 'revision', name: id, revision: id, file, line },
    evidence: [{ origin: 'declared', text: operation.sql ?? what(operation), file, line }],
    remedy,
  };
}

function what(operation: Operation): string {
  if (operation.kind === 'createIndex') return `CREATE INDEX CONCURRENTLY ${operation.index.name ?? ''}`.trim();
  if (operation.kind === 'dropIndex') return `DROP INDEX CONCURRENTLY ${operation.index.name}`;
  if (operation.kind === 'ignored') return operation.what;
  return operation.sql?.trim().split(/\s+/).slice(0, 3).join(' ') ?? operation.kind;
}

/** "unsafe use of new value" (since 12): a type made in the same transaction is exempt. */
function* usedTooSoon(id: string, operations: readonly Operation[]): Iterable<FindingDraft> {
  const made = new Set<string>();
  const added: { label: string; type: string }[] = [];
  for (const operation of operations) {
    if (operation.inAutocommitBlock || operation.condition !== undefined) continue;
    if (operation.kind === 'createEnum') made.add(keyOf(operation.name.schema ?? '', operation.name.name));
    if (operation.kind === 'addEnumValue') {
      const type = operation.name.name;
      if (!made.has(keyOf(operation.name.schema ?? '', type))) added.push({ label: operation.label, type });
      continue;
    }
    const used = added.find(({ label }) => {
      if (operation.kind === 'alterColumn')
        return typeof operation.default === 'string' && quotes(operation.default, label);
      return operation.kind === 'touchRows' && operation.verb !== 'select' && quotes(operation.sql ?? '', label);
    });
    if (used === undefined) continue;
    yield {
      ...at(operation, id),
      severity: 'warning',
      certainty: 'suspected',
      message: `${id} adds '${used.label}' to ${used.type} and uses '${used.label}' in the same transaction; where the column is of that type, PostgreSQL refuses with "unsafe use of new value".`,
      detail: used.label,
    };
    return;
  }
}

function quotes(sql: string, label: string): boolean {
  return sql.includes(`'${label.replaceAll("'", "''")}'`);
}
