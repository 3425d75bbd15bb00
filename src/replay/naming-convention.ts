/**
 * SQLAlchemy's naming conventions (sqlalchemy/sql/naming.py, 1.4 to 2.1) and its cut of long names
 * (`_truncated_label`: compiler.py, `_truncate_and_render_maxlen_name`). Refuses to know PostgreSQL's own names.
 */
import { createHash } from 'node:crypto';
import type { NamedThing, NamingConvention } from '../model/project.ts';

/** MetaData's own convention where none (or an empty one) is given. */
export const defaultConvention: NamingConvention = { ix: 'ix_%(column_0_label)s' };

export function hasConvention(convention: NamingConvention | null): convention is NamingConvention {
  return (
    convention !== null &&
    (['ix', 'uq', 'ck', 'fk', 'pk'] as const).some((key) => convention[key] !== undefined && convention[key] !== '')
  );
}

/**
 * The name that SQLAlchemy gives under `convention`, cut to PostgreSQL's length; null where it leaves it to PostgreSQL.
 * A given name stays unless the template asks for it (`%(constraint_name)s`).
 */
export function conventionalName(convention: NamingConvention | null, thing: NamedThing): string | null {
  const template = (hasConvention(convention) ? convention : defaultConvention)[thing.kind];
  if (template === undefined || template === null) return thing.name;
  if (thing.name !== null && !template.includes('constraint_name')) return thing.name;
  // SQLAlchemy refuses a template that asks for a name which is not there.
  if (thing.name === null && template.includes('%(constraint_name)s')) return null;
  const label = (column: string) =>
    `${thing.namespace === null ? '' : `${thing.namespace.replaceAll('.', '_')}_`}${thing.table}_${column}`;
  let isKnown = true;
  const name = template.replace(/%\((\w+)\)s|%%/g, (whole, token: string | undefined) => {
    if (token === undefined) return '%';
    // A token of the project's own goes before SQLAlchemy's of the same name.
    const own = convention?.token?.(token, thing);
    if (own === null) isKnown = false;
    if (own !== undefined) return own ?? '';
    if (token === 'table_name') return thing.table;
    if (token === 'constraint_name') return thing.name ?? '';
    if (token === 'referred_table_name') return thing.referredTable ?? '';
    const match = /^(referred_)?column_(\d+)(_?N)?_(name|label|key)$/.exec(token);
    if (match === null) return whole;
    const columns = (match[1] ? thing.referredColumns : thing.columns) ?? [];
    const text = (column: string | undefined) =>
      column === undefined ? '' : match[4] === 'label' && !match[1] ? label(column) : column;
    if (match[3] === undefined) return text(columns[Number(match[2])]);
    return columns.map(text).join(match[3] === '_N' ? '_' : '');
  });
  return isKnown ? truncateLabel(name) : thing.name;
}

/** A name of a convention or of `op.f` over 63 characters: its first 55, `_`, and four digits of its md5. */
export function truncateLabel(name: string): string {
  return name.length > 63 ? `${name.slice(0, 55)}_${createHash('md5').update(name).digest('hex').slice(-4)}` : name;
}
