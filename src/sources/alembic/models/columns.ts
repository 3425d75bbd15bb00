/**
 * Columns of mapped classes: `Column`, `mapped_column`, `Mapped[…]` annotations and SQLModel fields → ReadColumn, with the
 * defaults of SQLAlchemy's annotation map (orm/decl_api.py) and of SQLModel (main.py, get_column_from_field).
 */
import {
  asMade,
  canonicalPath,
  flagOf,
  isAbsent,
  isColumn,
  madePath,
  type ReadColumn,
  type ReadType,
  readable,
  readColumn,
  readType,
  registryOf,
  unreadableType,
} from '../operations/index.ts';
import {
  type Expression,
  evaluate,
  findInClass,
  getKey,
  integerOf,
  isEnumClass,
  isObject,
  isUnknown,
  type Machine,
  type Made,
  type PyClass,
  type PyDict,
  parsePython,
  plain,
  reasonOf,
  type Scope,
  textOf,
  toItems,
  type Value,
} from '../python/index.ts';

const typeByName: Record<string, string> = {
  int: 'integer',
  str: 'character varying',
  bool: 'boolean',
  bytes: 'bytea',
  float: 'double precision',
  'datetime.datetime': 'timestamp without time zone',
  'datetime.date': 'date',
  'datetime.time': 'time without time zone',
  'datetime.timedelta': 'interval',
  'decimal.Decimal': 'numeric',
  'uuid.UUID': 'uuid',
};

export interface Annotated {
  /** Inside `Mapped[…]`: a column or a relationship; false for any other annotation. */
  isMapped: boolean;
  isOptional: boolean;
  core: Value;
  /** `Annotated[str, mapped_column(…)]`: what stands beside the type, and all of it, which an annotation map may name. */
  extras: Value[];
  aliases: Value[];
  /** `ClassVar[…]`: no field of SQLModel's. */
  isOfClass: boolean;
}

/** Takes an annotation apart: `Mapped[Optional[str]]`, `Annotated[int, …]`, `str | None`, texts of those. */
export function readAnnotation(machine: Machine, expression: Expression, scope: Scope): Annotated {
  const result: Annotated = {
    isMapped: false,
    isOptional: false,
    core: null,
    extras: [],
    aliases: [],
    isOfClass: false,
  };
  const visit = (value: Value, depth: number): void => {
    const bare = plain(value);
    if (depth > 10) return;
    const text = typeof bare === 'string' ? bare : null;
    if (text !== null) {
      visit(evaluateText(machine, text, scope), depth + 1);
      return;
    }
    if (isObject(bare) && bare.kind === 'operated') {
      const [first = null, second = null] = bare.operands;
      if (bare.operator === '|') {
        const rest = bare.operands.filter((part) => plain(part) !== null);
        if (rest.length < bare.operands.length) result.isOptional = true;
        visit(rest[0] ?? null, depth + 1);
        return;
      }
      if (bare.operator === '[]') {
        const head = plain(first);
        const path = isObject(head) && (head.kind === 'external' || head.kind === 'made') ? head.path : '';
        const name = path.split('.').pop() ?? '';
        if (/^(Mapped|DynamicMapped|WriteOnlyMapped)$/.test(name)) {
          result.isMapped = true;
          visit(second, depth + 1);
          return;
        }
        if (name === 'Optional') {
          result.isOptional = true;
          visit(second, depth + 1);
          return;
        }
        const parts = toItems(machine, second) ?? [second];
        if (name === 'Union') {
          const rest = parts.filter((part) => plain(part) !== null);
          if (rest.length < parts.length) result.isOptional = true;
          visit(rest[0] ?? null, depth + 1);
          return;
        }
        if (name === 'ClassVar') {
          result.isOfClass = true;
          return;
        }
        if (name === 'Annotated') {
          result.aliases.push(bare);
          result.extras.push(...parts.slice(1));
          visit(parts[0] ?? null, depth + 1);
          return;
        }
        if (name === 'Literal') {
          result.core = bare;
          return;
        }
      }
    }
    // `UserId = NewType('UserId', int)`
    if (isObject(bare) && bare.kind === 'made' && /^typing(?:_extensions)?\.NewType$/.test(bare.path)) {
      result.aliases.push(bare);
      visit(bare.positional[1] ?? null, depth + 1);
      return;
    }
    if (isObject(bare) && bare.kind === 'external' && /^typing(?:_extensions)?\.ClassVar$/.test(bare.path))
      result.isOfClass = true;
    result.core = bare;
  };
  visit(evaluate(machine, expression, scope), 0);
  return result;
}

function evaluateText(machine: Machine, text: string, scope: Scope): Value {
  const parsed = parsePython(text);
  const first = parsed.statements[0]?.statement;
  return first?.kind === 'expression' && !parsed.error ? evaluate(machine, first.value, scope) : null;
}

