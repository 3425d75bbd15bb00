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
  type ReadColumn,
  type ReadType,
  readable,
  readColumn,
  readType,
} from '../operations/index.ts';
import {
  type Arguments,
  type Expression,
  evaluate,
  findInClass,
  getKey,
  isEnumClass,
  isObject,
  isUnknown,
  type Machine,
  type Made,
  type PyClass,
  parsePython,
  plain,
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
  /** `Annotated[str, mapped_column(…)]`: what stands beside the type. */
  extras: Value[];
}

/** Takes an annotation apart: `Mapped[Optional[str]]`, `Annotated[int, …]`, `str | None`, texts of those. */
export function readAnnotation(machine: Machine, expression: Expression, scope: Scope): Annotated {
  const result: Annotated = { isMapped: false, isOptional: false, core: null, extras: [] };
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
        if (name === 'Annotated') {
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

/** The column type that an annotation alone gives; null where it gives none (a relationship). */
export function typeOfAnnotation(machine: Machine, annotated: Annotated, cls: PyClass): ReadType | null {
  const core = plain(annotated.core);
  const registry = asMade(findInClass(cls, 'registry'));
  const map = plain(findInClass(cls, 'type_annotation_map') ?? registry?.named.get('type_annotation_map') ?? null);
  if (isObject(map) && map.kind === 'dict') {
    const mapped = getKey(map, annotated.core);
    if (mapped !== undefined) return readType(machine, mapped);
  }
  if (!isObject(core) || isUnknown(core)) return null;
  if (core.kind === 'builtin' && typeByName[core.name]) return typed(typeByName[core.name] as string);
  if (core.kind === 'external' && typeByName[core.path]) return typed(typeByName[core.path] as string);
  if (core.kind === 'class' && isEnumClass(core)) return readType(machine, enumOf(core));
  if (core.kind === 'operated' && core.operator === '[]') {
    const head = plain(core.operands[0] ?? null);
    if (isObject(head) && head.kind === 'external' && head.path.endsWith('Literal')) {
      const labels = (toItems(machine, core.operands[1] ?? null) ?? []).map((item) => textOf(item)?.length ?? 0);
      return readable(`character varying(${Math.max(1, ...labels)})`);
    }
  }
  return null;
}

function typed(sql: string): ReadType {
  return readable(sql, sql === 'integer' ? { integral: 'integer' } : {});
}

function enumOf(cls: PyClass): Value {
  return {
    kind: 'made',
    path: 'sqlalchemy.Enum',
    receiver: null,
    positional: [cls],
    named: new Map(),
    from: 0,
    to: 0,
    file: '',
    attributes: new Map(),
  };
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
  const property = asMade(stated);
  // column_property(Column(…)) is that column; over anything else it is an expression of the query.
  const isProperty = property !== null && canonicalPath(property.path) === 'orm.column_property';
  const bare = isProperty ? plain(property.positional[0] ?? null) : stated;
  if (isSqlModel && annotation) return readField(machine, cls, name, asMade(bare), annotation);
  if (value !== undefined && isColumn(bare)) {
    const made = asMade(bare) as Made;
    const extra = annotation?.extras.find((one) => isColumn(one));
    const type = annotation ? (typeOfAnnotation(machine, annotation, cls) ?? undefined) : undefined;
    const whole: Made = extra ? mergeColumns(asMade(extra) as Made, made) : made;
    return readColumn(machine, whole, {
      name,
      ...(type ? { type } : {}),
      ...(annotation?.isMapped ? { notNull: !annotation.isOptional } : {}),
    });
  }
  if (value === undefined && annotation?.isMapped) {
    const extra = annotation.extras.find((one) => isColumn(one));
    const type = typeOfAnnotation(machine, annotation, cls);
    if (!extra && type === null) return null;
    const made: Made = extra
      ? (asMade(extra) as Made)
      : {
          kind: 'made',
          path: 'sqlalchemy.orm.mapped_column',
          receiver: null,
          positional: [],
          named: new Map(),
          from: 0,
          to: 0,
          file: '',
          attributes: new Map(),
        };
    return readColumn(machine, made, { name, ...(type ? { type } : {}), notNull: !annotation.isOptional });
  }
  return null;
}

function mergeColumns(base: Made, own: Made): Made {
  return { ...own, positional: [...base.positional, ...own.positional], named: new Map([...base.named, ...own.named]) };
}

function readField(
  machine: Machine,
  cls: PyClass,
  name: string,
  field: Made | null,
  annotation: Annotated,
): ReadColumn | string | null {
  const path = field ? canonicalPath(field.path) : null;
  if (path === 'sqlmodel.Relationship') return null;
  const args: Arguments = { positional: field?.positional ?? [], named: field?.named ?? new Map() };
  const given = args.named.get('sa_column');
  if (!isAbsent(given)) return readColumn(machine, given as Value, { name });
  const sqlType = args.named.get('sa_type');
  const length = args.named.get('max_length');
  let type = isAbsent(sqlType) ? typeOfAnnotation(machine, annotation, cls) : readType(machine, sqlType);
  if (type === null) return null;
  if (type.type === 'character varying' && !isAbsent(length))
    type = readable(`character varying(${String(plain(length as Value))})`);
  const named = new Map<string, Value>();
  const positional: Value[] = [];
  const isKey = flagOf(args.named.get('primary_key')) === true;
  for (const key of ['primary_key', 'unique', 'index'])
    if (args.named.has(key)) named.set(key, args.named.get(key) as Value);
  const nullable = args.named.get('nullable');
  named.set('nullable', isAbsent(nullable) ? !isKey && annotation.isOptional : (nullable as Value));
  const target = textOf(args.named.get('foreign_key') ?? null);
  if (target !== null) {
    const options = new Map<string, Value>();
    if (args.named.has('ondelete')) options.set('ondelete', args.named.get('ondelete') as Value);
    positional.push({
      kind: 'made',
      path: 'sqlalchemy.ForeignKey',
      receiver: null,
      positional: [target],
      named: options,
      from: 0,
      to: 0,
      file: '',
      attributes: new Map(),
    });
  }
  const extra = plain(args.named.get('sa_column_kwargs') ?? null);
  if (isObject(extra) && extra.kind === 'dict')
    for (const [key, item] of extra.map.values()) if (typeof key === 'string') named.set(key, item);
  const made: Made = {
    kind: 'made',
    path: 'sqlalchemy.Column',
    receiver: null,
    positional,
    named,
    from: 0,
    to: 0,
    file: '',
    attributes: new Map(),
  };
  return readColumn(machine, made, { name, type });
}
