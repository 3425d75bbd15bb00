/**
 * `event.listen(table, 'after_create', DDL(…))`: what SQLAlchemy runs around the making of a table or of a metadata's tables
 * (sql/events.py, DDLEvents). It listens to what is made as an object; `op.create_table` makes another.
 */
import {
  type Arguments,
  callValue,
  isObject,
  type Machine,
  type Made,
  plain,
  textOf,
  type Value,
} from '../python/index.ts';
import { type Effects, opaque } from './effects.ts';
import { runStatement } from './execute.ts';
import { bind } from './handles.ts';
import { asMade } from './made.ts';
import { textList } from './read-values.ts';

type Moment = 'before_create' | 'after_create' | 'before_drop' | 'after_drop';

const listenersOf = new WeakMap<Made, { moment: string; run: Value }[]>();

export function listen({ positional }: Arguments): void {
  const [target = null, moment = null, run = null] = positional;
  const made = asMade(target);
  const name = textOf(moment);
  if (made === null || name === null) return;
  listenersOf.set(made, [...(listenersOf.get(made) ?? []), { moment: name, run }]);
}

/** Runs what listens to the making or dropping of a table or a metadata. */
export function tell(machine: Machine, effects: Effects, made: Made, moment: Moment): void {
  for (const { moment: own, run } of listenersOf.get(made) ?? []) {
    if (own !== moment) continue;
    let statement = asMade(run);
    if (statement?.path === '.execute_if') {
      const dialects = textList(machine, statement.named.get('dialect') ?? statement.positional[0]);
      if (dialects !== null && dialects.length > 0 && !dialects.includes('postgresql')) continue;
      if (dialects === null || dialects.length === 0)
        opaque(machine, effects, 'a statement of a listener that runs under a condition of its own', []);
      statement = asMade(statement.receiver ?? undefined);
    }
    const bare = plain(run);
    if (statement !== null)
      runStatement(machine, effects, { positional: [filled(statement, made)], named: new Map() }, false);
    else if (isObject(bare) && (bare.kind === 'function' || bare.kind === 'bound'))
      callValue(machine, bare, { positional: [made, bind], named: new Map() }, { from: 0, to: 0 });
  }
}

/** `%(table)s`, `%(schema)s` and `%(fullname)s` of a DDL stand for the table. */
function filled(statement: Made, table: Made): Made {
  const [text = null] = statement.positional;
  const source = textOf(text);
  const name = textOf(table.positional[0] ?? null);
  if (source === null || name === null) return statement;
  const schema = textOf(table.named.get('schema') ?? null);
  const values: Record<string, string> = {
    table: name,
    schema: schema ?? '',
    fullname: schema === null ? name : `${schema}.${name}`,
  };
  const filledText = source.replace(/%\((table|schema|fullname)\)s/g, (_whole, key: string) => values[key] as string);
  return { ...statement, positional: [filledText, ...statement.positional.slice(1)] };
}
