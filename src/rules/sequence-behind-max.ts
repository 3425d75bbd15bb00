/**
 * A sequence behind the values of its column: explicit ids, from a seed or a restore, do not move it.
 */
import { nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { Schema } from '../model/schema.ts';
import { defineRule, type RuleInputs, step } from './rule.ts';

interface Drawn {
  key: string;
  table: string;
  column: string;
  sequence: string;
}

/** Columns asked for in one query. */
const chunk = 40;

export default defineRule({
  id: 'sequence-behind-max',
  title: 'a sequence is behind the values in use',
  severity: 'error',
  needs: ['declared', 'live', 'answers'],
  docs: {
    problem:
      'Rows were written with explicit ids, by a seed, a COPY or a restore, and the sequence was not moved behind them.',
    consequence: 'The next INSERT of the application draws a value that is taken and fails with a duplicate key.',
    repair: 'setval to the highest value in use.',
  },
  *probe({ declared, live }) {
    const columns = drawnColumns(declared.heads, live);
    for (let from = 0; from < columns.length; from += chunk) {
      const part = columns.slice(from, from + chunk);
      yield {
        key: String(from),
        about: `sequences of ${part[0]?.table}${part.length > 1 ? ` and ${part.length - 1} more` : ''}`,
        sql: part
          .map(({ key, table, column, sequence }) => {
            const name = nameOfKey(sequence);
            const target = quoteQualified(nameOfKey(table));
            const own = quoteQualified(name);
            // pg_sequences hides the value of setval(…, false), and the sequence itself is its owner's to read.
            const [start, from] = live.unownedTables.has(table)
              ? ['s.start_value', '']
              : ['CASE WHEN q.is_called THEN s.start_value ELSE q.last_value END', `, ${own} q`];
            return `SELECT ${quoteLiteral(key)} AS key, (SELECT max(${quoteIdentifier(column)}) FROM ${target})::text AS highest, s.last_value::text AS last, (${start})::text AS start, s.increment_by::text AS step, has_sequence_privilege(${quoteLiteral(own)}, 'USAGE, SELECT') AS readable FROM pg_catalog.pg_sequences s${from} WHERE s.schemaname = ${quoteLiteral(name.schema ?? 'public')} AND s.sequencename = ${quoteLiteral(name.name)}`;
          })
          .join('\nUNION ALL\n'),
      };
    }
  },
  *check({ declared, live, answers }) {
    const columns = drawnColumns(declared.heads, live);
    const byKey = new Map(columns.map((drawn) => [drawn.key, drawn]));
    for (let from = 0; from < columns.length; from += chunk) {
      for (const row of answers.rows(String(from)) ?? []) {
        const drawn = byKey.get(String(row.key));
        if (drawn === undefined || row.highest === null || row.readable !== true) continue;
        const highest = BigInt(String(row.highest));
        const increment = BigInt(String(row.step));
        if (increment <= 0n) continue;
        // A sequence that was never drawn from gives its start value first.
        const next = row.last === null ? BigInt(String(row.start)) : BigInt(String(row.last)) + increment;
        if (next > highest) continue;
        const sequence = quoteLiteral(quoteQualified(nameOfKey(drawn.sequence)));
        const sql = `SELECT pg_catalog.setval(${sequence}::regclass, (SELECT max(${quoteIdentifier(drawn.column)}) FROM ${quoteQualified(nameOfKey(drawn.table))}))`;
        yield {
          subject: { kind: 'sequence', name: drawn.sequence },
          message: `${drawn.sequence} gives ${next} next, and ${drawn.key} goes up to ${highest}; the application's INSERTs run into a duplicate key.`,
          evidence: [
            { origin: 'data', text: `max(${drawn.column}) of ${drawn.table} is ${highest}` },
            {
              origin: 'live',
              text: row.last === null ? 'the sequence was never drawn from' : `last_value is ${row.last}`,
            },
          ],
          remedy: step(`Set it behind the highest value: ${sql}`, 'additive', [
            {
              action: 'run-sql',
              name: `set_${nameOfKey(drawn.sequence).name}`,
              sql: [sql],
              down: [],
              hazards: [],
              transactional: true,
              lock: `ROW EXCLUSIVE on ${drawn.sequence}`,
            },
          ]),
        };
      }
    }
  },
});

/** Columns that draw from a sequence and lead an index, so that their maximum is a look and no scan. */
function drawnColumns(declared: Schema, live: RuleInputs['live']): Drawn[] {
  const found: Drawn[] = [];
  const parents = new Set([...live.schema.tables.values()].flatMap((table) => table.parents));
  for (const [table, { columns, indexes, constraints, kind }] of live.schema.tables) {
    if (!declared.tables.has(table) || live.unreadableTables.has(table) || kind === 'foreign') continue;
    // Without a page there is no row; a parent's rows are its heirs'.
    if (kind === 'table' && live.sizesByTable.get(table)?.bytes === 0 && !parents.has(table)) continue;
    const leading = new Set(
      [...indexes.values()]
        .map((index) => index.keys[0]?.text)
        .concat(
          [...constraints.values()].map((constraint) =>
            constraint.type === 'p' || constraint.type === 'u' ? constraint.columns[0] : undefined,
          ),
        ),
    );
    for (const column of columns.values()) {
      if (
        column.ownedSequence === null ||
        !leading.has(column.name) ||
        !/^(smallint|integer|bigint)$/.test(column.type)
      )
        continue;
      found.push({ key: `${table}.${column.name}`, table, column: column.name, sequence: column.ownedSequence });
    }
  }
  return found;
}
