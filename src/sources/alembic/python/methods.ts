/**
 * Methods of str, list, tuple, dict, set and bytes.
 * Longer than most files here: one entry for each method.
 */
import { callValue, raiseBuiltin } from './calls.ts';
import {
  elementOf,
  getKey,
  mayChange,
  newDict,
  newList,
  newSet,
  pairs,
  setAdd,
  setKey,
  toItems,
} from './containers.ts';
import { formatBraces, joinTexts } from './formatting.ts';
import { checkSize, type Machine } from './machine.ts';
import { isEqual, isTrue, ordered } from './operators.ts';
import {
  type Arguments,
  hashKey,
  integerOf,
  isObject,
  isUnknown,
  type PyDict,
  type PyList,
  type PySet,
  plain,
  textOf,
  tuple,
  unknown,
  type Value,
} from './values.ts';

type Method = (machine: Machine, args: Arguments) => Value;

export function methodOf(machine: Machine, value: Value, name: string): Value | undefined {
  const bare = plain(value);
  let method: Method | undefined;
  if (typeof bare === 'string') method = stringMethod(bare, name);
  else if (isObject(bare)) {
    if (bare.kind === 'list') method = listMethod(bare, name);
    else if (bare.kind === 'dict') method = dictMethod(bare, name);
    else if (bare.kind === 'set') method = setMethod(bare, name);
    else if (bare.kind === 'tuple') method = tupleMethod(bare.items, name);
    else if (bare.kind === 'bytes' && name === 'decode') method = () => bare.text;
  }
  if (method === undefined) return undefined;
  const found = method;
  return { kind: 'builtin', name, call: (args) => found(machine, args) };
}

const texts = (args: Arguments): (string | null)[] => args.positional.map(textOf);

