/**
 * Functions, procedures, aggregates, triggers and policies. Bodies are text: refuses to know what they do.
 * Signatures as `pg_get_function_identity_arguments` and `pg_get_function_result` print them (ruleutils.c).
 */
import type {
  AlterFunctionStmt,
  AlterPolicyStmt,
  CreateFunctionStmt,
  CreatePolicyStmt,
  CreateTrigStmt,
  DefineStmt,
  FunctionParameter,
  ObjectWithArgs,
  TypeName,
} from 'libpg-query';
import { quoteIdentifier } from '../model/name.ts';
import type { UnplacedOperation } from '../model/operation.ts';
import type { Statement } from './pg-parser.ts';
import { bracketed, findWord, findWordOutside, isWord, sliceOf, splitByComma } from './slices.ts';
import { opaque } from './tables.ts';
import { as, firstLocation, qualifiedOf, relationOf, stringOf, stringsOf, typeOf } from './tree.ts';

function isTableColumn(parameter: FunctionParameter): boolean {
  return parameter.mode === 'FUNC_PARAM_TABLE';
}

/** A routine keeps no length and no precision of a type: `varchar(1)` is `character varying` (parse_func.c, typenameTypeId). */
function typeOfRoutine(type: TypeName | undefined) {
  const reading = typeOf(type);
  return { ...reading, type: reading.type?.replace(/\(\d+(?:,\s*-?\d+)?\)/, '') ?? 'unknown' };
}

function argument(parameter: FunctionParameter, isProcedure: boolean): string {
  const reading = typeOfRoutine(parameter.argType);
  const mode =
    parameter.mode === 'FUNC_PARAM_OUT'
      ? 'OUT '
      : parameter.mode === 'FUNC_PARAM_INOUT'
        ? 'INOUT '
        : parameter.mode === 'FUNC_PARAM_VARIADIC'
          ? 'VARIADIC '
          : isProcedure && !isTableColumn(parameter)
            ? 'IN '
            : '';
  const name = parameter.name ? `${quoteIdentifier(parameter.name)} ` : '';
  return `${mode}${name}${reading.isSet ? 'SETOF ' : ''}${reading.type}`;
}

/** Of a reference to a routine (`DROP FUNCTION f(a integer)`); null where it names no arguments. */
export function identityArgumentsOf(routine: ObjectWithArgs | undefined): string | null {
  if (!routine || routine.args_unspecified) return null;
  const parameters = (routine.objfuncargs ?? []).flatMap((each) => as(each, 'FunctionParameter') ?? []);
  if (parameters.length > 0) return parameters.map((each) => argument(each, false)).join(', ');
  return (routine.objargs ?? []).map((each) => typeOfRoutine(as(each, 'TypeName')).type).join(', ');
}

function resultOf(create: CreateFunctionStmt, parameters: readonly FunctionParameter[]): string | null {
  if (create.is_procedure) return null;
  const columns = parameters.filter(isTableColumn);
  if (columns.length > 0) return `TABLE(${columns.map((each) => argument(each, false)).join(', ')})`;
  if (create.returnType) {
    const reading = typeOfRoutine(create.returnType);
    return `${reading.isSet ? 'SETOF ' : ''}${reading.type}`;
  }
  const out = parameters.filter((each) => each.mode === 'FUNC_PARAM_OUT' || each.mode === 'FUNC_PARAM_INOUT');
  return out.length === 1 ? typeOfRoutine(out[0]?.argType).type : 'record';
}

export function createFunction(statement: Statement, create: CreateFunctionStmt): UnplacedOperation {
  const parameters = (create.parameters ?? []).flatMap((each) => as(each, 'FunctionParameter') ?? []);
  const list = bracketed(statement, 0);
  const parts = list && parameters.length > 0 ? splitByComma(statement, list.open + 1, list.close - 1) : [];
  const isProcedure = create.is_procedure === true;
  const kept = parameters.map((each, i) => ({ each, part: parts[i] })).filter(({ each }) => !isTableColumn(each));
  const withDefaults = kept.map(({ each, part }) => {
    const text = argument(each, isProcedure);
    if (!each.defexpr || !part) return text;
    let at = findWordOutside(statement, part[0], 'default');
    if (at < 0 || at > part[1]) {
      at = part[0];
      while (at < part[1] && statement.tokens[at]?.text !== '=' && statement.tokens[at]?.text !== ':=') at++;
    }
    return `${text} DEFAULT ${sliceOf(statement, at + 1, part[1])}`;
  });
  const options = (create.options ?? []).flatMap((option) => as(option, 'DefElem') ?? []);
  const volatility = stringOf(options.find((option) => option.defname === 'volatility')?.arg) ?? 'volatile';
  const isWindow = options.some((option) => option.defname === 'window');
  return {
    kind: 'createRoutine',
    name: qualifiedOf(stringsOf(create.funcname)),
    routine: isProcedure ? 'p' : isWindow ? 'w' : 'f',
    orReplace: create.replace === true,
    identityArguments: kept.map(({ each }) => argument(each, isProcedure)).join(', '),
    arguments: withDefaults.join(', '),
    result: resultOf(create, parameters),
    volatility: volatility.charAt(0) === 's' ? 's' : volatility.charAt(0) === 'i' ? 'i' : 'v',
    definition: statement.source.slice(statement.from, statement.to),
  };
}