/** The column type that an annotation alone gives (orm/decl_api.py, registry._resolve_type); null where it gives none. */
export function typeOfAnnotation(machine: Machine, annotated: Annotated, cls: PyClass): ReadType | null {
  const core = plain(annotated.core);
  const map = annotationMap(cls);
  const inMap = (key: Value): Value | undefined => (map === null ? undefined : getKey(map, key));
  for (const key of [annotated.core, ...annotated.aliases]) {
    const mapped = inMap(key);
    if (mapped !== undefined) return readType(machine, mapped);
  }
  if (!isObject(core) || isUnknown(core)) return null;
  if (core.kind === 'builtin' && typeByName[core.name]) return typed(typeByName[core.name] as string);
  if (core.kind === 'external' && typeByName[core.path]) return typed(typeByName[core.path] as string);
  if (core.kind === 'class' && isEnumClass(core)) {
    // `{enum.Enum: Enum(enum.Enum, native_enum=False)}`: how enums are kept, whichever they are.
    const general = core.order.map(inMap).find((mapped) => mapped !== undefined);
    return readType(machine, enumOf(core, asMade(general)));
  }
  const labels = labelsOf(core);
  return labels.length === 0
    ? null
    : readable(`character varying(${Math.max(...labels.map((label) => [...label].length))})`);
}

/** `Literal['a', 'b']`, also of further Literals. */
function labelsOf(value: Value): string[] {
  const bare = plain(value);
  if (!isObject(bare) || bare.kind !== 'operated' || bare.operator !== '[]') return [];
  const [head = null, inner = null] = bare.operands.map(plain);
  if (!isObject(head) || head.kind !== 'external' || !head.path.endsWith('Literal')) return [];
  const items = isObject(inner) && inner.kind === 'tuple' ? inner.items : [inner];
  return items.flatMap((item) => textOf(item) ?? labelsOf(item));
}

function annotationMap(cls: PyClass): PyDict | null {
  const map = plain(
    findInClass(cls, 'type_annotation_map') ?? registryOf(cls)?.named.get('type_annotation_map') ?? null,
  );
  return isObject(map) && map.kind === 'dict' ? map : null;
}

function typed(sql: string): ReadType {
  return readable(sql, sql === 'integer' ? { integral: 'integer' } : {});
}

function enumOf(cls: PyClass, general: Made | null): Value {
  return make('sqlalchemy.Enum', [cls], general?.named);
}

/** What a call of SQLAlchemy's would have made. */
function make(path: string, positional: Value[] = [], named: ReadonlyMap<string, Value> = new Map()): Made {
  return { kind: 'made', path, receiver: null, positional, named, from: 0, to: 0, file: '', attributes: new Map() };
}

/** A column of a class body; null where the attribute is none, a string where it could not be read. */
export function readMappedColumn(
  machine: Machine,
  cls: PyClass,
  name: string,
  value: Value | undefined,
  annotation: Annotated | null,
  isSqlModel: boolean,
): ReadColumn | string | null {
  const stated = value === undefined ? null : plain(value);
  const bare = plain(columnInside(stated));
  if (isSqlModel && annotation) return readField(machine, cls, name, asMade(bare), annotation);
  if (value === undefined ? annotation?.isMapped !== true : !isColumn(bare)) return null;
  const extra = annotation?.extras.find((one) => isColumn(one));
  const own = value === undefined ? make('sqlalchemy.orm.mapped_column') : (asMade(bare) as Made);
  // A plain Column, and whatever is wrapped, is what it says itself (orm/decl_base.py, _collect_annotation).
  const isPlain = value !== undefined && madePath(stated) !== 'orm.mapped_column';
  if (annotation === null || !annotation.isMapped || isPlain) return readColumn(machine, own, { name });
  const made = extra ? mergeColumns(asMade(extra) as Made, own) : own;
  // A key's column has the type of what it references, whatever the annotation says (orm/properties.py).
  const isKey = made.positional.some((part) => madePath(part) === 'sa.ForeignKey');
  const type = isKey
    ? undefined
    : (typeOfAnnotation(machine, annotation, cls) ??
      unreadableType(`the type of its annotation is not known: ${reasonOf(annotation.core)}`));
  return readColumn(machine, made, { name, ...(type ? { type } : {}), notNull: !annotation.isOptional });
}

/** `composite(Point, mapped_column('x'), …)`: each column with the annotation of its field; null where it is none. */
export function columnsOfComposite(
  machine: Machine,
  cls: PyClass,
  value: Value | undefined,
  annotation: Annotated | null,
): (ReadColumn | string | null)[] | null {
  const made = asMade(value);
  if (made === null || canonicalPath(made.path) !== 'orm.composite') return null;
  const isClass = (part: Value): part is PyClass => isObject(part) && part.kind === 'class';
  const whole = [...made.positional, annotation?.core ?? null].map(plain).find(isClass);
  const fields = [...(whole?.annotations ?? [])];
  return made.positional
    .filter((part) => !isClass(plain(part)))
    .map((part, at) => {
      if (!isColumn(part)) return null;
      const [name, noted] = fields[at] ?? [];
      const ofField = noted ? { ...readAnnotation(machine, noted.annotation, noted.scope), isMapped: true } : null;
      return readMappedColumn(machine, cls, name ?? '', part, ofField, false);
    });
}

