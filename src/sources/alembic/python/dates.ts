/**
 * Dates that a revision writes out and counts on: `date(2025, 1, 1) + relativedelta(months=1)`, `strftime`, `isoformat`. What
 * hangs on the clock or on a time zone is Unknown; years outside 1–9999 are an error of Python's and unknown here.
 */
import {
  type Arguments,
  assumed,
  conditionOf,
  float,
  integerOf,
  isObject,
  type Made,
  newMade,
  plain,
  textOf,
  unknown,
  type Value,
} from './values.ts';

const dayMs = 86_400_000;
const isoDate = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2}))?)?$/;

export function dateCall(path: string, args: Arguments): Value | undefined {
  switch (path) {
    case 'datetime.date':
    case 'datetime.datetime': {
      if (args.named.has('tzinfo') || args.positional.length > 6) return undefined;
      const parts = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(
        (name, at) => args.positional[at] ?? args.named.get(name),
      );
      return dated(path, parts, args);
    }
    case 'datetime.date.fromisoformat':
    case 'datetime.datetime.fromisoformat': {
      const [, ...parts] = isoDate.exec(textOf(args.positional[0] ?? null) ?? '') ?? [];
      return parts.length === 0
        ? undefined
        : dated(
            path.replace('.fromisoformat', ''),
            parts.map((part) => (part === undefined ? undefined : Number(part))),
            args,
          );
    }
    case 'datetime.date.fromisocalendar':
    case 'datetime.datetime.fromisocalendar': {
      const [year, week, weekday] = ['year', 'week', 'day'].map((name, at) =>
        integerOf(args.positional[at] ?? args.named.get(name) ?? null),
      );
      if (year == null || week == null || weekday == null || !(year >= 1000 && weekday >= 1 && weekday <= 7))
        return undefined;
      // The fourth of January is always in the first week, which begins on a Monday.
      const fourth = new Date(Date.UTC(year, 0, 4));
      const monday = fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * dayMs;
      return dateOf(path.replace('.fromisocalendar', ''), monday + ((week - 1) * 7 + weekday - 1) * dayMs);
    }
    case 'datetime.timedelta':
    case 'dateutil.relativedelta.relativedelta':
      return span(path, args);
    default:
      return undefined;
  }
}

function dated(path: string, parts: (Value | undefined)[], args: Arguments): Value | undefined {
  const numbers = parts.map((part) => (part === undefined ? undefined : integerOf(part)));
  if (numbers.includes(null) || numbers[0] === undefined) return undefined;
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = numbers as number[];
  const time = Date.UTC(2000, month - 1, day, hour, minute, second);
  const at = new Date(time);
  at.setUTCFullYear(at.getUTCFullYear() - 2000 + (year as number));
  const given = args.positional.find((each) => conditionOf(each) !== null);
  const made = at.getUTCMonth() + 1 === month && at.getUTCDate() === day ? dateOf(path, at.getTime()) : undefined;
  const condition = given === undefined ? null : conditionOf(given);
  return made === undefined || condition === null ? made : assumed(made, condition);
}

/** Lengths by unit, whole months apart from days: `relativedelta(months=1)`. */
function span(path: string, args: Arguments): Value | undefined {
  const isRelative = path.endsWith('relativedelta');
  const order = isRelative ? [] : ['days', 'seconds', 'microseconds', 'milliseconds', 'minutes', 'hours', 'weeks'];
  const given = new Map<string, number>();
  const all = [...args.positional.map((value, at) => [order[at], value] as const), ...args.named];
  for (const [name, value] of all) {
    const number = integerOf(value);
    if (number === null || name === undefined) return undefined;
    given.set(name, number);
  }
  const take = (name: string): number => {
    const number = given.get(name) ?? 0;
    given.delete(name);
    return number;
  };
  const months = isRelative ? take('years') * 12 + take('months') : 0;
  const days = take('weeks') * 7 + take('days');
  const ms = ((days * 24 + take('hours')) * 60 + take('minutes')) * 60_000 + take('seconds') * 1000;
  // Those that set a field (`day=1`) and parts of a second.
  if (given.size > 0) return undefined;
  return made(path, [['@months', months], ...(isRelative ? [['@ms', ms] as [string, Value]] : lengthOf(ms))]);
}

/** What a `timedelta` tells of itself; its text as `str()` gives it: `1 day, 2:03:04`. */
function lengthOf(ms: number): [string, Value][] {
  const days = Math.floor(ms / dayMs);
  const seconds = (ms - days * dayMs) / 1000;
  const time = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return [
    ['@ms', ms],
    ['@text', days === 0 ? time : `${days} day${Math.abs(days) === 1 ? '' : 's'}, ${time}`],
    ['days', days],
    ['seconds', seconds],
    ['total_seconds', { kind: 'builtin', name: 'total_seconds', call: () => float(ms / 1000) }],
  ];
}

function made(path: string, attributes: [string, Value][]): Made {
  return newMade(path, new Map(attributes));
}

const isDate = (path: string): boolean => path === 'datetime.date' || path === 'datetime.datetime';
const two = (number: number): string => String(number).padStart(2, '0');

