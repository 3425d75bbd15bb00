/**
 * Values as text, as Python's str(), repr(), format() and % print them. Null where a value is not known well enough.
 */

import { getAttribute } from './attributes.ts';
import { callMethod, callValue } from './calls.ts';
import { toItems } from './containers.ts';
import { partialOf, reasonOf } from './expressions.ts';
import type { Machine } from './machine.ts';
import { getItem } from './subscripts.ts';
import { hole, integerOf, isObject, isUnknown, type PyClass, plain, textOf, unknown, type Value } from './values.ts';

export function reprOf(value: Value): string | null {
  const bare = plain(value);
  if (typeof bare === 'string') {
    const quote = bare.includes("'") && !bare.includes('"') ? '"' : "'";
    const escaped = bare
      .replaceAll('\\', '\\\\')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\r')
      .replaceAll('\t', '\\t');
    return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
  }
  return strOf(bare, true);
}

export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Number.isInteger(value) && Math.abs(value) < 1e16) return `${Object.is(value, -0) ? '-0' : value}.0`;
  const text = String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function isEnum(cls: PyClass): boolean {
  return cls.members !== null;
}

export function strOf(value: Value, inside = false): string | null {
  const bare = plain(value);
  if (bare === null) return 'None';
  if (typeof bare === 'string') return inside ? reprOf(bare) : bare;
  if (typeof bare === 'number' || typeof bare === 'bigint') return String(bare);
  if (typeof bare === 'boolean') return bare ? 'True' : 'False';
  switch (bare.kind) {
    case 'float':
      return floatText(bare.value);
    case 'path':
      return bare.path;
    case 'list':
      return bare.unknown ? null : joined(bare.items, '[', ']');
    case 'tuple':
      return bare.items.length === 1 ? joined(bare.items, '(', ',)') : joined(bare.items, '(', ')');
    case 'set':
      // A set of one has one order; of more, its order is Python's own business.
      return bare.unknown || bare.map.size > 1
        ? null
        : bare.map.size === 0
          ? 'set()'
          : joined([...bare.map.values()], '{', '}');
    case 'dict': {
      if (bare.unknown) return null;
      const parts: string[] = [];
      for (const [key, item] of bare.map.values()) {
        const keyText = strOf(key, true);
        const itemText = strOf(item, true);
        if (keyText === null || itemText === null) return null;
        parts.push(`${keyText}: ${itemText}`);
      }
      return `{${parts.join(', ')}}`;
    }
    case 'bytes':
      return `b'${bare.text}'`;
    case 'instance': {
      if (!isEnum(bare.class)) return null;
      const inner = bare.attributes.get('_value_');
      const isPlainText = bare.class.order.some(
        (base) =>
          isObject(base) && base.kind === 'external' && (base.path === 'enum.StrEnum' || base.path === 'enum.IntEnum'),
      );
      if (isPlainText && inner !== undefined && !inside) return strOf(inner);
      return `${bare.class.name}.${String(bare.attributes.get('_name_'))}`;
    }
    default:
      return null;
  }
}

function joined(items: Value[], open: string, close: string): string | null {
  const parts: string[] = [];
  for (const item of items) {
    const part = strOf(item, true);
    if (part === null) return null;
    parts.push(part);
  }
  return open + parts.join(', ') + close;
}

/** str(value), `__str__` of project classes and the text of SQL constructs included. */
export function textForm(machine: Machine, value: Value): string | null {
  const url = plain(value);
  // Whatever the connection's URL is, it is one of PostgreSQL.
  if (isObject(url) && url.kind === 'made' && url.path === '@url') return 'postgresql://';
  const bare = plain(value);
  if (isObject(bare)) {
    if (bare.kind === 'instance') {
      const own = callMethod(machine, bare, '__str__', []) ?? callMethod(machine, bare, '__repr__', []);
      if (own !== undefined) {
        const text = plain(own);
        return typeof text === 'string' ? text : null;
      }
    }
    if (bare.kind === 'made' && bare.attributes.has('@text')) return textOf(bare.attributes.get('@text') ?? null);
    if (bare.kind === 'made') {
      const isClause = /^sqlalchemy\.(?:sql\.)?(?:expression\.)?text$/.test(bare.path);
      const text = isClause ? plain(bare.positional[0] ?? null) : textOf(bare);
      if (isClause || text !== null) return typeof text === 'string' ? text : null;
    }
  }
  return strOf(bare);
}

