/**
 * One parsed statement → what it does to the schema; of text that PostgreSQL refuses, the objects it names.
 */
import type { QualifiedName } from '../model/name.ts';
import type { UnplacedOperation } from '../model/operation.ts';
import type { Catalogue } from './catalogue-query.ts';
import { tokensOf } from './lexer.ts';
import {
  alterDomain,
  alterEnum,
  alterSequence,
  comment,
  createDomain,
  createEnum,
  createSequence,
  drop,
  rename,
  setNamespace,
  setVariable,
} from './objects.ts';
import type { Statement } from './pg-parser.ts';
import { alterPolicy, alterRoutine, createAggregate, createFunction, createPolicy, createTrigger } from './routines.ts';
import { touchRows } from './rows.ts';
import { isWord, sliceOf, splitByComma } from './slices.ts';
import {
  alterTable,
  createIndex,
  createTable,
  createTableAs,
  createView,
  ignored,
  opaque,
  type PlacedPart,
  tableOfQuery,
} from './tables.ts';
import { as, kindOf, qualifiedOf, relationOf, stringOf, stringsOf, typeOf } from './tree.ts';

/** Tags of statements that change no Schema; of any other the first words of the text are taken. */
const tagByKind: Record<string, string> = {
  GrantStmt: 'GRANT',
  GrantRoleStmt: 'GRANT ROLE',
  AlterDefaultPrivilegesStmt: 'ALTER DEFAULT PRIVILEGES',
  AlterOwnerStmt: 'ALTER OWNER',
  CreateStatsStmt: 'CREATE STATISTICS',
  AlterStatsStmt: 'ALTER STATISTICS',
  VacuumStmt: 'VACUUM',
  ReindexStmt: 'REINDEX',
  ClusterStmt: 'CLUSTER',
  LockStmt: 'LOCK TABLE',
  RefreshMatViewStmt: 'REFRESH MATERIALIZED VIEW',
  CreateRoleStmt: 'CREATE ROLE',
  AlterRoleStmt: 'ALTER ROLE',
  DropRoleStmt: 'DROP ROLE',
  CreateRangeStmt: 'CREATE TYPE',
  RuleStmt: 'CREATE RULE',
  CreateEventTrigStmt: 'CREATE EVENT TRIGGER',
  SecLabelStmt: 'SECURITY LABEL',
  NotifyStmt: 'NOTIFY',
  CreateForeignTableStmt: 'CREATE FOREIGN TABLE',
  CreateCastStmt: 'CREATE CAST',
  CheckPointStmt: 'CHECKPOINT',
  DiscardStmt: 'DISCARD',
  VariableShowStmt: 'SHOW',
};

/** Refused by PostgreSQL inside a transaction block. */
export function needsNoTransaction(statement: Statement): boolean {
  const { node } = statement;
  if (as(node, 'IndexStmt')?.concurrent || as(node, 'DropStmt')?.concurrent) return true;
  if (as(node, 'VacuumStmt')) return as(node, 'VacuumStmt')?.is_vacuumcmd === true;
  if (
    as(node, 'CreatedbStmt') ||
    as(node, 'DropdbStmt') ||
    as(node, 'AlterSystemStmt') ||
    as(node, 'CreateTableSpaceStmt') ||
    as(node, 'DropTableSpaceStmt')
  )
    return true;
  const reindex = as(node, 'ReindexStmt');
  if (reindex) return (reindex.params ?? []).some((each) => as(each, 'DefElem')?.defname === 'concurrently');
  const commands = as(node, 'AlterTableStmt')?.cmds ?? [];
  return commands.some(
    (each) =>
      as(
        as(as(each, 'AlterTableCmd')?.def, 'PartitionCmd') ? as(each, 'AlterTableCmd')?.def : undefined,
        'PartitionCmd',
      )?.concurrent === true,
  );
}

function single(operation: UnplacedOperation): PlacedPart[] {
  return [{ operation }];
}

