/**
 * A revision that has still to run here would hold a strong lock on a large table for as long as it reads or rewrites it.
 * Told of tables whose size is known and of revisions that are pending; what ran already is over.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import { statementOf } from '../model/ddl.ts';
import { describeLock } from '../model/ddl-lock.ts';
import { placeOf, resolveTable } from '../model/lookup.ts';
import type { Operation } from '../model/operation.ts';
import { advice, defineRule } from './rule.ts';

const manyRows = 1_000_000;
const manyBytes = 512 * 1024 * 1024;

export default defineRule({
  id: 'unsafe-lock',
  title: 'a pending revision locks a large table for long',
  severity: 'warning',
  needs: ['graph', 'declared', 'live', 'stamp', 'code', 'config'],
  docs: {
    problem: `A revision that is not applied yet rewrites or reads through a table of ${manyRows.toLocaleString('en')} rows or half a gigabyte under a lock that writers wait for, and no lock_timeout is set.`,
    consequence:
      'Every write to the table waits until it is through, and every query that comes after it waits in line.',
    repair:
      'Set lock_timeout, create indexes CONCURRENTLY, add constraints NOT VALID and VALIDATE later, fill columns in batches.',
  },
  *check({ graph, declared, live, stamp, code, config }) {
    if (config.env.setsLockTimeout || stamp.state !== 'placed') return;
    const applied = ancestorsOf(graph, stamp.known);
    for (const id of graph.order) {
      if (applied.has(id) || code.get(id)?.setsLockTimeout) continue;
      const told = new Set<string>();
      for (const operation of declared.replay.operationsById.get(id) ?? []) {
        if (operation.kind === 'touchRows' || operation.kind === 'opaque' || operation.kind === 'ignored') continue;
        if (!('table' in operation) || !operation.table || operation.kind === 'createTable') continue;
        const key =
          resolveTable(live.schema, operation.table, live.searchPath) ?? placeOf(operation.table, live.searchPath);
        const size = live.sizesByTable.get(key);
        if (size === undefined || told.has(key) || (size.rows < manyRows && size.bytes < manyBytes)) continue;
        const { lock, rewrites, hazards } = describeLock(operation);
        if (!rewrites && !hazards.includes('long-lock')) continue;
        told.add(key);
        const { file, line } = operation.origin;
        yield {
          subject: { kind: 'table', name: key, revision: id, file, line },
          detail: id,
          message: `${id} ${rewrites ? 'rewrites' : 'reads through'} ${key} (${sizeOf(size)}) under ${/^[AE]/.test(lock) ? 'an' : 'a'} ${lock} lock without a lock_timeout; every write to it waits, and whatever comes after waits in line.`,
          evidence: [
            { origin: 'declared', text: statementOf(operation), file, line },
            { origin: 'live', text: `${key} has ${sizeOf(size)}` },
          ],
          remedy: advice(remedyFor(operation), 'file-edit'),
        };
      }
    }
  },
});

function sizeOf({ rows, bytes }: { rows: number; bytes: number }): string {
  const megabytes = Math.round(bytes / 1024 / 1024).toLocaleString('en');
  return rows >= 0 ? `about ${Math.round(rows).toLocaleString('en')} rows, ${megabytes} MB` : `${megabytes} MB`;
}

function remedyFor(operation: Operation): string {
  const timeout = 'Begin with op.execute("SET LOCAL lock_timeout = \'5s\'")';
  if (operation.kind === 'createIndex')
    return 'Create the index CONCURRENTLY, in `with op.get_context().autocommit_block():`';
  if (operation.kind === 'addConstraint' && /^[fc]$/.test(operation.constraint.type))
    return `${timeout}, add the constraint NOT VALID, and VALIDATE it in a later revision`;
  return `${timeout}, or split it into steps that lock for a moment only`;
}
