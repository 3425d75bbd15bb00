/** What a call of SQLAlchemy's makes, as the evaluator keeps it: which class, of which table or column it speaks. */
import type { QualifiedName } from '../../../model/name.ts';
import { type Arguments, isObject, type Made, plain, textOf, type Value } from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { nameOf } from './read-values.ts';

export function asMade(value: Value | undefined): Made | null {
  if (value === undefined) return null;
  const bare = plain(value);
  return isObject(bare) && bare.kind === 'made' ? bare : null;
}
export function madePath(value: Value | undefined): string | null {
  const made = asMade(value);
  return made && made.receiver === null ? canonicalPath(made.path) : null;
}
export const argsOf = (made: Made): Arguments => ({ positional: made.positional, named: made.named });

export function tableNameOf(made: Made): QualifiedName | null {
  const path = canonicalPath(made.path);
  if (path !== 'sa.Table' && path !== 'sa.table' && path !== 'sa.TableClause' && path !== 'op.create_table')
    return null;
  const name = nameOf(made.positional[0] ?? made.named.get('name'));
  const schema = nameOf(made.named.get('schema'));
  return name ? { schema: schema?.name ?? null, name: name.name } : null;
}

export function isColumn(value: Value): boolean {
  return madePath(value) === 'sa.Column' || madePath(value) === 'orm.mapped_column';
}

/** `.ddl_if(dialect='sqlite')`: for another database alone. */
export const isElsewhere = (made: Made | null): boolean => made?.attributes.has('@elsewhere') === true;

export function columnNames(values: Value[]): string[] | null {
  const names: string[] = [];
  for (const value of values) {
    const name = nameOf(value)?.name ?? columnName(value);
    if (name === null) return null;
    names.push(name);
  }
  return names;
}

const isColumnPath = (made: Made): boolean =>
  /^(sa\.[cC]olumn|orm\.mapped_column)$/.test(canonicalPath(made.path) ?? '');

export function columnName(value: Value): string | null {
  const bare = plain(value);
  if (isObject(bare) && bare.kind === 'member') {
    // `column['key'].astext` is none.
    const owner = plain(bare.object);
    return isObject(owner) && owner.kind === 'operated' ? null : bare.name;
  }
  const made = asMade(bare);
  if (made && isColumnPath(made)) {
    return nameOf(made.positional[0] ?? made.named.get('name'))?.name ?? textOf(made.attributes.get('@name') ?? null);
  }
  return null;
}