/** What one parsed statement does. */
export function readStatement(statement: Statement, catalogue?: Catalogue): PlacedPart[] {
  const { node } = statement;
  const create = as(node, 'CreateStmt');
  if (create) return single(createTable(statement, create, catalogue));
  const alter = as(node, 'AlterTableStmt');
  if (alter) return alterTable(statement, alter);
  const index = as(node, 'IndexStmt');
  if (index) return single(createIndex(statement, index));
  const view = as(node, 'ViewStmt');
  if (view) return single(createView(statement, view));
  const selectInto = as(node, 'SelectStmt');
  if (selectInto?.intoClause && selectInto.intoClause.rel?.relpersistence !== 't')
    return single(tableOfQuery(selectInto.intoClause, node, catalogue));
  const createAs = as(node, 'CreateTableAsStmt');
  if (createAs) return single(createTableAs(statement, createAs, catalogue));
  const enumeration = as(node, 'CreateEnumStmt');
  if (enumeration) return single(createEnum(enumeration));
  const enumChange = as(node, 'AlterEnumStmt');
  if (enumChange) return single(alterEnum(enumChange));
  const domain = as(node, 'CreateDomainStmt');
  if (domain) return single(createDomain(statement, domain));
  const domainChange = as(node, 'AlterDomainStmt');
  if (domainChange) return single(alterDomain(statement, domainChange));
  const composite = as(node, 'CompositeTypeStmt');
  if (composite) {
    const attributes = (composite.coldeflist ?? []).flatMap((each) => {
      const column = as(each, 'ColumnDef');
      return column ? [{ name: column.colname ?? '', type: typeOf(column.typeName).type ?? '' }] : [];
    });
    return single({ kind: 'createComposite', name: relationOf(composite.typevar), attributes });
  }
  const sequence = as(node, 'CreateSeqStmt');
  if (sequence) return single(createSequence(sequence));
  const sequenceChange = as(node, 'AlterSeqStmt');
  if (sequenceChange) return single(alterSequence(sequenceChange));
  const routine = as(node, 'CreateFunctionStmt');
  if (routine) return single(createFunction(statement, routine));
  const routineChange = as(node, 'AlterFunctionStmt');
  if (routineChange) {
    return single(alterRoutine(statement, routineChange));
  }
  const define = as(node, 'DefineStmt');
  if (define)
    return single(
      define.kind === 'OBJECT_AGGREGATE' ? createAggregate(statement, define) : ignored(firstWords(statement)),
    );
  const trigger = as(node, 'CreateTrigStmt');
  if (trigger) return single(createTrigger(statement, trigger));
  const policy = as(node, 'CreatePolicyStmt');
  if (policy) return single(createPolicy(statement, policy));
  const policyChange = as(node, 'AlterPolicyStmt');
  if (policyChange) return single(alterPolicy(statement, policyChange));
  const extension = as(node, 'CreateExtensionStmt');
  if (extension) {
    const schema = (extension.options ?? [])
      .map((each) => as(each, 'DefElem'))
      .find((each) => each?.defname === 'schema');
    return single({
      kind: 'createExtension',
      name: extension.extname ?? '',
      schema: stringOf(schema?.arg),
      ...(extension.if_not_exists ? { ifNotExists: true } : {}),
    });
  }
  const namespace = as(node, 'CreateSchemaStmt');
  if (namespace) {
    const made: UnplacedOperation = {
      kind: 'createNamespace',
      name: namespace.schemaname ?? namespace.authrole?.rolename ?? '',
      ...(namespace.if_not_exists ? { ifNotExists: true } : {}),
    };
    const within = (namespace.schemaElts ?? []).length > 0;
    return [
      { operation: made },
      ...(within ? [{ operation: opaque('objects made inside CREATE SCHEMA are not followed') }] : []),
    ];
  }
  const dropped = as(node, 'DropStmt');
  if (dropped) return dropParts(statement, drop(dropped));
  const renamed = as(node, 'RenameStmt');
  if (renamed) return single(rename(renamed, statement.source.slice(statement.from, statement.to)));
  const moved = as(node, 'AlterObjectSchemaStmt');
  if (moved) return [{ operation: setNamespace(moved), ...(moved.missing_ok ? { ifTargetExists: true } : {}) }];
  const commented = as(node, 'CommentStmt');
  if (commented) return single(comment(commented));
  const set = as(node, 'VariableSetStmt');
  if (set) return single(setVariable(set));
  const call = as(node, 'CallStmt');
  if (call)
    return single(opaque(`what the procedure ${stringsOf(call.funccall?.funcname).join('.')} does is not known`));
  const rows = touchRows(node);
  if (rows) return single(rows);
  const transaction = as(node, 'TransactionStmt');
  if (transaction) return single(ignored((transaction.kind ?? '').replace('TRANS_STMT_', '').replaceAll('_', ' ')));
  return single(ignored(tagByKind[kindOf(node)] ?? firstWords(statement)));
}

