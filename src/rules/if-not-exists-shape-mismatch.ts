/**
 * `CREATE TABLE IF NOT EXISTS` met a table of another shape and kept it, with only a NOTICE. One finding a table, with all
 * the columns it lacks.
 */
import { blindSpotOver } from '../model/blind-spots.ts';
import { addColumn, columnDefinition } from '../model/declare.ts';
import type { Evidence } from '../model/finding.ts';
import type { ColumnDefinition, Operation } from '../model/operation.ts';
import { defineRule, type RuleInputs, step } from './rule.ts';

type Guarded = Extract<Operation, { kind: 'createTable' }>;

export default defineRule({
  id: 'if-not-exists-shape-mismatch',
  title: 'a guarded CREATE TABLE kept a table of another shape',
  severity: 'error',
  needs: ['declared'],
  wants: ['live', 'drift'],
  docs: {
    problem: 'A revision says CREATE TABLE IF NOT EXISTS, and a table of that name with fewer columns stands already.',
    consequence:
      'PostgreSQL keeps the old shape and says so only in a NOTICE; the revision counts as applied, and the code fails on the columns that never came.',
    repair: 'Add the missing columns by ALTER TABLE, and repeat that in a revision at the head.',
  },
  *check({ declared, live, drift }) {
    for (const [table, { operation, columns }] of shortTables(declared, live, drift)) {
      const standing = live?.schema.tables.get(table);
      const lacking = standing === undefined ? columns : columns.filter((column) => !standing.columns.has(column.name));
      const names = columns.map((column) => column.name);
      const spot = blindSpotOver(declared.replay.blindSpots, table);
      const isProven = spot === null || (standing !== undefined && lacking.length > 0);
      const { revision, file, line } = operation.origin;
      const evidence: Evidence[] = [
        {
          origin: 'declared',
          text: `${revision ?? 'a revision'} says CREATE TABLE IF NOT EXISTS ${table} with ${names.join(', ')}`,
          file,
          line,
        },
      ];
      if (standing !== undefined) {
        evidence.push({ origin: 'live', text: `${table} has ${[...standing.columns.keys()].join(', ')}` });
        if (lacking.length > 0)
          evidence.push({ origin: 'live', text: `missing: ${lacking.map((column) => column.name).join(', ')}` });
      } else {
        const earlier = declared.heads.tables.get(table);
        if (earlier)
          evidence.push({
            origin: 'declared',
            text: `it stands before with ${[...earlier.columns.keys()].join(', ')}`,
            ...(earlier.origin ? { file: earlier.origin.file, line: earlier.origin.line } : {}),
          });
      }
      const count = standing === undefined ? columns.length : lacking.length;
      yield {
        subject: { kind: 'table', name: table, ...(revision ? { revision } : {}), file, line },
        severity: isProven && (standing === undefined || lacking.length > 0) ? 'error' : 'warning',
        certainty: isProven ? 'proven' : 'suspected',
        message:
          standing !== undefined && lacking.length === 0
            ? `${table} has ${names.join(', ')} in this database, but a database that the revisions build will not: CREATE TABLE IF NOT EXISTS in ${revision ?? file} keeps the older shape.`
            : `${table} lacks ${count} ${count === 1 ? 'column' : 'columns'} that ${revision ?? file} states under IF NOT EXISTS: ${(standing === undefined ? columns : lacking).map((column) => column.name).join(', ')}; the old shape was kept and the code will fail on them.`,
        evidence,
        remedy: step(`Add ${names.join(', ')} to ${table}, and repeat it in a revision at the head`, 'additive', [
          {
            action: 'declare',
            operations: columns.map((column) => ({
              kind: 'addColumn',
              table: operation.table.name,
              column,
              origin: operation.origin,
            })),
          },
        ]),
      };
    }
  },
});

/** Columns, by table, that a guarded CREATE TABLE states and that did not come of it. */
export function shortTables(
  declared: RuleInputs['declared'],
  live: RuleInputs['live'] | undefined,
  drift: RuleInputs['drift'] | undefined,
): Map<string, { operation: Guarded; columns: ColumnDefinition[] }> {
  const found = new Map<string, { operation: Guarded; columns: ColumnDefinition[] }>();
  const goneLater = columnsTakenAway(declared);
  const put = (table: string, operation: Guarded, columns: ColumnDefinition[]) => {
    const entry = found.get(table) ?? { operation, columns: [] };
    for (const column of columns) {
      if (!entry.columns.some((other) => other.name === column.name)) entry.columns.push(column);
    }
    if (entry.columns.length > 0) found.set(table, entry);
  };
  for (const note of declared.replay.notes) {
    if (note.kind !== 'guard-kept-shape' || note.operation.kind !== 'createTable' || note.operation.condition) continue;
    const final = declared.heads.tables.get(note.object);
    if (final === undefined) continue;
    const columns = [...note.intended.columns.values()].filter(
      (column) =>
        !note.standing.columns.has(column.name) &&
        !final.columns.has(column.name) &&
        !goneLater.has(`${final.name}.${column.name}`),
    );
    put(
      note.object,
      note.operation,
      columns.map((column) => columnDefinition(column, declared.heads)),
    );
  }
  if (drift === undefined || live === undefined) return found;
  const guarded = new Map<string, Guarded>();
  for (const operations of declared.replay.operationsById.values()) {
    for (const operation of operations) {
      if (operation.kind === 'createTable' && operation.ifNotExists)
        guarded.set(`${operation.origin.file}:${operation.origin.line}`, operation);
    }
  }
  for (const difference of drift.differences) {
    if (difference.kind !== 'column' || difference.direction !== 'missing' || difference.declared === null) continue;
    const table = declared.schema.tables.get(difference.table);
    const operation = table?.origin && guarded.get(`${table.origin.file}:${table.origin.line}`);
    if (!table || !operation || difference.certainty === 'suspected' || !live.schema.tables.has(difference.table))
      continue;
    if (!operation.table.columns.some((column) => column.name === difference.declared?.name)) continue;
    const add = addColumn(difference.table, difference.declared, declared.schema);
    if (add.kind === 'addColumn') put(difference.table, operation, [add.column]);
  }
  return found;
}

/** `table.column` that some revision drops or renames: not there at the end, and rightly so. */
function columnsTakenAway(declared: RuleInputs['declared']): Set<string> {
  const names = new Set<string>();
  for (const operations of declared.replay.operationsById.values()) {
    for (const operation of operations) {
      if (operation.kind === 'dropColumn' || operation.kind === 'renameColumn')
        names.add(`${operation.table.name}.${operation.column}`);
    }
  }
  return names;
}
