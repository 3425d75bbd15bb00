/**
 * One name for each thing of SQLAlchemy and its kin, wherever a revision imported it from: `sa.Column`, `func.now`,
 * `postgresql.JSONB`, `op.add_column`, `orm.Session`. Null for what belongs to none of them.
 */
const known = new Map<string, string | null>();

export function canonicalPath(path: string): string | null {
  const cached = known.get(path);
  if (cached !== undefined) return cached;
  const result = canonicalise(path);
  known.set(path, result);
  return result;
}

function canonicalise(path: string): string | null {
  const parts = path.split('.');
  const root = parts[0];
  const last = parts[parts.length - 1] as string;
  if (root === 'alembic') {
    if (parts[1] === 'op') return ['op', ...parts.slice(2)].join('.');
    if (parts[1] === 'context') return ['context', ...parts.slice(2)].join('.');
    return ['alembic', ...parts.slice(1)].join('.');
  }
  if (root === 'sqlmodel') {
    if (parts.includes('func')) return ['func', ...parts.slice(parts.indexOf('func') + 1)].join('.');
    return ['AutoString', 'SQLModel', 'Field', 'Relationship'].includes(last) ? `sqlmodel.${last}` : `sa.${last}`;
  }
  if (root !== 'sqlalchemy') return null;
  const dialects = parts.indexOf('dialects');
  if (dialects >= 0)
    return parts.length > dialects + 2 ? `${parts[dialects + 1]}.${last}` : (parts[dialects + 1] ?? 'sa.dialects');
  if (parts.includes('func') && parts.indexOf('func') < parts.length - 1)
    return ['func', ...parts.slice(parts.indexOf('func') + 1)].join('.');
  // `sqlalchemy.sql.functions.now` is the class behind `func.now`.
  if (parts[1] === 'sql' && parts[2] === 'functions' && parts.length > 3) return `func.${parts.slice(3).join('.')}`;
  if (parts.length === 1) return 'sa';
  if (parts[1] === 'exc' || parts.includes('exc')) return `exc.${last}`;
  if (parts[1] === 'orm' || (parts[1] === 'ext' && parts[2] !== 'asyncio')) {
    if (parts.includes('Session')) return parts.slice(parts.indexOf('Session')).join('.').replace(/^/, 'orm.');
    return `orm.${last}`;
  }
  if (parts[1] === 'event') return `event.${last}`;
  const inspector = parts.indexOf('Inspector');
  if (inspector >= 0 && inspector < parts.length - 1) return `sa.Inspector.${last}`;
  return `sa.${last}`;
}