function stringMethod(text: string, name: string): Method | undefined {
  const simple: Record<string, () => Value> = {
    lower: () => text.toLowerCase(),
    upper: () => text.toUpperCase(),
    casefold: () => text.toLowerCase(),
    title: () => text.replace(/\p{L}+/gu, (word) => word[0]!.toUpperCase() + word.slice(1).toLowerCase()),
    capitalize: () => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase(),
    swapcase: () => [...text].map((c) => (c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase())).join(''),
    isdigit: () => /^\d+$/.test(text),
    isnumeric: () => /^\d+$/.test(text),
    isalpha: () => /^\p{L}+$/u.test(text),
    isalnum: () => /^[\p{L}\p{N}]+$/u.test(text),
    isupper: () => text !== text.toLowerCase() && text === text.toUpperCase(),
    islower: () => text !== text.toUpperCase() && text === text.toLowerCase(),
    isspace: () => /^\s+$/.test(text),
    isidentifier: () => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text),
    encode: () => ({ kind: 'bytes', text }),
    __str__: () => text,
    __len__: () => text.length,
  };
  if (Object.hasOwn(simple, name)) return simple[name];
  const withTexts = (body: (machine: Machine, parts: string[], args: Arguments) => Value): Method => {
    return (machine, args) => {
      const parts = texts(args);
      if (args.positional.some((arg) => isUnknown(plain(arg))))
        return unknown(`${name} of something that is not known`);
      return body(machine, parts as string[], args);
    };
  };
  const trim = (how: 'both' | 'left' | 'right') =>
    withTexts((_machine, [characters]) => {
      const set = characters === undefined || characters === null ? null : new Set(characters);
      const drops = (c: string) => (set ? set.has(c) : /\s/.test(c));
      const list = [...text];
      let from = 0;
      let to = list.length;
      if (how !== 'right') while (from < to && drops(list[from] as string)) from++;
      if (how !== 'left') while (to > from && drops(list[to - 1] as string)) to--;
      return list.slice(from, to).join('');
    });
  const starts =
    (atEnd: boolean): Method =>
    (_machine, args) => {
      const wanted = plain(args.positional[0] ?? null);
      const options = isObject(wanted) && wanted.kind === 'tuple' ? wanted.items.map(textOf) : [textOf(wanted)];
      if (options.some((option) => option === null)) return unknown(`${name} of something that is not known`);
      return options.some((option) => (atEnd ? text.endsWith(option as string) : text.startsWith(option as string)));
    };
  switch (name) {
    case 'strip':
      return trim('both');
    case 'lstrip':
      return trim('left');
    case 'rstrip':
      return trim('right');
    case 'startswith':
      return starts(false);
    case 'endswith':
      return starts(true);
    case 'format':
      return (machine, args) => formatBraces(machine, text, args.positional, args.named);
    case 'format_map':
      return (machine, args) => {
        const map = plain(args.positional[0] ?? null);
        if (!isObject(map) || map.kind !== 'dict') return unknown('format_map');
        return formatBraces(
          machine,
          text,
          [],
          new Map([...map.map.values()].map(([key, item]) => [String(key), item])),
        );
      };
    case 'join':
      return (machine, args) => joinTexts(machine, text, args.positional[0] ?? null);
    case 'replace':
      return withTexts((machine, [from, to], args) => {
        if (from === undefined || from === null || to === undefined || to === null)
          return unknown('replace of something that is not known');
        const count = integerOf(args.positional[2] ?? args.named.get('count') ?? -1) ?? -1;
        if (count < 0) {
          checkSize(machine, text.length + (from === '' ? text.length : 1) * to.length);
          return text.replaceAll(from, () => to);
        }
        let out = text;
        for (let at = 0, done = 0; done < count; done++) {
          const found = out.indexOf(from, at);
          if (found < 0) break;
          out = out.slice(0, found) + to + out.slice(found + from.length);
          at = found + to.length;
        }
        return out;
      });
    case 'split':
    case 'rsplit':
      return withTexts((machine, [separator], args) => {
        const limit = integerOf(args.positional[1] ?? args.named.get('maxsplit') ?? -1) ?? -1;
        const by = separator ?? textOf(args.named.get('sep') ?? null);
        let parts = by === null || by === undefined ? text.trim().split(/\s+/).filter(Boolean) : text.split(by);
        if (limit >= 0 && parts.length > limit + 1) {
          const glue = by ?? ' ';
          parts =
            name === 'split'
              ? [...parts.slice(0, limit), parts.slice(limit).join(glue)]
              : [parts.slice(0, parts.length - limit).join(glue), ...parts.slice(parts.length - limit)];
        }
        return newList(machine, parts);
      });
    case 'splitlines':
      return (machine) =>
        newList(
          machine,
          text === '' ? [] : text.replace(/\r\n?|\n$/g, (end) => (end.startsWith('\r') ? '\n' : '')).split('\n'),
        );
    case 'partition':
    case 'rpartition':
      return withTexts((_machine, [by]) => {
        const at = name === 'partition' ? text.indexOf(by ?? '') : text.lastIndexOf(by ?? '');
        if (at < 0) return tuple(name === 'partition' ? [text, '', ''] : ['', '', text]);
        return tuple([text.slice(0, at), by ?? '', text.slice(at + (by ?? '').length)]);
      });
    case 'removeprefix':
      return withTexts((_machine, [part]) => (text.startsWith(part ?? '') ? text.slice((part ?? '').length) : text));
    case 'removesuffix':
      return withTexts((_machine, [part]) => (part && text.endsWith(part) ? text.slice(0, -part.length) : text));
    case 'find':
    case 'index':
      return withTexts((_machine, [part]) => {
        const at = text.indexOf(part ?? '');
        if (at < 0 && name === 'index') raiseBuiltin('ValueError', ['substring not found']);
        return at;
      });
    case 'rfind':
      return withTexts((_machine, [part]) => text.lastIndexOf(part ?? ''));
    case 'count':
      return withTexts((_machine, [part]) => (part ? text.split(part).length - 1 : text.length + 1));
    case 'zfill':
    case 'ljust':
    case 'rjust':
    case 'center':
      return (_machine, args) => {
        const width = Math.min(integerOf(args.positional[0] ?? null) ?? 0, 100_000);
        const fill = textOf(args.positional[1] ?? null) ?? (name === 'zfill' ? '0' : ' ');
        if (name === 'ljust') return text.padEnd(width, fill);
        if (name === 'center')
          return text.padStart(text.length + Math.floor((width - text.length) / 2), fill).padEnd(width, fill);
        return text.padStart(width, fill);
      };
    case 'translate':
      return () => unknown('str.translate');
    default:
      return undefined;
  }
}

