/**
 * `itertools` and `operator`, over items that are known. What goes on without end (`count`, `cycle`) stays unknown.
 */
import { getAttribute } from './attributes.ts';
import { callValue } from './calls.ts';
import { newList, toItems } from './containers.ts';
import { checkSize, type Machine } from './machine.ts';
import { binary, isEqual } from './operators.ts';
import { getItem } from './subscripts.ts';
import { type Arguments, integerOf, isUnknown, textOf, tuple, unknown, type Value } from './values.ts';

const nowhere = { from: 0, to: 0 };

export function iterationCall(machine: Machine, path: string, args: Arguments): Value | undefined {
  const [first = null, second = null] = args.positional;
  const call = (callee: Value, ...positional: Value[]) =>
    callValue(machine, callee, { positional, named: new Map() }, nowhere);
  switch (path) {
    case 'itertools.chain':
      return overAll(machine, args.positional, (lists) => lists.flat());
    case 'itertools.chain.from_iterable':
      return over(machine, first, (outer) => overAll(machine, outer, (lists) => lists.flat()));
    case 'itertools.product': {
      const times = integerOf(args.named.get('repeat') ?? 1) ?? 1;
      return overAll(machine, Array.from({ length: times }, () => args.positional).flat(), (lists) => {
        let rows: Value[][] = [[]];
        for (const list of lists) {
          checkSize(machine, rows.length * list.length);
          rows = rows.flatMap((row) => list.map((item) => [...row, item]));
        }
        return rows.map(tuple);
      });
    }
    case 'itertools.combinations':
    case 'itertools.permutations':
      return over(machine, first, (items) => {
        const length = second === null ? items.length : integerOf(second);
        return length === null
          ? unknown(`${path} of a length that is not known`)
          : newList(machine, arrangements(machine, items, length, path.endsWith('combinations')).map(tuple));
      });
    case 'itertools.pairwise':
      return over(machine, first, (items) =>
        newList(
          machine,
          items.slice(1).map((item, at) => tuple([items[at] ?? null, item])),
        ),
      );
    case 'itertools.islice':
      return over(machine, first, (items) => {
        const [from, to, by] = args.positional.length < 3 ? [null, second] : args.positional.slice(1);
        const start = integerOf(from ?? null) ?? 0;
        const stride = integerOf(by ?? null) ?? 1;
        const within = items.slice(start, to === null ? undefined : (integerOf(to ?? null) ?? undefined));
        return newList(
          machine,
          within.filter((_item, at) => at % stride === 0),
        );
      });
    case 'itertools.batched':
      return over(machine, first, (items) => {
        const size = integerOf(second);
        if (size === null || size < 1) return unknown('batches whose size is not known');
        const starts = Array.from({ length: Math.ceil(items.length / size) }, (_none, at) => at * size);
        return newList(
          machine,
          starts.map((start) => tuple(items.slice(start, start + size))),
        );
      });
    case 'itertools.zip_longest':
      return overAll(machine, args.positional, (lists) => {
        const fill = args.named.get('fillvalue') ?? null;
        const length = Math.max(0, ...lists.map((list) => list.length));
        return Array.from({ length }, (_none, at) => tuple(lists.map((list) => list[at] ?? fill)));
      });
    case 'itertools.repeat': {
      const times = integerOf(second ?? args.named.get('times') ?? null);
      if (times === null) return unknown('a repetition without end');
      checkSize(machine, times);
      return newList(machine, new Array<Value>(Math.max(0, times)).fill(first));
    }
    case 'itertools.starmap':
      return over(machine, second, (rows) =>
        newList(
          machine,
          rows.map((row) => {
            const given = toItems(machine, row);
            return given === null ? unknown('arguments that are not known') : call(first, ...given);
          }),
        ),
      );
    case 'itertools.groupby':
      return grouped(machine, first, second ?? args.named.get('key') ?? null, call);
    case 'operator.itemgetter':
      return getter(args.positional, (item, key) => getItem(machine, item, key));
    case 'operator.attrgetter':
      return getter(args.positional, (item, key) => {
        const name = textOf(key);
        if (name === null) return unknown('an attribute whose name is not known');
        return name.split('.').reduce((owner, part) => getAttribute(machine, owner, part, null), item);
      });
    case 'operator.methodcaller':
      return {
        kind: 'builtin',
        name: 'methodcaller',
        call: (more) => {
          const method = getAttribute(machine, more.positional[0] ?? null, textOf(first) ?? '', null);
          return callValue(machine, method, { positional: args.positional.slice(1), named: args.named }, nowhere);
        },
      };
    case 'operator.add':
      return binary(machine, '+', first, second);
    default:
      return undefined;
  }
}

/** `operator.itemgetter` and `attrgetter`: one thing of an item, or a tuple of several. */
function getter(keys: Value[], get: (item: Value, key: Value) => Value): Value {
  return {
    kind: 'builtin',
    name: 'getter',
    call: (more) => {
      const item = more.positional[0] ?? null;
      const got = keys.map((key) => get(item, key));
      return got.length === 1 ? (got[0] as Value) : tuple(got);
    },
  };
}

/** Neighbours with an equal key; where one cannot be compared, no group can be told. */
function grouped(
  machine: Machine,
  items: Value,
  key: Value,
  call: (callee: Value, ...positional: Value[]) => Value,
): Value {
  return over(machine, items, (all) => {
    const groups: { key: Value; items: Value[] }[] = [];
    for (const item of all) {
      const own = key === null ? item : call(key, item);
      if (isUnknown(own)) return own;
      const last = groups[groups.length - 1];
      const isSame = last === undefined ? false : isEqual(last.key, own);
      if (isSame === null) return unknown('groups by a key that is not known');
      if (last !== undefined && isSame) last.items.push(item);
      else groups.push({ key: own, items: [item] });
    }
    return newList(
      machine,
      groups.map((group) => tuple([group.key, newList(machine, group.items)])),
    );
  });
}

function over(machine: Machine, value: Value, result: (items: Value[]) => Value): Value {
  const items = toItems(machine, value);
  return items === null ? unknown('a walk over what is not known') : result(items);
}

function overAll(machine: Machine, values: Value[], result: (lists: Value[][]) => Value[]): Value {
  const lists = values.map((value) => toItems(machine, value));
  return lists.some((list) => list === null)
    ? unknown('a walk over what is not known')
    : newList(machine, result(lists as Value[][]));
}

/** As itertools orders them: by position; a combination keeps that order, a permutation does not. */
function arrangements(machine: Machine, items: Value[], length: number, isOrdered: boolean): Value[][] {
  let rows: number[][] = [[]];
  for (let taken = 0; taken < length; taken++) {
    rows = rows.flatMap((row) =>
      items.flatMap((_item, at) =>
        (isOrdered ? at > (row[row.length - 1] ?? -1) : !row.includes(at)) ? [[...row, at]] : [],
      ),
    );
    checkSize(machine, rows.length);
  }
  return rows.map((row) => row.map((at) => items[at] as Value));
}
