/**
 * A real Alembic's offline SQL for a revision's text, and a real SQLAlchemy's spelling of types; null where this machine
 * has neither.
 */
import { spawnSync } from 'node:child_process';

const program = `
import io, json, sys
from alembic.migration import MigrationContext
from alembic.operations import Operations
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
given = json.load(sys.stdin)
out = []
for text in given.get('revisions', []):
    buf = io.StringIO()
    opts = {'as_sql': True, 'output_buffer': buf, 'literal_binds': True}
    if given.get('naming'):
        opts['target_metadata'] = sa.MetaData(naming_convention=given['naming'])
    ctx = MigrationContext.configure(dialect_name='postgresql', opts=opts)
    try:
        with Operations.context(ctx):
            scope = {'__name__': 'r1'}
            exec(text, scope)
            scope['upgrade']()
        out.append(buf.getvalue())
    except Exception as error:
        out.append('-- failed: %r' % (error,))
types = []
for text in given.get('types', []):
    try:
        scope = {'sa': sa, 'postgresql': postgresql}
        t = eval(text, scope)
        types.append(sa.types.to_instance(t).compile(dialect=postgresql.dialect()))
    except Exception as error:
        types.append('failed: %r' % (error,))
print(json.dumps({'revisions': out, 'types': types}))
`;

export function askAlembic(given: {
  revisions?: string[];
  types?: string[];
  naming?: Record<string, string>;
}): { revisions: string[]; types: string[] } | null {
  const run = spawnSync('/usr/bin/python3', ['-W', 'ignore', '-c', program], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    cwd: '/',
  });
  if (run.error || run.status !== 0) {
    if (process.env.CI) throw new Error(`No Alembic on this CI machine: ${run.stderr}`);
    return null;
  }
  return JSON.parse(run.stdout);
}
