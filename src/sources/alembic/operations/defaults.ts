/** `server_default=…`, Identity, Computed and Sequence, as SQLAlchemy renders them. */
import { type QualifiedName, quoteLiteral } from '../../../model/name.ts';
import type { SequenceOptions } from '../../../model/operation.ts';
import {
  type Arguments,
  describe,
  integerOf,
  isObject,
  isUnknown,
  type Machine,
  type Made,
  plain,
  textOf,
  type Value,
} from '../python/index.ts';
import { canonicalPath } from './canonical.ts';
import { argsOf, asMade } from './made.ts';
import { argument, flagOf, nameOf } from './read-values.ts';
import { sqlText } from './sql-text.ts';

export type DefaultReading =
  | { state: 'none' }
  | { state: 'text'; text: string }
  | { state: 'identity'; identity: 'always' | 'by default'; sequence: SequenceOptions }
  | { state: 'computed'; expression: string; stored: boolean }
  | { state: 'unknown'; reason: string };

/** `server_default=…` as SQLAlchemy renders it. */
export function readDefault(machine: Machine, value: Value | undefined): DefaultReading {
  if (value === undefined) return { state: 'none' };
  const bare = plain(value);
  if (bare === null) return { state: 'none' };
  const text = textOf(bare);
  if (text !== null) return { state: 'text', text: quoteLiteral(text) };
  const made = asMade(bare);
  if (made) {
    const path = canonicalPath(made.path);
    if (path === 'sa.Identity')
      return {
        state: 'identity',
        identity: flagOf(argument(argsOf(made), 0, 'always')) ? 'always' : 'by default',
        sequence: readSequenceOptions(argsOf(made), 2),
      };
    if (path === 'sa.Computed') {
      const expression =
        textOf(made.positional[0] ?? made.named.get('sqltext') ?? null) ??
        sqlText(machine, made.positional[0] ?? made.named.get('sqltext'));
      if (expression === null) return { state: 'unknown', reason: 'a generated column whose expression is not known' };
      return { state: 'computed', expression, stored: flagOf(made.named.get('persisted') ?? true) !== false };
    }
    if (path === 'sa.FetchedValue') return { state: 'none' };
    if (path === 'sa.DefaultClause') return readDefault(machine, made.positional[0]);
  }
  if (isObject(bare) && bare.kind === 'external' && /FetchedValue$/.test(bare.path)) return { state: 'none' };
  const expression = sqlText(machine, bare);
  return expression === null
    ? { state: 'unknown', reason: `its default is not known: ${isUnknown(bare) ? bare.reason : describe(bare)}` }
    : { state: 'text', text: expression };
}

/** Of `sa.Identity`, whose options stand from the place `first` on: start, increment, minvalue, maxvalue, …, cycle. */
function readSequenceOptions(args: Arguments, first: number): SequenceOptions {
  const number = (place: number, name: string) => {
    const value = argument(args, first + place, name);
    const read = value === undefined ? null : integerOf(value);
    return read === null ? undefined : String(read);
  };
  const start = number(0, 'start');
  const increment = number(1, 'increment');
  const minValue = number(2, 'minvalue');
  const maxValue = number(3, 'maxvalue');
  const cycle = flagOf(argument(args, first + 6, 'cycle'));
  return {
    ...(start === undefined ? {} : { start }),
    ...(increment === undefined ? {} : { increment }),
    ...(minValue === undefined ? {} : { minValue }),
    ...(maxValue === undefined ? {} : { maxValue }),
    ...(cycle ? { cycle } : {}),
  };
}

export function sequenceOf(made: Made): { name: QualifiedName; isOptional: boolean } | null {
  const name = nameOf(made.positional[0] ?? made.named.get('name'));
  const schema = nameOf(made.named.get('schema'));
  const isOptional = flagOf(made.named.get('optional')) === true;
  return name === null ? null : { name: { schema: schema?.name ?? null, name: name.name }, isOptional };
}