function listMethod(list: PyList, name: string): Method | undefined {
  switch (name) {
    case 'append':
    case 'add':
      return (machine, args) => {
        if (mayChange(machine, list)) {
          checkSize(machine, list.items.length);
          list.items.push(args.positional[0] ?? null);
        }
        return null;
      };
    case 'extend':
      return (machine, args) => {
        const items = toItems(machine, args.positional[0] ?? null);
        if (items === null) list.unknown ??= unknown('a list extended by elements that are not known');
        else if (mayChange(machine, list)) {
          checkSize(machine, list.items.length + items.length);
          list.items.push(...items);
        }
        return null;
      };
    case 'insert':
      return (machine, args) => {
        if (mayChange(machine, list))
          list.items.splice(integerOf(args.positional[0] ?? null) ?? 0, 0, args.positional[1] ?? null);
        return null;
      };
    case 'remove':
      return (machine, args) => {
        const at = list.items.findIndex((item) => isEqual(item, args.positional[0] ?? null) === true);
        if (at < 0) raiseBuiltin('ValueError', ['not in list']);
        if (mayChange(machine, list)) list.items.splice(at, 1);
        return null;
      };
    case 'pop':
      return (machine, args) => {
        if (list.unknown) return list.unknown;
        if (list.items.length === 0) raiseBuiltin('IndexError', ['pop from empty list']);
        if (!mayChange(machine, list)) return unknown('an element taken where it is not known to run');
        const at = integerOf(args.positional[0] ?? -1) ?? -1;
        return list.items.splice(at < 0 ? list.items.length + at : at, 1)[0] ?? null;
      };
    case 'clear':
      return (machine) => {
        if (mayChange(machine, list)) list.items = [];
        return null;
      };
    case 'reverse':
      return (machine) => {
        if (mayChange(machine, list)) list.items.reverse();
        return null;
      };
    case 'sort':
      return (machine, args) => {
        const sorted = sortItems(machine, list.items, args.named);
        if (sorted === null) list.unknown ??= unknown('a list sorted by values that are not known');
        else if (mayChange(machine, list)) list.items = sorted;
        return null;
      };
    case 'copy':
      return (machine) => ({ ...newList(machine, [...list.items]), unknown: list.unknown });
    default:
      return tupleMethod(list.items, name);
  }
}

function tupleMethod(items: Value[], name: string): Method | undefined {
  switch (name) {
    case 'index':
      return (_machine, args) => {
        const at = items.findIndex((item) => isEqual(item, args.positional[0] ?? null) === true);
        if (at < 0) raiseBuiltin('ValueError', ['not in list']);
        return at;
      };
    case 'count':
      return (_machine, args) => items.filter((item) => isEqual(item, args.positional[0] ?? null) === true).length;
    case '_asdict':
      return () => unknown('_asdict');
    // A list stands for a generator and for the rows of a query too.
    case 'all':
    case 'fetchall':
      return (machine) => newList(machine, [...items]);
    case '__len__':
      return () => items.length;
    default:
      return undefined;
  }
}

export function sortItems(machine: Machine, items: Value[], named: ReadonlyMap<string, Value>): Value[] | null {
  const key = plain(named.get('key') ?? null);
  const keyed = items.map((item) => ({
    item,
    by: key === null ? item : callValue(machine, key, { positional: [item], named: new Map() }, { from: 0, to: 0 }),
  }));
  let failed = false;
  keyed.sort((a, b) => {
    const order = ordered(a.by, b.by);
    if (order === null) failed = true;
    return order ?? 0;
  });
  if (failed) return null;
  const sorted = keyed.map((one) => one.item);
  return isTrue(machine, named.get('reverse') ?? false) ? sorted.reverse() : sorted;
}