export function alterRoutine(statement: Statement, alter: AlterFunctionStmt): UnplacedOperation {
  const actions = (alter.actions ?? []).flatMap((each) => as(each, 'DefElem') ?? []);
  const volatility = stringOf(actions.find(({ defname }) => defname === 'volatility')?.arg);
  return {
    kind: 'alterRoutine',
    name: qualifiedOf(stringsOf(alter.func?.objname)),
    identityArguments: identityArgumentsOf(alter.func),
    ...(volatility === null ? {} : { volatility: volatility.charAt(0) }),
    statement: statement.source.slice(statement.from, statement.to),
  };
}

/** CREATE AGGREGATE: its arguments are a list of parameters, its result the type of its state or final function: unknown here. */
export function createAggregate(statement: Statement, define: DefineStmt): UnplacedOperation {
  const parameters = (as(define.args?.[0], 'List')?.items ?? []).flatMap((each) => as(each, 'FunctionParameter') ?? []);
  const identityArguments = define.oldstyle ? '' : parameters.map((each) => argument(each, false)).join(', ');
  return {
    kind: 'createRoutine',
    name: qualifiedOf(stringsOf(define.defnames)),
    routine: 'a',
    orReplace: define.replace === true,
    identityArguments,
    arguments: identityArguments,
    result: null,
    volatility: 'i',
    definition: statement.source.slice(statement.from, statement.to),
  };
}

export function createTrigger(statement: Statement, create: CreateTrigStmt): UnplacedOperation {
  return {
    kind: 'createTrigger',
    table: relationOf(create.relation),
    name: create.trigname ?? '',
    orReplace: create.replace === true,
    definition: statement.source.slice(statement.from, statement.to),
  };
}

const policyCommands: Record<string, string> = { all: '*', select: 'r', insert: 'a', update: 'w', delete: 'd' };

export function createPolicy(statement: Statement, create: CreatePolicyStmt): UnplacedOperation {
  const { using, check } = conditionsOf(statement, create);
  return {
    kind: 'createPolicy',
    table: relationOf(create.table),
    name: create.policy_name ?? '',
    command: policyCommands[create.cmd_name ?? 'all'] ?? '*',
    using,
    check,
  };
}

export function alterPolicy(statement: Statement, alter: AlterPolicyStmt): UnplacedOperation {
  const table = relationOf(alter.table);
  if ((alter.roles ?? []).length > 0) return opaque('the roles of a policy are changed', table);
  const { using, check } = conditionsOf(statement, alter);
  return {
    kind: 'alterPolicy',
    table,
    name: alter.policy_name ?? '',
    ...(using === null ? {} : { using }),
    ...(check === null ? {} : { check }),
  };
}

function conditionsOf(
  statement: Statement,
  policy: Pick<CreatePolicyStmt, 'table' | 'qual' | 'with_check'>,
): { using: string | null; check: string | null } {
  const after = firstLocation(policy.table);
  const start = after < 0 ? 0 : statement.tokens.findIndex((token) => token.from >= statement.offsetOf(after));
  const using = policy.qual ? findWordOutside(statement, start, 'using') : -1;
  let check = -1;
  if (policy.with_check) {
    check = findWord(statement, start, 'check');
    while (check >= 0 && !isWord(statement.tokens[check - 1], 'with')) check = findWord(statement, check + 1, 'check');
  }
  const textAt = (at: number) => (at < 0 ? null : (bracketed(statement, at)?.text ?? null));
  return { using: textAt(using), check: textAt(check) };
}
