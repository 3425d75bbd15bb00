/**
 * What env.py hands to `context.configure()`: Alembic keeps every keyword of it, its own and others, in
 * `op.get_context().opts` (EnvironmentContext.configure, "additional keyword arguments"), where revisions may ask for them.
 */
import { everyExpression } from '../env/walk.ts';
import {
  assumed,
  type Expression,
  evaluate,
  isUnknown,
  type Machine,
  makeModule,
  parseCached,
  runWhole,
  type Value,
} from '../python/index.ts';
import type { Effects } from './effects.ts';

const keywordsByText = new Map<string, Map<string, Expression>>();

/** The value of a keyword as env.py states it; undefined: it states none. The last call wins: the online one stands last. */
export function configuredOption(machine: Machine, effects: Effects, name: string): Value | undefined {
  const { envFile } = effects;
  const text = envFile === null ? null : machine.host.readFile(envFile);
  if (envFile === null || text === null) return undefined;
  const parsed = parseCached(envFile, text);
  let keywords = keywordsByText.get(text);
  if (keywords === undefined) {
    keywords = new Map();
    const calls = everyExpression(parsed.statements.map(({ statement }) => statement));
    for (const { expression, locals } of calls) {
      if (
        expression.kind !== 'call' ||
        expression.callee.kind !== 'attribute' ||
        expression.callee.name !== 'configure'
      )
        continue;
      for (const argument of expression.args)
        if (argument.kind === 'named' && argument.name !== null) {
          const { value } = argument;
          keywords.set(argument.name, value.kind === 'name' ? (locals.get(value.name) ?? value) : value);
        }
    }
    keywordsByText.clear();
    keywordsByText.set(text, keywords);
  }
  const expression = keywords.get(name);
  if (expression === undefined) return undefined;
  const known = machine.modules.get('@env');
  const module = known ?? makeModule('env', envFile, parsed);
  machine.modules.set('@env', module);
  return evaluate(machine, expression, module.scope);
}

/**
 * What env.py puts into modules of others before any revision runs (`sa.GUID = GUID`, so that generated revisions find the
 * project's types there): read once for all revisions.
 */
export function readGrafts(machine: Machine, effects: Effects): void {
  if (machine.imports.graftedByPath !== null) return;
  machine.imports.graftedByPath = new Map();
  const text = effects.envFile === null ? null : machine.host.readFile(effects.envFile);
  if (effects.envFile === null || text === null || !/^[\w.]+\.\w+\s*=(?!=)/m.test(text)) return;
  const module = makeModule('env', effects.envFile, parseCached(effects.envFile, text));
  runWhole(
    machine,
    module,
    (statement) => statement.kind === 'assign' && statement.targets.some((target) => target.kind === 'attribute'),
  );
  machine.imports.graftedByPath = new Map(machine.graftedByPath);
}

/** The schema of the version table, which revisions take for their own: none where env.py does not tell. */
export function versionTableSchema(machine: Machine, effects: Effects): Value {
  const value = configuredOption(machine, effects, 'version_table_schema');
  if (value === undefined) return null;
  return isUnknown(value) ? assumed(null, 'version_table_schema is not set') : value;
}
