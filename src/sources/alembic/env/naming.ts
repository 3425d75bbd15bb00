/**
 * A naming convention as the project's code states it: its templates, and what its own tokens give, which are functions of
 * a constraint and its table (sqlalchemy/sql/naming.py, ConventionDict). They are evaluated, never run.
 */
import { join } from 'node:path';
import type { ConventionKey, NamedThing, NamingConvention } from '../../../model/project.ts';
import {
  callValue,
  type Expression,
  evaluate,
  LimitReached,
  type Machine,
  makeModule,
  moduleName,
  newList,
  newMade,
  PyRaise,
  parseCached,
  plain,
  textForm,
  textOf,
  type Value,
} from '../python/index.ts';
import { type CodeModule, dottedName, type ProjectCode } from './code.ts';
import { standardMachine } from './standard-host.ts';

const conventionKeys = ['ix', 'uq', 'ck', 'fk', 'pk'] as const;
const classByKey: Record<ConventionKey, string> = {
  ix: 'sqlalchemy.Index',
  uq: 'sqlalchemy.UniqueConstraint',
  ck: 'sqlalchemy.CheckConstraint',
  fk: 'sqlalchemy.ForeignKeyConstraint',
  pk: 'sqlalchemy.PrimaryKeyConstraint',
};

/** SQLAlchemy takes the classes as keys too. */
const keyByClass = new Map(conventionKeys.map((key) => [classByKey[key].split('.')[1] as string, key]));

/** Where the function behind a token of the project's own is stated. */
type Tokens = Map<string, { module: CodeModule; expression: Expression }>;

/** Null where it is no dictionary that can be read; a template with a token that is not known is null. */
export function readNaming(code: ProjectCode, module: CodeModule, value: Expression): NamingConvention | null {
  const tokens: Tokens = new Map();
  const naming = readTemplates(code, module, value, tokens);
  if (naming === null) return null;
  let isOwn = false;
  for (const key of conventionKeys) {
    const own = ownTokens(naming[key] ?? '');
    if (own.some((token) => !tokens.has(token))) naming[key] = null;
    isOwn ||= own.length > 0;
  }
  return isOwn ? { ...naming, token: (name, thing) => giveToken(code, tokens, name, thing) } : naming;
}

function readTemplates(
  code: ProjectCode,
  module: CodeModule,
  value: Expression,
  tokens: Tokens,
  hops = 0,
): NamingConvention | null {
  if (hops > 10) return null;
  const naming: NamingConvention = {};
  const take = (name: string | null | undefined, given: Expression): void => {
    const key = conventionKeys.find((known) => known === name);
    const text = code.fold(module, given);
    if (key !== undefined) naming[key] = typeof text === 'string' ? text : null;
    else if (typeof name === 'string' && text === undefined) tokens.set(name, { module, expression: given });
  };
  if (value.kind === 'call' && dottedName(value.callee) === 'dict') {
    for (const argument of value.args) if (argument.kind === 'named') take(argument.name, argument.value);
    return naming;
  }
  if (value.kind !== 'dict') {
    const found = code.defineExpression(module, value);
    return found?.binding.kind === 'value' && found.binding.expression !== value
      ? readTemplates(code, found.module, found.binding.expression, tokens, hops + 1)
      : null;
  }
  for (const item of value.items) {
    if (item.key === null) {
      Object.assign(naming, readTemplates(code, module, item.value, tokens, hops + 1));
      continue;
    }
    const written = code.fold(module, item.key);
    take(
      typeof written === 'string' ? written : keyByClass.get((dottedName(item.key) ?? '').split('.').pop() as string),
      item.value,
    );
  }
  return naming;
}

/** Tokens that SQLAlchemy does not fill itself. */
function ownTokens(template: string): string[] {
  const tokens = [...template.matchAll(/%\((\w+)\)s/g)].map(([, token]) => token as string);
  return tokens.filter(
    (token) =>
      !/^(?:table_name|constraint_name|referred_table_name|(?:referred_)?column_\d+(?:_?N)?_(?:name|label|key))$/.test(
        token,
      ),
  );
}

/** Undefined: none of the project's own. Null: what it gives is not known. */
function giveToken(code: ProjectCode, tokens: Tokens, name: string, thing: NamedThing): string | null | undefined {
  const token = tokens.get(name);
  if (token === undefined) return undefined;
  const found = code.defineExpression(token.module, token.expression);
  const { file, text } = found?.module ?? token.module;
  const path = join(code.projectDir, file);
  const machine = standardMachine(code.projectDir);
  const module = makeModule(file.replace(/\.py$/, '').replaceAll('/', '.'), path, parseCached(path, text));
  try {
    const fn =
      found === null ? evaluate(machine, token.expression, module.scope) : moduleName(machine, module, found.name);
    const given = { positional: thingsOf(machine, thing), named: new Map() };
    const answer = plain(callValue(machine, fn ?? null, given, { from: 0, to: 0 }));
    // `%` writes whatever it gives.
    return textOf(answer) ?? textForm(machine, answer);
  } catch (error) {
    if (error instanceof LimitReached || error instanceof PyRaise || error instanceof RangeError) return null;
    throw error;
  }
}

/** The constraint and its table, with what such functions ask of them. */
function thingsOf(machine: Machine, thing: NamedThing): [Value, Value] {
  const object = (path: string, attributes: Record<string, Value>): Value =>
    newMade(path, new Map(Object.entries(attributes)));
  const tableOf = (name: string, schema: string | null): Value =>
    object('sqlalchemy.Table', {
      name,
      schema,
      key: schema === null ? name : `${schema}.${name}`,
      fullname: schema === null ? name : `${schema}.${name}`,
    });
  const table = tableOf(thing.table, thing.namespace);
  const columnsOf = (names: readonly string[], owner: Value): Value[] =>
    names.map((name) => object('sqlalchemy.Column', { name, key: name, table: owner }));
  const columns = columnsOf(thing.columns, table);
  const className = classByKey[thing.kind].split('.')[1] as string;
  const attributes: Record<string, Value> = {
    __class__: object('type', { __name__: className }),
    name: thing.name,
    table,
    columns: newList(machine, columns),
    column_keys: newList(machine, [...thing.columns]),
  };
  if (thing.kind === 'ix') {
    attributes.unique = thing.unique === true;
    attributes.expressions = newList(machine, columns);
  }
  if (thing.kind === 'fk') {
    const referred = tableOf(thing.referredTable ?? '', thing.referredNamespace ?? null);
    attributes.referred_table = referred;
    const targets = columnsOf(thing.referredColumns ?? [], referred);
    attributes.elements = newList(
      machine,
      targets.map((column, at) => {
        const target = `${thing.referredNamespace ? `${thing.referredNamespace}.` : ''}${thing.referredTable}.${thing.referredColumns?.[at]}`;
        return object('sqlalchemy.ForeignKey', { column, parent: columns[at] ?? null, target_fullname: target });
      }),
    );
  }
  return [object(classByKey[thing.kind], attributes), table];
}
