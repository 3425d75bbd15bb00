/**
 * Python around the chain that runs Alembic, or makes tables past it: where it stands, when it runs, and what becomes of a
 * failure. Reads syntax alone; what it cannot be sure of counts as told and as of no known occasion.
 */
import { type Migrator, type MigratorFailure, told } from '../../model/migrator.ts';
import type { SurroundingFile } from '../../model/project.ts';
import { type Expression, parsePython, type Statement } from './python/index.ts';
import { childStatements, ownExpressions, walkExpression } from './python/walk.ts';

const startUpName =
  /^_*(?:lifespan|(?:on_?)?start_?up\w*|\w*_start_?up|create_app|make_app|init_app|create_application|before_first_request|on_start|ready)$/;
const lock = /pg_(?:try_)?advisory|advisory_?lock|FileLock|with_for_update/i;
const broad =
  /^(?:Exception|BaseException|(?:\w+\.)*(?:CommandError|CalledProcessError|SQLAlchemyError|DBAPIError|OperationalError|ProgrammingError|DatabaseError|SystemExit))$/;

type Act = Pick<Migrator, 'act'> & { at: Expression; ignoresByItself: string | null };

/** What stands around a statement, outermost first. */
interface Place {
  functions: { name: string; isStartUp: boolean }[];
  isUnderMain: boolean;
  isInLoop: boolean;
  failure: MigratorFailure | null;
}