export function formatValue(machine: Machine, value: Value, conversion: string | null, spec: string): string | null {
  const bare = plain(value);
  if (isUnknown(bare)) return null;
  if (conversion === 'r' || conversion === 'a') {
    const text = reprOf(bare);
    return text === null ? null : pad(text, spec);
  }
  if (spec === '') {
    // Since 3.12 format() of a mixed-in enum is str()'s; before, the value's. Its text decides nothing but strings.
    return textForm(machine, bare);
  }
  const number = integerOf(bare) ?? (isObject(bare) && bare.kind === 'float' ? bare.value : null);
  if (number !== null && typeof bare !== 'string')
    return formatNumber(number, spec, isObject(bare) && bare.kind === 'float');
  if (isObject(bare) && bare.kind === 'made' && bare.attributes.has('strftime')) {
    const given = { positional: [spec], named: new Map() };
    return textOf(callValue(machine, bare.attributes.get('strftime') as Value, given, { from: 0, to: 0 }));
  }
  const text = textForm(machine, bare);
  return text === null ? null : pad(text, spec);
}

function pad(text: string, spec: string): string | null {
  if (spec === '' || spec === 's') return text;
  const match = /^(?:(.)?([<>^]))?(\d+)?(?:\.(\d+))?s?$/u.exec(spec);
  if (!match) return null;
  const cut = match[4] === undefined ? text : text.slice(0, Number(match[4]));
  const width = Math.min(Number(match[3] ?? 0), 10_000);
  const fill = match[1] ?? ' ';
  if (match[2] === '>') return cut.padStart(width, fill);
  if (match[2] === '^')
    return cut.padStart(cut.length + Math.floor((width - cut.length) / 2), fill).padEnd(width, fill);
  return cut.padEnd(width, fill);
}

function formatNumber(value: number, spec: string, isFloat: boolean): string | null {
  const match = /^(?:(.)?([<>^=]))?([+ -])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/.exec(spec);
  if (!match) return null;
  const [, fill, align, sign, alternate, zero, width, group, precision, type] = match;
  let text: string;
  const magnitude = Math.abs(value);
  if (type === 'f' || type === 'F' || (isFloat && precision !== undefined && type === undefined))
    text = magnitude.toFixed(Number(precision ?? 6));
  else if (type === '%') text = `${(magnitude * 100).toFixed(Number(precision ?? 6))}%`;
  else if (type === 'x') text = (alternate ? '0x' : '') + magnitude.toString(16);
  else if (type === 'X') text = magnitude.toString(16).toUpperCase();
  else if (type === 'b') text = magnitude.toString(2);
  else if (type === 'o') text = magnitude.toString(8);
  else if (type === undefined || type === 'd' || type === 'n')
    text = isFloat ? floatText(magnitude) : String(magnitude);
  else return null;
  if (group) text = text.replace(/\B(?=(\d{3})+(?!\d))/g, group);
  const prefix = value < 0 ? '-' : sign === '+' || sign === ' ' ? sign : '';
  const size = Math.min(Number(width ?? 0), 10_000);
  if (zero || align === '=') return prefix + text.padStart(size - prefix.length, zero ? '0' : (fill ?? ' '));
  const whole = prefix + text;
  if (align === '<') return whole.padEnd(size, fill ?? ' ');
  if (align === '^')
    return whole.padStart(whole.length + Math.floor((size - whole.length) / 2), fill ?? ' ').padEnd(size, fill ?? ' ');
  return whole.padStart(size, fill ?? ' ');
}

