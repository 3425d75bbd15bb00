/**
 * What bears the version table's name is none that Alembic can work with: another column, another type, not a table.
 */
import { nameOfKey, quoteIdentifier, quoteQualified } from '../model/name.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'version-table-unusable',
  title: 'the version table is none that Alembic can use',
  severity: 'error',
  needs: ['stamp'],
  docs: {
    problem:
      'The name of the version table leads to something that cannot hold revision ids as Alembic reads and writes them: it has no column `version_num`, or one of another type, or it is no table; or rows of it are NULL.',
    consequence:
      'Alembic neither sees the row nor makes a table of its own: commands fail, or an upgrade starts from the beginning.',
    repair:
      'Give the column its type `varchar(32)`, take the rows that hold NULL away, or move what bears the name out of the way, and stamp the revision that the catalogue proves.',
  },
  *check({ stamp }) {
    const table = stamp.table;
    if (table === null) return;
    const name = quoteQualified(nameOfKey(table.key));
    const subject = { kind: 'stamp', name: table.key } as const;
    if (table.problem !== null) {
      const isOtherType = table.problem.startsWith('its version_num');
      yield {
        subject,
        message: `${table.key} is what Alembic takes for its version table, and it cannot use it: ${table.problem}.`,
        evidence: [{ origin: 'live', text: `${table.key}, owned by ${table.owner}: ${table.problem}` }],
        remedy: advice(
          isOtherType
            ? `ALTER TABLE ${name} ALTER COLUMN version_num TYPE varchar(32), once its rows are revision ids`
            : `Rename what is there (ALTER TABLE ${name} RENAME TO ${quoteIdentifier(`${table.name}_old`)}) or set another version_table in env.py, then stamp the revision that the catalogue proves`,
          'never-automatic',
        ),
      };
    }
    if (table.nullRows > 0) {
      const rows = table.nullRows === 1 ? 'a row that is NULL' : `${table.nullRows} rows that are NULL`;
      yield {
        subject,
        detail: 'NULL',
        severity: stamp.rows.length > 0 ? 'warning' : 'error',
        message: `${table.key} holds ${rows}, which Alembic takes for no row at all${table.hasPrimaryKey ? '' : '; it has no primary key that would forbid it'}.`,
        evidence: [{ origin: 'live', text: `${table.key} holds ${rows}` }],
        remedy: advice(`DELETE FROM ${name} WHERE version_num IS NULL`, 'never-automatic'),
      };
    }
  },
});
