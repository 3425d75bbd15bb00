/**
 * A project whose revisions are SQL, for tests that are about the database and not about reading Python.
 */
import { type MadeProject, makeProject } from './revision-files.ts';

export interface SqlRevision {
  /** Parents; none: a base. */
  after?: string | string[];
  sql?: string;
  labels?: string[];
  /** `upgrade()` whole, in place of `sql`. */
  body?: string;
}

export function sqlProject(revisions: Record<string, SqlRevision>, files: Record<string, string> = {}): MadeProject {
  const python = (value: string | string[] | undefined) =>
    value === undefined ? 'None' : JSON.stringify(value).replace(/^\[(.*)\]$/, '($1,)');
  const versions = Object.entries(revisions).map(([id, { after, sql, labels, body }]) => [
    `${id}.py`,
    [
      'import sqlalchemy as sa',
      'from alembic import op',
      `revision = ${JSON.stringify(id)}`,
      `down_revision = ${python(after)}`,
      `branch_labels = ${python(labels)}`,
      '',
      '',
      'def upgrade():',
      body ?? (sql === undefined ? '    pass' : `    op.execute(${JSON.stringify(sql)})`),
      '',
    ].join('\n'),
  ]);
  return makeProject(Object.fromEntries(versions), files);
}