/** `"… %s …" % value`. */
export function formatPercent(machine: Machine, template: string, value: Value): Value {
  const bare = plain(value);
  const items = isObject(bare) && bare.kind === 'tuple' ? bare.items : [bare];
  let next = 0;
  let failed: Value | null = null;
  const text = template.replace(
    /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?([diouxXeEfFgGcrsa%])/g,
    (
      _whole,
      name: string | undefined,
      flags: string,
      width: string | undefined,
      precision: string | undefined,
      type: string,
    ) => {
      if (type === '%') return '%';
      const item = name === undefined ? items[next++] : getItem(machine, bare, name);
      if (item === undefined || isUnknown(plain(item))) {
        failed ??= item ?? unknown('too few values for a % format');
        return hole;
      }
      const align = flags.includes('-') ? '<' : '>';
      const spec =
        width === undefined && precision === undefined
          ? ''
          : `${flags.includes('0') ? '' : align}${flags.includes('0') ? '0' : ''}${width ?? ''}${precision === undefined ? '' : `.${precision}`}`;
      const formatted = formatValue(
        machine,
        item,
        type === 'r' ? 'r' : null,
        type === 's' || type === 'r' ? spec : type === 'd' || type === 'i' ? spec && `${spec}d` : `${spec}${type}`,
      );
      if (formatted === null) failed ??= unknown('a value whose text is not known');
      return formatted ?? hole;
    },
  );
  return failed === null ? text : { kind: 'unknown', reason: reasonOf(failed), partial: text };
}

/** `"{} {name.attr[0]:>5}".format(…)`. */
export function formatBraces(
  machine: Machine,
  template: string,
  positional: Value[],
  named: ReadonlyMap<string, Value>,
): Value {
  let auto = 0;
  let failed: Value | null = null;
  const render = (source: string): string => {
    let out = '';
    let at = 0;
    while (at < source.length) {
      const character = source[at] as string;
      if ((character === '{' || character === '}') && source[at + 1] === character) {
        out += character;
        at += 2;
        continue;
      }
      if (character !== '{') {
        out += character;
        at++;
        continue;
      }
      let depth = 1;
      let end = at + 1;
      while (end < source.length && depth > 0) {
        if (source[end] === '{') depth++;
        if (source[end] === '}') depth--;
        end++;
      }
      const inner = source.slice(at + 1, end - 1);
      at = end;
      const match = /^([^!:]*)(?:!([rsa]))?(?::([\s\S]*))?$/.exec(inner);
      const path = match?.[1] ?? '';
      const [head, ...rest] = path.split(/(?=[.[])/);
      const key = head ?? '';
      let value: Value | undefined =
        key === '' ? positional[auto++] : /^\d+$/.test(key) ? positional[Number(key)] : named.get(key);
      for (const part of rest) {
        if (value === undefined) break;
        if (part.startsWith('.')) value = getAttribute(machine, value, part.slice(1), null);
        else {
          const index = part.slice(1, -1);
          value = getItem(machine, value, /^\d+$/.test(index) ? Number(index) : index);
        }
      }
      const formatted =
        value === undefined
          ? null
          : formatValue(machine, value, match?.[2] ?? null, match?.[3] ? render(match[3]) : '');
      if (formatted === null)
        failed ??=
          value === undefined
            ? unknown('a replacement without a value')
            : isUnknown(plain(value))
              ? value
              : unknown('a value whose text is not known');
      out += formatted ?? hole;
    }
    return out;
  };
  const text = render(template);
  return failed === null ? text : { kind: 'unknown', reason: reasonOf(failed), partial: text };
}

export function joinTexts(machine: Machine, separator: string, value: Value): Value {
  const items = toItems(machine, value);
  if (items === null) return unknown('a join of elements that are not known');
  const parts: string[] = [];
  let failed: Value | null = null;
  for (const item of items) {
    const text = textOf(item);
    if (text === null) {
      failed ??= item;
      parts.push(partialOf(item) ?? hole);
    } else parts.push(text);
  }
  const text = parts.join(separator);
  return failed === null ? text : { kind: 'unknown', reason: reasonOf(failed), partial: text };
}
