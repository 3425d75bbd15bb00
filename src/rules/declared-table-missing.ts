/**
 * A revision that the database has passed creates a table that is not there. What it would have contained is evidence
 * of this one finding.
 */

import { createEnum, createTable, enumsOf } from '../model/declare.ts';
import type { Evidence } from '../model/finding.ts';
import { keyOf, nameOfKey } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { Table } from '../model/schema.ts';
import { defineRule, type RuleInputs, step } from './rule.ts';

export default defineRule({
  id: 'declared-table-missing',
  title: 'a table that an applied revision creates is not in the database',
  severity: 'error',
  needs: ['graph', 'declared', 'live', 'drift'],
  wants: ['history'],
  docs: {
    problem:
      'A revision at or before the place where the database stands creates a table, and the database does not have it.',
    consequence:
      'Whatever reads or writes the table fails, keys that reference it cannot exist, and no upgrade will ever create it: Alembic counts the revision as done.',
    repair:
      'Create the table by the DDL that the revision itself states, in one transaction, and add a revision at the head with the same effect, so that every other environment converges.',
  },
  *check({ graph, declared, live, drift, history }) {
    for (const difference of drift.differences) {
      if (difference.kind !== 'table' || difference.direction !== 'missing' || difference.declared === null) continue;
      const table = difference.declared;
      const origin = difference.origin ?? table.origin ?? null;
      const evidence: Evidence[] = [];
      if (origin !== null) {
        evidence.push({
          origin: 'declared',
          text: `created by ${origin.revision ?? 'a revision'} at ${origin.file}:${origin.line}`,
          file: origin.file,
          line: origin.line,
        });
      }
      evidence.push({ origin: 'declared', text: `columns: ${[...table.columns.keys()].join(', ')}` });
      evidence.push({
        origin: 'live',
        text: `pg_class has no ${difference.key} (looked as ${live.role}; the catalogue shows tables whatever the privileges)`,
      });
      const lost = drift.differences.filter(
        (other) =>
          other.kind === 'constraint' &&
          other.direction === 'missing' &&
          other.declared?.references?.table === difference.key,
      );
      if (lost.length > 0) {
        evidence.push({
          origin: 'live',
          text: `${lost.map((other) => other.key).join(', ')} ${lost.length === 1 ? 'is' : 'are'} absent too: so leaves DROP TABLE … CASCADE, or a revision that never ran`,
        });
      }
      const behind = insertedBehind(graph, history, origin?.revision ?? null, drift.comparedAt);
      if (behind !== null) evidence.push(behind);
      const operations = operationsFor(declared, live, difference.key, table);
      yield {
        subject: {
          kind: 'table',
          name: difference.key,
          ...(origin?.revision ? { revision: origin.revision } : {}),
          ...(origin ? { file: origin.file, line: origin.line } : {}),
        },
        certainty: difference.certainty,
        severity: difference.certainty === 'proven' ? 'error' : 'warning',
        message: `${difference.key} is created by revision ${origin?.revision ?? '(unknown)'}, which this database has passed, and is not there; every statement on it fails, and no upgrade will create it.`,
        evidence,
        remedy: step(
          `Create ${difference.key} by the DDL of ${origin?.revision ?? 'its revision'}, and repeat it in a revision at the head`,
          'additive',
          [{ action: 'declare', operations }],
        ),
      };
    }
  },
});

/** The revisions' own statements where they are all that made the table, else the table written anew. */
function operationsFor(
  declared: RuleInputs['declared'],
  live: RuleInputs['live'],
  key: string,
  table: Table,
): Operation[] {
  const missingEnums = enumsOf(table.columns.values(), declared.schema)
    .filter((type) => !live.schema.enums.has(keyOf(type.namespace, type.name)))
    .map(createEnum);
  return [...missingEnums, ...(ownOperations(declared, key, table) ?? createTable(table, declared.schema))];
}

function ownOperations(declared: RuleInputs['declared'], key: string, table: Table): Operation[] | null {
  const origin = table.origin;
  if (!origin?.revision) return null;
  const found: Operation[] = [];
  for (const [, operations] of declared.replay.operationsById) {
    for (const operation of operations) {
      if (!touches(operation, key)) continue;
      if (operation.kind === 'createTable') {
        if (operation.origin.revision === origin.revision && operation.origin.line === origin.line)
          found.unshift(operation);
      } else if (operation.kind === 'createIndex') {
        found.push(operation);
      } else {
        return null;
      }
    }
  }
  const [first] = found;
  // A column by another name, or one more or less, and the statement no longer says what is declared.
  if (first?.kind !== 'createTable' || first.table.columns.length !== table.columns.size) return null;
  if (first.table.columns.some((column) => !table.columns.has(column.name))) return null;
  const indexes = found.filter((operation) => operation.kind === 'createIndex');
  if (indexes.some((operation) => operation.index.name !== null && !table.indexes.has(operation.index.name)))
    return null;
  return found;
}

function touches(operation: Operation, key: string): boolean {
  if (operation.kind === 'touchRows' || operation.kind === 'opaque' || operation.kind === 'ignored') return false;
  if (!('table' in operation) || !operation.table) return false;
  const name = operation.kind === 'createTable' ? operation.table.name : operation.table;
  if (!('schema' in name)) return false;
  return name.schema === null ? nameOfKey(key).name === name.name : key === keyOf(name.schema, name.name);
}

/** git added the file after one of its successors: an upgrade that was past it skips it for ever. */
function insertedBehind(
  graph: RuleInputs['graph'],
  history: RuleInputs['history'] | undefined,
  revision: string | null,
  comparedAt: readonly string[],
): Evidence | null {
  if (revision === null || history === undefined) return null;
  const file = graph.revisions.get(revision)?.file;
  const added = file === undefined ? undefined : history.addedByFile.get(file);
  if (added === undefined) return null;
  for (const child of graph.childrenById.get(revision) ?? []) {
    const childFile = graph.revisions.get(child)?.file;
    const childAdded = childFile === undefined ? undefined : history.addedByFile.get(childFile);
    if (childAdded && childAdded.date < added.date && !comparedAt.includes(revision)) {
      return {
        origin: 'git',
        text: `inserted behind: ${revision} came with ${added.commit.slice(0, 10)} (${added.date}), after its successor ${child} (${childAdded.date})`,
        ...(file === undefined ? {} : { file }),
      };
    }
  }
  return null;
}
