/**
 * The same natural key under two owners, one of which the seed names: rows entered by hand before the seed knew them.
 * Only tables, owners and keys that the seed itself writes are looked at.
 */
import { isOneOf } from '../model/equality.ts';
import type { Evidence } from '../model/finding.ts';
import { plainSearchPath, primaryKeyOf } from '../model/lookup.ts';
import { nameOfKey, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import { type ForeignKey, foreignKeysOf, insertsOf, literalIn, type SeedInsert } from '../model/seed-view.ts';
import { defineRule, type RuleInputs, step } from './rule.ts';

interface Owned {
  insert: SeedInsert;
  table: string;
  owner: ForeignKey;
  ownerColumn: string;
  id: string;
  keyColumn: string;
  /** Natural key → the owner that the seed gives it. */
  ownerByKey: Map<string, string>;
}

const naturalNames = ['name', 'slug', 'title', 'code', 'handle'];
const ownerWords = /(^|_)(tenant|org|organi[sz]ation|account|workspace|company|customer|client|team|site)s?(_|$)/i;

export default defineRule({
  id: 'duplicate-across-tenants',
  title: 'the same row stands under two owners',
  severity: 'warning',
  needs: ['declared', 'live', 'seeds', 'answers'],
  docs: {
    problem:
      'Rows with the same natural key stand under two owners, such as a brand in two tenants; the seed names one of them.',
    consequence: 'Users see things twice, and what hangs on the one is not on the other.',
    repair:
      'With `chain repair --apply --merge-duplicates`: every foreign key is pointed to the row that stays, the others are kept whole in a quarantine table, and undo brings them back.',
  },
  *probe({ declared, live, seeds }) {
    for (const owned of ownedBy(declared, live, seeds)) {
      const type = live.schema.tables.get(owned.table)?.columns.get(owned.keyColumn)?.type;
      const asked = { sql: quoteIdentifier(owned.keyColumn), type };
      yield {
        key: `${owned.table}.${owned.keyColumn}`,
        about: `rows of ${owned.table} with the same ${owned.keyColumn}`,
        sql: `SELECT ${quoteIdentifier(owned.id)}::text AS id, ${quoteIdentifier(owned.keyColumn)}::text AS key, ${quoteIdentifier(owned.ownerColumn)}::text AS owner FROM ${quoteQualified(nameOfKey(owned.table))} WHERE ${isOneOf(
          [asked],
          [...owned.ownerByKey.keys()].map((key) => [key]),
          live.schema,
        )} ORDER BY 2, 1`,
      };
    }
  },
  *check({ declared, live, seeds, answers }) {
    const told = new Set<string>();
    for (const owned of ownedBy(declared, live, seeds)) {
      const rows = (answers.rows(`${owned.table}.${owned.keyColumn}`) ?? []).map((row) => ({
        id: String(row.id),
        key: String(row.key),
        owner: row.owner === null ? null : String(row.owner),
      }));
      const groups = [...owned.ownerByKey].flatMap(([key, owner]) => {
        const same = rows.filter((row) => row.key === key);
        const kept = same.filter((row) => row.owner === owner);
        const others = same.filter((row) => row.owner !== owner);
        const [survivor] = kept;
        return kept.length === 1 && survivor !== undefined && others.length > 0 ? [{ key, survivor, others }] : [];
      });
      if (groups.length === 0 || told.has(owned.table)) continue;
      told.add(owned.table);
      const count = groups.length;
      const evidence: Evidence[] = groups.map(({ key, survivor, others }) => ({
        origin: 'data',
        text: `${owned.keyColumn} ${quoteLiteral(key)}: ${[survivor, ...others].map((row) => `${row.id} under ${row.owner ?? 'nobody'}`).join(', ')}`,
      }));
      evidence.push({
        origin: 'seed',
        text: `the seed has ${count === 1 ? 'it' : 'them'} under ${[...new Set(groups.map(({ survivor }) => survivor.owner))].join(', ')} alone`,
        file: owned.insert.reading.file,
        line: owned.insert.statement.line,
      });
      yield {
        subject: {
          kind: 'table',
          name: owned.table,
          file: owned.insert.reading.file,
          line: owned.insert.statement.line,
        },
        message: `${count} ${count === 1 ? 'row' : 'rows'} of ${owned.table} that the seed names ${count === 1 ? 'stands' : 'stand'} under another ${owned.ownerColumn} as well (${groups
          .map(({ key }) => key)
          .slice(0, 4)
          .join(', ')}${count > 4 ? ', …' : ''}); users see them twice.`,
        evidence,
        remedy: step(
          `Merge them into the rows of the seed: \`chain repair --apply --merge-duplicates\``,
          'locks-or-data',
          [
            {
              action: 'merge-duplicates',
              table: owned.table,
              columns: [owned.keyColumn],
              groups: groups.map(({ survivor, others }) => ({
                survivor: { [owned.id]: survivor.id },
                removed: others.map((row) => ({ [owned.id]: row.id })),
              })),
            },
          ],
        ),
      };
    }
  },
});

function ownedBy(declared: RuleInputs['declared'], live: RuleInputs['live'], seeds: RuleInputs['seeds']): Owned[] {
  const found: Owned[] = [];
  const inserts = insertsOf(seeds.readings, live.schema, plainSearchPath(live.searchPath));
  if (inserts.length === 0) return found;
  const keys = foreignKeysOf(live.schema, declared.heads);
  for (const insert of inserts) {
    const table = live.schema.tables.get(insert.table);
    const id = table && primaryKeyOf(table)[0];
    if (!table || id === undefined || primaryKeyOf(table).length !== 1 || !insert.columns.includes(id)) continue;
    const owners = keys.filter((key) => {
      const column = key.columns[0] as string;
      return (
        key.table === insert.table &&
        key.columns.length === 1 &&
        key.target !== insert.table &&
        insert.columns.includes(column) &&
        (ownerWords.test(column) || ownerWords.test(nameOfKey(key.target).name))
      );
    });
    const [owner] = owners;
    if (owners.length !== 1 || owner === undefined) continue;
    const ownerColumn = owner.columns[0] as string;
    for (const keyColumn of naturalNames) {
      if (
        !insert.columns.includes(keyColumn) ||
        !/^(text|character varying|citext)/.test(table.columns.get(keyColumn)?.type ?? '')
      )
        continue;
      const ownersByKey = new Map<string, Set<string>>();
      for (const row of insert.rows) {
        const key = literalIn(insert, row, keyColumn);
        const owned = literalIn(insert, row, ownerColumn);
        if (typeof key === 'string' && typeof owned === 'string')
          ownersByKey.set(key, (ownersByKey.get(key) ?? new Set()).add(owned));
      }
      // A name that the seed itself gives to several owners ("Admin") is no sign of a duplicate.
      const ownerByKey = new Map(
        [...ownersByKey].flatMap(([key, set]) => (set.size === 1 ? [[key, [...set][0] as string] as const] : [])),
      );
      if (ownersByKey.size === 0 || ownerByKey.size < ownersByKey.size) break;
      found.push({ insert, table: insert.table, owner, ownerColumn, id, keyColumn, ownerByKey });
      break;
    }
  }
  return found;
}