/** `column_property(Column(…))` and `deferred(Column(…))` are that column; over anything else, an expression of the query. */
function columnInside(value: Value): Value {
  const wrapper = asMade(value);
  return wrapper !== null && /^orm\.(?:column_property|deferred)$/.test(canonicalPath(wrapper.path) ?? '')
    ? (wrapper.positional[0] ?? null)
    : value;
}

function mergeColumns(base: Made, own: Made): Made {
  return { ...own, positional: [...base.positional, ...own.positional], named: new Map([...base.named, ...own.named]) };
}

/** `Field(…)`, after sqlmodel/main.py: get_column_from_field, get_sqlalchemy_type. */
function readField(
  machine: Machine,
  cls: PyClass,
  name: string,
  own: Made | null,
  annotation: Annotated,
): ReadColumn | string | null {
  if (annotation.isOfClass || name.startsWith('_') || name === 'model_config') return null;
  if (own !== null && canonicalPath(own.path) === 'sqlmodel.Relationship') return null;
  const isField = (value: Value): boolean => /(?:^|\.)Field$/.test(asMade(value)?.path ?? '');
  const fields = [...annotation.extras, own].filter((value) => value !== null && isField(value)).map(asMade);
  const field = new Map(fields.flatMap((made) => [...(made?.named ?? [])]));
  const given = field.get('sa_column');
  if (!isAbsent(given)) return readColumn(machine, given as Value, { name });
  const sqlType = field.get('sa_type');
  const type = isAbsent(sqlType) ? typeOfField(machine, cls, annotation, field) : readType(machine, sqlType);
  if (type === null) return `the type of its annotation is not known: ${reasonOf(annotation.core)}`;
  const named = new Map<string, Value>();
  const isKey = flagOf(field.get('primary_key')) === true;
  for (const key of ['primary_key', 'unique', 'index']) if (field.has(key)) named.set(key, field.get(key) as Value);
  const nullable = field.get('nullable');
  named.set('nullable', isAbsent(nullable) ? !isKey && annotation.isOptional : (nullable as Value));
  const positional: Value[] = [];
  const target = textOf(field.get('foreign_key') ?? null);
  if (target !== null) {
    const action = field.get('ondelete');
    positional.push(
      make('sqlalchemy.ForeignKey', [target], new Map(action === undefined ? [] : [['ondelete', action]])),
    );
  }
  positional.push(...(toItems(machine, field.get('sa_column_args') ?? null) ?? []));
  const extra = plain(field.get('sa_column_kwargs') ?? null);
  if (isObject(extra) && extra.kind === 'dict')
    for (const [key, item] of extra.map.values()) if (typeof key === 'string') named.set(key, item);
  return readColumn(machine, make('sqlalchemy.Column', positional, named), { name, type });
}

/** What Pydantic and Python have beside what an annotation map has. */
const typeByField: readonly [RegExp, ReadType][] = [
  [
    /^(?:pydantic\.(?:\w+\.)*(?:EmailStr|NameEmail|StrictStr)|ipaddress\.IPv[46](?:Address|Network)|pathlib\.Path)$/,
    readable('character varying'),
  ],
  [/^pydantic\.(?:\w+\.)*(?:(?:Non)?(?:Posi|Nega)tiveInt|StrictInt|conint)$/, typed('integer')],
  [
    /^pydantic\.(?:\w+\.)*(?:(?:Non)?(?:Posi|Nega)tiveFloat|StrictFloat|FiniteFloat|confloat)$/,
    typed('double precision'),
  ],
  [/^pydantic\.(?:\w+\.)*StrictBool$/, typed('boolean')],
  [/^pydantic\.(?:\w+\.)*UUID\d$/, typed('uuid')],
];

function typeOfField(
  machine: Machine,
  cls: PyClass,
  annotation: Annotated,
  field: ReadonlyMap<string, Value>,
): ReadType | null {
  const core = plain(annotation.core);
  const path = isObject(core) && (core.kind === 'external' || core.kind === 'made') ? core.path : '';
  const known = typeByField.find(([pattern]) => pattern.test(path))?.[1];
  const type = known ?? typeOfAnnotation(machine, annotation, cls);
  const number = (name: string): number | null => integerOf(field.get(name) ?? null);
  const length = number('max_length');
  if (type?.type === 'character varying' && length !== null) return readable(`character varying(${length})`);
  const digits = number('max_digits');
  if (type?.type === 'numeric' && digits !== null)
    return readable(`numeric(${digits},${number('decimal_places') ?? 0})`);
  return type;
}
