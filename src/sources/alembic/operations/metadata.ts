/** The MetaData behind models: of a class, of a base, of a registry, of Flask-SQLAlchemy's `db`; and the schema that it gives. */
import {
  findInClass,
  isObject,
  type Made,
  newClass,
  type PyClass,
  plain,
  textOf,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { flaskObject, isFlaskMaker } from './flask.ts';
import { asMade } from './made.ts';

const isBaseMaker = (path: string): boolean => /(?:^|\.)(?:declarative_base|automap_base|as_declarative)$/.test(path);

/** What hands its metadata on to a class: what it was mapped by, or the base that a call made; null: none that is known. */
function giverOf(cls: PyClass): Value {
  const mark = findInClass(cls, '@mapped') ?? findInClass(cls, '@base');
  if (mark !== undefined) return mark;
  return cls.order.find((base) => asMade(base) !== null) ?? null;
}

/** A base that a call made of a class that it was given (`declarative_base(cls=…)`); undefined: of none. */
export function baseOfClass(made: Made): PyClass | undefined {
  if (!isBaseMaker(made.path) && made.path !== '.generate_base') return undefined;
  const given = plain(made.named.get('cls') ?? null);
  const bases = (isObject(given) && given.kind === 'tuple' ? given.items : [given]).map(plain);
  if (!bases.every((base) => isObject(base) && base.kind === 'class')) return undefined;
  for (const base of bases) if (isObject(base) && base.kind === 'class') base.attributes.set('@mixin', made);
  const cls = newClass('Base', bases, new Map(), null, made);
  cls.attributes.set('@base', made);
  return cls;
}

/** What a class was registered with: a registry, or a call that makes one. */
export function registryOf(cls: PyClass): Made | null {
  const made = asMade(findInClass(cls, 'registry') ?? giverOf(cls));
  return made?.path === '.generate_base' || made?.path === '.as_declarative_base'
    ? asMade(made.receiver ?? null)
    : made;
}

/** The base that a class derives from, by which copies of models for another database are told from them. */
export function rootOf(cls: PyClass): Value | null {
  for (const base of [...cls.order].reverse()) {
    if (isObject(base) && base.kind === 'class' && (base.attributes.has('@base') || derivesDirectly(base))) return base;
    const made = asMade(base);
    if (made !== null && (isBaseMaker(made.path) || made.path === '.generate_base')) return made;
  }
  return null;
}

function derivesDirectly(cls: PyClass): boolean {
  return cls.bases.some(
    (base) =>
      isObject(base) && base.kind === 'external' && /^sqlalchemy\.orm\.DeclarativeBase(?:NoMeta)?$/.test(base.path),
  );
}

/** The metadata behind a class, a base, a registry or a MetaData, by what stands for it; null where others may share it. */
export function metadataOf(value: Value): Value | null {
  const bare = plain(value);
  if (!isObject(bare)) return null;
  if (bare.kind === 'member') return bare.name === 'metadata' ? metadataOf(bare.object) : null;
  if (bare.kind === 'class') {
    const stated = findInClass(bare, 'metadata') ?? findInClass(bare, 'registry');
    if (stated !== undefined) return metadataOf(stated);
    const giver = giverOf(bare);
    if (giver !== null) return metadataOf(giver);
    const root = rootOf(bare);
    if (root !== bare) return root === null ? null : metadataOf(root);
    return ['metadata', 'registry'].some((name) => bare.keywords.has(name)) ? null : bare;
  }
  const made = bare.kind === 'instance' ? flaskObject(bare) : asMade(bare);
  if (made === null) return null;
  if (canonicalPath(made.path) === 'sa.MetaData') return made;
  if (made.path === '.generate_base' || made.path === '.as_declarative_base') return metadataOf(made.receiver);
  const isOfFlask = isFlaskMaker(made.path);
  if (!isOfFlask && !isBaseMaker(made.path) && canonicalPath(made.path) !== 'orm.registry') return null;
  const given = made.named.get('metadata') ?? attributeOfGiven(made);
  if (given !== undefined && plain(given) !== null) return metadataOf(given);
  if (isOfFlask) return made;
  return made.positional.length === 0 && [...made.named.keys()].every((name) => !/^(?:registry|bind)$/.test(name))
    ? made
    : null;
}

/** The schema of `MetaData(schema=…)` behind it; null: none; undefined: not known. */
export function schemaOfMetadata(value: Value): string | null | undefined {
  const metadata = asMade(metadataOf(value) ?? null);
  if (metadata === null || canonicalPath(metadata.path) !== 'sa.MetaData') return null;
  const schema = plain(schemaArgument(metadata));
  return schema === null ? null : (textOf(schema) ?? undefined);
}

const schemaArgument = (metadata: Made): Value => metadata.named.get('schema') ?? metadata.positional[0] ?? null;

/** Of the class that a base is made of. */
function attributeOfGiven(made: Made): Value | undefined {
  const given = plain(made.named.get('cls') ?? made.named.get('model_class') ?? null);
  return isObject(given) && given.kind === 'class' ? findInClass(given, 'metadata') : undefined;
}
