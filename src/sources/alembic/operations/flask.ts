/** Flask-SQLAlchemy's `db`: `db.Column` is SQLAlchemy's, `db.Model` the declarative base, `db.session` a session. */
import {
  type Arguments,
  external,
  isObject,
  type Made,
  newClass,
  type PyClass,
  type PyInstance,
  plain,
  remember,
  type Value,
} from '../python/index.ts';
import { bind, session } from './handles.ts';

export const isFlaskMaker = (path: string): boolean => /^flask_sqlalchemy\.(?:\w+\.)*SQLAlchemy$/.test(path);

/** An object of a class of the project that derives from Flask-SQLAlchemy's: what it would be without that class. */
export function flaskObject(instance: PyInstance): Made | null {
  const known = instance.attributes.get('@db');
  if (known !== undefined) return known as Made;
  const isFlask = instance.class.order.some(
    (base) => isObject(base) && base.kind === 'external' && isFlaskMaker(base.path),
  );
  if (!isFlask) return null;
  const { positional, named }: Arguments = instance.made ?? { positional: [], named: new Map() };
  const path = 'flask_sqlalchemy.SQLAlchemy';
  const made: Made = {
    kind: 'made',
    path,
    receiver: null,
    positional,
    named,
    from: 0,
    to: 0,
    file: '',
    attributes: new Map(),
  };
  instance.attributes.set('@db', made);
  return made;
}

const ofOrm =
  /^(?:relationship|dynamic_loader|backref|validates|synonym|deferred|mapped_column|column_property|composite|query_expression|declared_attr|Mapped|DeclarativeBase|registry|aliased)$/;

export function flaskAttribute(db: Made, name: string): Value | undefined {
  if (name === 'Model') return modelOf(db);
  if (name === 'Table') return external('sqlalchemy.Table');
  if (name === 'session') return session;
  if (name === 'engine') return bind;
  if (name === 'metadata' || name === 'init_app' || name === 'create_all' || name === 'drop_all') return undefined;
  return external(ofOrm.test(name) ? `sqlalchemy.orm.${name}` : `sqlalchemy.${name}`);
}

/** The base that it makes, of the `model_class` that it was given. */
function modelOf(db: Made): PyClass {
  const given = plain(db.named.get('model_class') ?? null);
  const bases = [...(isObject(given) ? [given] : []), external('flask_sqlalchemy.Model')];
  const cls = newClass('Model', bases, new Map(), null, db);
  cls.attributes.set('@base', db);
  if (isObject(given) && given.kind === 'class') given.attributes.set('@mixin', db);
  remember(db, 'Model', cls);
  return cls;
}