function firstWords(statement: Statement): string {
  const words: string[] = [];
  for (const token of statement.tokens) {
    if (token.kind !== 'word' || words.length === 2) break;
    words.push(token.text.toUpperCase());
  }
  return words.join(' ');
}

/** Names that stand behind the words which name an object, in text that PostgreSQL refuses. */
export function objectsIn(text: string): QualifiedName[] {
  const tokens = tokensOf(text);
  const leads = new Set([
    'table',
    'index',
    'view',
    'type',
    'sequence',
    'on',
    'into',
    'from',
    'join',
    'update',
    'references',
    'trigger',
    'function',
    'domain',
  ]);
  const fillers = new Set(['if', 'not', 'exists', 'only', 'concurrently']);
  const names: QualifiedName[] = [];
  tokens.forEach((token, i) => {
    if (token.kind !== 'word' || !leads.has(token.text)) return;
    let at = i + 1;
    while (tokens[at]?.kind === 'word' && fillers.has(tokens[at]?.text as string)) at++;
    const parts: string[] = [];
    while (tokens[at]?.kind === 'word' || tokens[at]?.kind === 'quoted') {
      parts.push(tokens[at]?.text as string);
      if (tokens[at + 1]?.text !== '.') break;
      at += 2;
    }
    if (parts.length === 0) return;
    const name = qualifiedOf(parts);
    if (!names.some((other) => other.schema === name.schema && other.name === name.name)) names.push(name);
  });
  return names;
}

/** `DROP TABLE a, b CASCADE` is one statement for each. */
function dropParts(statement: Statement, operations: UnplacedOperation[]): PlacedPart[] {
  if (operations.length < 2) return operations.map((operation) => ({ operation }));
  const { tokens } = statement;
  const fillers = [
    'drop',
    'table',
    'view',
    'materialized',
    'index',
    'sequence',
    'type',
    'domain',
    'schema',
    'extension',
    'function',
    'procedure',
    'routine',
    'aggregate',
    'foreign',
    'statistics',
    'collation',
    'concurrently',
  ];
  let first = 0;
  while (isWord(tokens[first], ...fillers)) first++;
  if (isWord(tokens[first], 'if') && isWord(tokens[first + 1], 'exists')) first += 2;
  const hasTail = isWord(tokens.at(-1), 'cascade', 'restrict');
  const ranges = splitByComma(statement, first, tokens.length - (hasTail ? 2 : 1));
  if (ranges.length !== operations.length) return operations.map((operation) => ({ operation }));
  const head = sliceOf(statement, 0, first - 1);
  const tail = hasTail ? ` ${tokens.at(-1)?.text.toUpperCase()}` : '';
  return operations.map((operation, i) => ({
    operation,
    sql: `${head} ${sliceOf(statement, ...(ranges[i] as [number, number]))}${tail}`,
  }));
}