function dictMethod(dict: PyDict, name: string): Method | undefined {
  const known =
    (body: (machine: Machine) => Value): Method =>
    (machine) =>
      dict.unknown ?? body(machine);
  switch (name) {
    case 'get':
      return (_machine, args) => {
        const key = args.positional[0] ?? null;
        if (hashKey(key) === null) return elementOf(dict, 'a key that is not known');
        return getKey(dict, key) ?? dict.unknown ?? args.positional[1] ?? args.named.get('default') ?? null;
      };
    case 'items':
      return known((machine) => newList(machine, pairs([...dict.map.values()])));
    case 'keys':
      return known((machine) =>
        newList(
          machine,
          [...dict.map.values()].map(([key]) => key),
        ),
      );
    case 'values':
      return known((machine) =>
        newList(
          machine,
          [...dict.map.values()].map(([, value]) => value),
        ),
      );
    case 'copy':
      return (machine) => ({ ...dict, map: new Map(dict.map), madeAt: machine.shadows.length });
    case 'update':
      return (machine, args) => {
        if (!mayChange(machine, dict)) return null;
        const other = plain(args.positional[0] ?? null);
        if (isObject(other) && other.kind === 'dict') {
          for (const [key, pair] of other.map) dict.map.set(key, pair);
          dict.unknown ??= other.unknown;
        } else if (other !== null) {
          const items = toItems(machine, other);
          if (items === null) dict.unknown ??= unknown('a dict updated by what is not known');
          for (const item of items ?? []) {
            const pair = toItems(machine, item);
            if (pair?.length === 2) setKey(dict, pair[0] as Value, pair[1] as Value);
          }
        }
        for (const [key, value] of args.named) setKey(dict, key, value);
        return null;
      };
    case 'setdefault':
      return (machine, args) => {
        const found = getKey(dict, args.positional[0] ?? null);
        if (found !== undefined) return found;
        const value = args.positional[1] ?? null;
        if (mayChange(machine, dict)) setKey(dict, args.positional[0] ?? null, value);
        return value;
      };
    case 'pop':
      return (machine, args) => {
        const key = hashKey(args.positional[0] ?? null);
        const found = key === null ? undefined : dict.map.get(key)?.[1];
        if (found === undefined) {
          if (dict.unknown || key === null) return dict.unknown ?? unknown('a key that is not known');
          if (args.positional.length > 1) return args.positional[1] as Value;
          raiseBuiltin('KeyError', [args.positional[0] ?? null]);
        }
        if (mayChange(machine, dict)) dict.map.delete(key as string);
        return found as Value;
      };
    case 'clear':
      return (machine) => {
        if (mayChange(machine, dict)) dict.map.clear();
        return null;
      };
    case 'fromkeys':
      return (machine, args) => {
        const made = newDict(machine);
        const items = toItems(machine, args.positional[0] ?? null);
        if (items === null) return unknown('keys that are not known');
        for (const item of items) setKey(made, item, args.positional[1] ?? null);
        return made;
      };
    case '__len__':
      return () => dict.map.size;
    default:
      return undefined;
  }
}

function setMethod(set: PySet, name: string): Method | undefined {
  const others = (machine: Machine, args: Arguments): PySet[] | null => {
    const sets: PySet[] = [];
    for (const arg of args.positional) {
      const items = toItems(machine, arg);
      if (items === null) return null;
      sets.push(newSet(machine, items));
    }
    return sets;
  };
  const made = (body: (sets: PySet[]) => [string, Value][]): Method => {
    return (machine, args) => {
      const sets = others(machine, args);
      if (set.unknown || sets === null || sets.some((other) => other.unknown))
        return unknown('a set that is not known');
      return { ...newSet(machine), map: new Map(body(sets)) };
    };
  };
  switch (name) {
    case 'add':
      return (machine, args) => {
        if (mayChange(machine, set)) setAdd(set, args.positional[0] ?? null);
        return null;
      };
    case 'update':
      return (machine, args) => {
        for (const arg of args.positional) {
          const items = toItems(machine, arg);
          if (items === null) set.unknown ??= unknown('a set updated by what is not known');
          else if (mayChange(machine, set)) for (const item of items) setAdd(set, item);
        }
        return null;
      };
    case 'discard':
    case 'remove':
      return (machine, args) => {
        const key = hashKey(args.positional[0] ?? null);
        if (key !== null && mayChange(machine, set)) set.map.delete(key);
        return null;
      };
    case 'pop':
      return (machine) => {
        const [only, ...others] = set.map;
        // Which of several a set gives first hangs on their hashes.
        if (set.unknown || only === undefined || others.length > 0) return unknown('which element a set gives');
        if (mayChange(machine, set)) set.map.delete(only[0]);
        return only[1];
      };
    case 'copy':
      return made(() => [...set.map]);
    case 'union':
      return made((sets) => [...set.map, ...sets.flatMap((other) => [...other.map])]);
    case 'difference':
      return made((sets) => [...set.map].filter(([key]) => !sets.some((other) => other.map.has(key))));
    case 'intersection':
      return made((sets) => [...set.map].filter(([key]) => sets.every((other) => other.map.has(key))));
    case 'issubset':
      return (machine, args) => {
        const [other] = others(machine, args) ?? [];
        return set.unknown || !other
          ? unknown('a set that is not known')
          : [...set.map.keys()].every((key) => other.map.has(key));
      };
    case 'issuperset':
      return (machine, args) => {
        const [other] = others(machine, args) ?? [];
        return set.unknown || !other
          ? unknown('a set that is not known')
          : [...other.map.keys()].every((key) => set.map.has(key));
      };
    default:
      return undefined;
  }
}