/** `isEnv`: the file is env.py, where running the revisions is an upgrade. */
export function readMigratorCode({ file, text }: Pick<SurroundingFile, 'file' | 'text'>, isEnv: boolean): Migrator[] {
  const parsed = parsePython(text);
  const statements = parsed.statements.map(({ statement }) => statement);
  const names = importedNames(statements);
  const found: { act: Act; place: Place }[] = [];
  const callsByFunction = new Map<string, Place[]>();

  const walk = (statement: Statement, place: Place): void => {
    for (const expression of ownExpressions(statement)) {
      walkExpression(expression, (inner) => {
        const act = actOf(inner, names, isEnv, statement);
        if (act !== null) found.push({ act, place });
        if (inner.kind === 'call' && inner.callee.kind === 'name') {
          const places = callsByFunction.get(inner.callee.name) ?? [];
          callsByFunction.set(inner.callee.name, [...places, place]);
        }
        if (inner.kind === 'call')
          for (const name of startUpArguments(inner)) callsByFunction.set(name, [duringStartUp]);
      });
    }
    for (const [block, inside] of blocksOf(statement, place)) for (const inner of block) walk(inner, inside);
  };
  const outside: Place = { functions: [], isUnderMain: false, isInLoop: false, failure: null };
  try {
    for (const statement of statements) walk(statement, outside);
  } catch (error) {
    // Nested deeper than the stack: no person wrote it.
    if (!(error instanceof RangeError)) throw error;
    return [];
  }

  const isTest = /(?:^|\/)(?:tests?|testing)\/|(?:^|\/)(?:test_[^/]*|[^/]*_test|conftest)\.py$/.test(file);
  // What empties the database first is no application that starts.
  const isScript =
    /\bdrop_all\s*\(/.test(text) ||
    /(?:^|\/)(?:scripts?|bin|tools|cli|management|examples?|docs|notebooks|benchmarks?)\//.test(file);
  const isStartUp = (place: Place, seen: ReadonlySet<string> = new Set()): boolean => {
    if (place.isUnderMain) return false;
    if (place.functions.length === 0) return !isScript;
    if (place.functions.some((one) => one.isStartUp)) return true;
    return place.functions.some(
      ({ name }) =>
        !seen.has(name) &&
        (callsByFunction.get(name) ?? []).some((caller) => isStartUp(caller, new Set([...seen, name]))),
    );
  };
  return found.map(({ act, place }) => ({
    file,
    line: parsed.lineAt(act.at.from),
    text: lineOf(text, act.at.from),
    act: act.act,
    occasion: isTest ? 'test' : isEnv || isStartUp(place) ? 'start-up' : 'unknown',
    failure: failureOf(act, place),
    replicas: null,
    takesLock: lock.test(text),
    url: null,
  }));
}

const duringStartUp: Place = {
  functions: [{ name: 'lifespan', isStartUp: true }],
  isUnderMain: false,
  isInLoop: false,
  failure: null,
};

/** `FastAPI(lifespan=start)`, `Starlette(on_startup=[start])`: functions that a framework calls when it starts. */
function startUpArguments(call: Extract<Expression, { kind: 'call' }>): string[] {
  return call.args
    .filter(({ name }) => name === 'lifespan' || name === 'on_startup')
    .flatMap(({ value }) => (value.kind === 'list' ? value.items : [value]))
    .flatMap((value) => (value.kind === 'name' ? [value.name] : []));
}

function failureOf(act: Act, place: Place): MigratorFailure {
  // A loop may try again and raise in the end.
  if (place.failure !== null) return place.isInLoop ? told : place.failure;
  if (act.ignoresByItself === null) return told;
  return {
    kind: 'ignored',
    how: act.ignoresByItself,
    remedy: 'Use subprocess.run(…, check=True)',
    isDeliberate: false,
  };
}

interface ImportedNames {
  /** Local names of `alembic.command`. */
  commands: ReadonlySet<string>;
  /** Local names of upgrade and stamp themselves (`from flask_migrate import upgrade`). */
  functions: ReadonlyMap<string, 'upgrade' | 'stamp' | 'check'>;
}

function importedNames(statements: readonly Statement[]): ImportedNames {
  const commands = new Set<string>();
  const functions = new Map<string, 'upgrade' | 'stamp' | 'check'>();
  const visit = (statement: Statement): void => {
    if (statement.kind === 'import') {
      for (const { name, as } of statement.names) if (name === 'alembic.command') commands.add(as ?? 'alembic.command');
      if (statement.names.some(({ name, as }) => name === 'alembic' && as === null)) commands.add('alembic.command');
    }
    if (statement.kind === 'importFrom' && statement.level === 0 && statement.names !== '*') {
      for (const { name, as } of statement.names) {
        if (statement.module === 'alembic' && name === 'command') commands.add(as ?? name);
        if (/^(?:flask_migrate|alembic\.command)$/.test(statement.module) && /^(?:upgrade|stamp|check)$/.test(name))
          functions.set(as ?? name, name as 'upgrade');
      }
    }
    for (const block of childStatements(statement)) for (const inner of block) visit(inner);
  };
  for (const statement of statements) visit(statement);
  return { commands, functions };
}

function actOf(expression: Expression, names: ImportedNames, isEnv: boolean, statement: Statement): Act | null {
  // `run_sync(Base.metadata.create_all)` names it without a call.
  if (expression.kind === 'attribute' && expression.name === 'create_all')
    return { act: 'create-all', at: expression, ignoresByItself: null };
  if (expression.kind !== 'call') return null;
  const plainCall = (act: Migrator['act']): Act => ({ act, at: expression, ignoresByItself: null });
  // `context.get_context().stamp(script, …)`
  if (isEnv && expression.callee.kind === 'attribute' && expression.callee.name === 'stamp') return plainCall('stamp');
  const callee = dotted(expression.callee);
  if (callee === null) return null;
  const method = /^(.*)\.(upgrade|stamp|check)$/.exec(callee);
  if (method !== null && names.commands.has(method[1] as string)) return plainCall(method[2] as Migrator['act']);
  const named = names.functions.get(callee);
  if (named !== undefined) return plainCall(named);
  if (isEnv && callee === 'context.run_migrations') return plainCall('upgrade');
  if (/(?:^|\.)compare_metadata$/.test(callee)) return plainCall('check');
  const program = /^(?:subprocess\.)?(run|call|check_call|check_output|Popen)$|^os\.(system)$/.exec(callee);
  if (program === null) return null;
  const words = expression.args[0] === undefined ? null : wordsOf(expression.args[0].value);
  const command = /\b(?:alembic|flask db)\b.*\b(upgrade|stamp|check)\b/.exec(words ?? '');
  if (command === null) return null;
  const isAlone = statement.kind === 'expression' && statement.value === expression;
  const isChecked =
    /^check_/.test(program[1] ?? '') ||
    expression.args.some(
      ({ name, value }) => name === 'check' && !(value.kind === 'constant' && value.value === false),
    );
  return {
    act: command[1] as Migrator['act'],
    at: expression,
    ignoresByItself: isAlone && !isChecked ? `nobody looks at what ${callee}() returns` : null,
  };
}

function dotted(expression: Expression): string | null {
  if (expression.kind === 'name') return expression.name;
  if (expression.kind !== 'attribute') return null;
  const object = dotted(expression.object);
  return object === null ? null : `${object}.${expression.name}`;
}

function wordsOf(expression: Expression): string | null {
  if (expression.kind === 'constant') return typeof expression.value === 'string' ? expression.value : null;
  if (expression.kind === 'list' || expression.kind === 'tuple')
    return expression.items.map((item) => wordsOf(item) ?? '…').join(' ');
  if (expression.kind === 'format')
    return expression.parts.map((part) => (typeof part === 'string' ? part : '…')).join('');
  return null;
}

/** The blocks in a statement, each with the place that it is. */
function blocksOf(statement: Statement, place: Place): [Statement[], Place][] {
  switch (statement.kind) {
    case 'function': {
      const { name, decorators, body } = statement.function;
      const isStartUp = startUpName.test(name) || decorators.some(isStartUpDecorator);
      return [
        [body, { ...place, functions: [...place.functions, { name, isStartUp }], isInLoop: false, failure: null }],
      ];
    }
    case 'if':
      return [
        ...statement.branches.map(({ test, body }): [Statement[], Place] => [
          body,
          isMainTest(test) ? { ...place, isUnderMain: true } : place,
        ]),
        [statement.otherwise, place],
      ];
    case 'for':
    case 'while':
      return [
        [statement.body, { ...place, isInLoop: true }],
        [statement.otherwise, place],
      ];
    case 'try': {
      const failure = failureCaught(statement);
      return [
        [statement.body, failure === null ? place : { ...place, failure }],
        ...statement.handlers.map((handler): [Statement[], Place] => [handler.body, place]),
        [statement.otherwise, place],
        [statement.finally, place],
      ];
    }
    case 'with': {
      const suppresses = statement.items.some(
        ({ value }) =>
          value.kind === 'call' &&
          /(?:^|\.)suppress$/.test(dotted(value.callee) ?? '') &&
          value.args.some((arg) => broad.test(dotted(arg.value) ?? '')),
      );
      const failure: MigratorFailure = {
        kind: 'ignored',
        how: '`suppress` drops the exception',
        remedy: 'Take `suppress` away',
        isDeliberate: true,
      };
      return [[statement.body, suppresses ? { ...place, failure } : place]];
    }
    default:
      return childStatements(statement).map((block): [Statement[], Place] => [block, place]);
  }
}

/** What its handlers make of an exception; null: nothing that a reader could be sure of. */
function failureCaught(statement: Extract<Statement, { kind: 'try' }>): MigratorFailure | null {
  for (const { types, body } of statement.handlers) {
    const caught =
      types === null
        ? ['Exception']
        : (types.kind === 'tuple' ? types.items : [types]).map((type) => dotted(type) ?? '');
    if (!caught.some((name) => broad.test(name))) continue;
    const stamps = body.some((inner) => mentions(inner, 'stamp'));
    if (stamps) return { kind: 'stamped', how: 'the database is stamped instead', remedy: 'Let the exception through' };
    if (!body.every(isTalk)) return null;
    return {
      kind: 'ignored',
      how: body.every((inner) => inner.kind === 'pass') ? 'the exception is dropped' : 'the exception is only logged',
      remedy: 'Let the exception through (`raise` at the end of the handler)',
      isDeliberate: true,
    };
  }
  return null;
}

/** `pass`, a log line, a print: the function goes on as if nothing had been. */
function isTalk(statement: Statement): boolean {
  if (statement.kind === 'pass') return true;
  if (statement.kind !== 'expression') return false;
  if (statement.value.kind === 'constant') return true;
  const callee = statement.value.kind === 'call' ? dotted(statement.value.callee) : null;
  return (
    callee !== null &&
    /^(?:print|(?:\w+\.)*(?:log|logger|logging|app_logger|_logger|LOG|LOGGER|warnings|traceback|click|console|typer)(?:\.\w+)+)$/.test(
      callee,
    ) &&
    !/\.(?:exit|abort|fatal)$/i.test(callee)
  );
}

function mentions(statement: Statement, name: string): boolean {
  let isThere = false;
  for (const expression of ownExpressions(statement))
    walkExpression(expression, (inner) => {
      if (inner.kind === 'call' && /(?:^|\.)(\w+)$/.exec(dotted(inner.callee) ?? '')?.[1] === name) isThere = true;
    });
  return isThere || childStatements(statement).some((block) => block.some((inner) => mentions(inner, name)));
}

function isStartUpDecorator(expression: Expression): boolean {
  if (expression.kind !== 'call') return /(?:before_first_request|lifespan)$/.test(dotted(expression) ?? '');
  const callee = dotted(expression.callee) ?? '';
  const first = expression.args[0]?.value;
  return (
    /\.(?:on_event|listener|before_serving|on_startup)$/.test(callee) &&
    (first === undefined || wordsOf(first) !== 'shutdown')
  );
}

function isMainTest(test: Expression): boolean {
  return (
    test.kind === 'compare' &&
    [test.first, ...test.rest.map(({ right }) => right)].some(
      (part) => part.kind === 'name' && part.name === '__name__',
    )
  );
}

function lineOf(text: string, offset: number): string {
  const from = text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  return text
    .slice(from, end < 0 ? text.length : end)
    .trim()
    .slice(0, 160);
}