function dateOf(path: string, ms: number): Value {
  const at = new Date(ms);
  const year = at.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) return unknown('a date beyond those of Python');
  const fields: [string, number][] = [
    ['year', year],
    ['month', at.getUTCMonth() + 1],
    ['day', at.getUTCDate()],
    ['hour', at.getUTCHours()],
    ['minute', at.getUTCMinutes()],
    ['second', at.getUTCSeconds()],
  ];
  const [y, m, d, hour, minute, second] = fields.map(([, value]) => value) as [number, ...number[]];
  const day = `${String(y).padStart(4, '0')}-${two(m as number)}-${two(d as number)}`;
  const time = `${two(hour as number)}:${two(minute as number)}:${two(second as number)}`;
  const isDay = path === 'datetime.date';
  const method = (name: string, call: (args: Arguments) => Value): [string, Value] => [
    name,
    { kind: 'builtin', name, call },
  ];
  return made(path, [
    ['@ms', ms],
    ['@text', isDay ? day : `${day} ${time}`],
    ...(isDay ? fields.slice(0, 3) : fields),
    method('strftime', ({ positional: [format = null] }) => strftime(ms, textOf(format))),
    method('isoformat', ({ positional: [separator = 'T'] }) => (isDay ? day : `${day}${textOf(separator)}${time}`)),
    method('date', () => dateOf('datetime.date', ms - (((ms % dayMs) + dayMs) % dayMs))),
    method('weekday', () => (at.getUTCDay() + 6) % 7),
    method('replace', ({ positional, named }) => {
      const parts = (isDay ? fields.slice(0, 3) : fields).map(
        ([name, value], index) => positional[index] ?? named.get(name) ?? value,
      );
      return (
        (named.has('tzinfo') ? undefined : dated(path, parts, { positional: [], named })) ?? unknown('a date replaced')
      );
    }),
  ]);
}

const monthNames = 'January February March April May June July August September October November December'.split(' ');
const dayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

function strftime(ms: number, format: string | null): Value {
  if (format === null) return unknown('a date in a form that is not known');
  const at = new Date(ms);
  const month = monthNames[at.getUTCMonth()] as string;
  const day = dayNames[at.getUTCDay()] as string;
  const start = Date.UTC(at.getUTCFullYear(), 0, 1);
  const texts: Record<string, string> = {
    Y: String(at.getUTCFullYear()),
    y: two(at.getUTCFullYear() % 100),
    m: two(at.getUTCMonth() + 1),
    d: two(at.getUTCDate()),
    H: two(at.getUTCHours()),
    M: two(at.getUTCMinutes()),
    S: two(at.getUTCSeconds()),
    j: String(Math.floor((ms - start) / dayMs) + 1).padStart(3, '0'),
    B: month,
    b: month.slice(0, 3),
    A: day,
    a: day.slice(0, 3),
    '%': '%',
  };
  let isKnown = true;
  const text = format.replaceAll(/%(.)/gs, (_, directive: string) => {
    const found = texts[directive];
    if (found === undefined) isKnown = false;
    return found ?? '';
  });
  return isKnown ? text : unknown(`a date in the form ${format}`);
}

const numberOf = (value: Value | undefined): number | null => (typeof value === 'number' ? value : null);

/** `date + span`, `date - span`, `date - date`; undefined where no date is at hand. */
export function dateBinary(operator: string, left: Value, right: Value): Value | undefined {
  const a = plain(left);
  const b = plain(right);
  if (!isObject(a) || !isObject(b) || a.kind !== 'made' || b.kind !== 'made') return undefined;
  if (operator === '+' && isDate(b.path) && !isDate(a.path)) return dateBinary('+', b, a);
  const from = numberOf(a.attributes.get('@ms'));
  const by = numberOf(b.attributes.get('@ms'));
  if (!isDate(a.path) || from === null || by === null || (operator !== '+' && operator !== '-')) return undefined;
  if (isDate(b.path))
    return operator === '-' ? made('datetime.timedelta', [['@months', 0], ...lengthOf(from - by)]) : undefined;
  const sign = operator === '+' ? 1 : -1;
  const months = sign * (numberOf(b.attributes.get('@months')) ?? 0);
  const at = new Date(from);
  const first = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, 1));
  // The last day of a shorter month stands for those that it does not have (dateutil).
  const lastDay = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  const day = first.getTime() + (Math.min(at.getUTCDate(), lastDay) - 1) * dayMs + (((from % dayMs) + dayMs) % dayMs);
  const moved = day + sign * by;
  // A date takes the days of a span alone (datetime.date.__add__).
  return dateOf(a.path, a.path === 'datetime.date' ? Math.floor(moved / dayMs) * dayMs : moved);
}

/** Which of two dates comes first; null where they are none. */
export function dateOrder(left: Value, right: Value): number | null {
  const [a, b] = [left, right].map((value) =>
    isObject(value) && value.kind === 'made' && isDate(value.path) ? numberOf(value.attributes.get('@ms')) : null,
  );
  return a === null || a === undefined || b === null || b === undefined ? null : a - b;
}
