/**
 * CREATE TABLE, every subcommand of ALTER TABLE, CREATE INDEX and CREATE VIEW as Operations.
 * Longer than most files here: one subcommand after the other, as PostgreSQL's manual has them.
 */
import type {
  AlterTableCmd,
  AlterTableStmt,
  CreateStmt,
  CreateTableAsStmt,
  IndexStmt,
  IntoClause,
  Node,
  RangeVar,
  TableLikeClause,
  ViewStmt,
} from 'libpg-query';
import { type QualifiedName, quoteIdentifier } from '../model/name.ts';
import type { ConstraintDefinition, TableDefinition, UnplacedOperation } from '../model/operation.ts';
import type { Catalogue } from './catalogue-query.ts';
import { columnOf, constraintOf, deferrability, indexOf, sequenceOptionsOf } from './columns.ts';
import { copiedTable, selectedColumns } from './derived-tables.ts';
import type { Statement } from './pg-parser.ts';
import { endOfElement, findWord, findWordOutside, indexAt, isMark, isWord, sliceOf, splitByComma } from './slices.ts';
import { as, firstLocation, relationOf, relationsIn, stringOf, stringsOf, typeOf } from './tree.ts';

export const opaque = (reason: string, ...objects: QualifiedName[]): UnplacedOperation => ({
  kind: 'opaque',
  reason,
  objects,
});
export const ignored = (what: string): UnplacedOperation => ({ kind: 'ignored', what });

function partitionBound(statement: Statement, from: number): string {
  const start = findWordOutside(statement, from, 'for', 'default');
  if (start < 0) return '';
  if (isWord(statement.tokens[start], 'default')) return 'DEFAULT';
  let last = start;
  for (let i = start; i < statement.tokens.length; i++) {
    if (isWord(statement.tokens[i], 'partition', 'using', 'with', 'tablespace', 'on')) {
      if (!isMark(statement.tokens[i + 1], '(') || isWord(statement.tokens[i], 'partition')) break;
    }
    if (isMark(statement.tokens[i], ')')) last = i;
    if (isMark(statement.tokens[i], ',') && i > last && last > start && !isInside(statement, start, i)) break;
  }
  return boundText(sliceOf(statement, start, last));
}

/** Keywords as `pg_get_expr(relpartbound)` prints them. */
function boundText(text: string): string {
  return text.replace(/'(?:[^']|'')*'|\b(?:for|values|from|to|in|with|minvalue|maxvalue)\b/gi, (part) =>
    part.startsWith("'") ? part : part.toUpperCase(),
  );
}

function isInside(statement: Statement, from: number, index: number): boolean {
  let depth = 0;
  for (let i = from; i < index; i++) {
    if (isMark(statement.tokens[i], '(')) depth++;
    else if (isMark(statement.tokens[i], ')')) depth--;
  }
  return depth > 0;
}

export function createTable(statement: Statement, create: CreateStmt, catalogue?: Catalogue): UnplacedOperation {
  const name = relationOf(create.relation);
  if (create.ofTypename) return opaque('the columns of CREATE TABLE OF hang on a type', name);
  const columns: TableDefinition['columns'] = [];
  const constraints: ConstraintDefinition[] = [];
  const indexes: TableDefinition['indexes'] = [];
  for (const element of create.tableElts ?? []) {
    const column = as(element, 'ColumnDef');
    const constraint = as(element, 'Constraint');
    if (column) columns.push(columnOf(statement, column));
    else if (constraint) {
      const stated = constraintOf(statement, constraint, null);
      if (stated) constraints.push(stated);
      else if (constraint.contype === 'CONSTR_NOTNULL') {
        const key = stringsOf(constraint.keys)[0];
        const target = columns.find((each) => each.name === key);
        if (target) target.notNull = true;
      }
    } else if (as(element, 'TableLikeClause')) {
      const clause = as(element, 'TableLikeClause') as TableLikeClause;
      const copied = copiedTable(clause, catalogue);
      if (copied === null)
        return opaque(
          `the columns of CREATE TABLE … (LIKE ${relationOf(clause.relation).name}) hang on that table`,
          name,
        );
      columns.push(...copied.columns);
      constraints.push(...copied.constraints);
      indexes.push(...copied.indexes);
    }
  }
  const table: TableDefinition = { name, columns, constraints, indexes };
  if (create.relation?.relpersistence === 't') table.temporary = true;
  if (create.relation?.relpersistence === 'u') table.unlogged = true;
  const parents = (create.inhRelations ?? []).map((parent) => relationOf(as(parent, 'RangeVar')));
  if (create.partbound) {
    const of = findWord(statement, findWord(statement, 0, 'partition'), 'of');
    table.partitionOf = { parent: parents[0] as QualifiedName, bound: partitionBound(statement, of) };
  } else if (parents.length > 0) table.inherits = parents;
  if (create.partspec) {
    const first = findWordOutside(statement, 0, 'partition');
    const by = lastPartitionBy(statement, first);
    const strategy = statement.tokens[by + 1];
    let open = by + 2;
    while (open < statement.tokens.length && !isMark(statement.tokens[open], '(')) open++;
    const inner = sliceOf(statement, open, endOfBracket(statement, open));
    table.partitionKey = `${(strategy?.text ?? '').toUpperCase()} ${inner}`;
  }
  const options = (create.options ?? []).flatMap((option) => {
    const element = as(option, 'DefElem');
    return element?.defname ? [`${element.defname}=${optionText(element.arg)}`] : [];
  });
  if (options.length > 0) table.options = options;
  return { kind: 'createTable', table, ...(create.if_not_exists ? { ifNotExists: true } : {}) };
}

function optionText(argument: Parameters<typeof stringOf>[0]): string {
  if (!argument) return 'true';
  const integer = as(argument, 'Integer');
  if (integer) return String(integer.ival ?? 0);
  return (
    as(argument, 'Float')?.fval ?? stringOf(argument) ?? stringsOf(as(argument, 'TypeName')?.names).at(-1) ?? 'true'
  );
}

function lastPartitionBy(statement: Statement, from: number): number {
  let found = from;
  for (let i = from; i >= 0; ) {
    if (isWord(statement.tokens[i + 1], 'by')) found = i + 1;
    i = findWordOutside(statement, i + 1, 'partition');
  }
  return found;
}

function endOfBracket(statement: Statement, open: number): number {
  let depth = 0;
  for (let i = open; i < statement.tokens.length; i++) {
    if (isMark(statement.tokens[i], '(')) depth++;
    else if (isMark(statement.tokens[i], ')') && --depth === 0) return i;
  }
  return statement.tokens.length - 1;
}

/** Expression of a subcommand: from the word before its first known position to the next comma. */
function expressionAfter(statement: Statement, word: string, tree: unknown, first: number): string {
  const location = firstLocation(tree);
  let index = location < 0 ? first : indexAt(statement, statement.offsetOf(location));
  while (index > first && !isWord(statement.tokens[index], word)) index--;
  if (!isWord(statement.tokens[index], word)) index = findWordOutside(statement, first, word);
  return sliceOf(statement, index + 1, endOfElement(statement, index + 1));
}

/** First and last token of each subcommand of ALTER TABLE, and of what stands before them. */
function commandsOf(statement: Statement, alter: AlterTableStmt): { head: string; ranges: [number, number][] } {
  const { tokens } = statement;
  let index = indexAt(statement, statement.offsetOf(alter.relation?.location));
  index++;
  while (isMark(tokens[index], '.')) index += 2;
  if (tokens[index]?.text === '*') index++;
  return { head: sliceOf(statement, 0, index - 1), ranges: splitByComma(statement, index, tokens.length - 1) };
}

export interface PlacedPart {
  operation: UnplacedOperation;
  /** Where not the whole statement. */
  sql?: string;
  ifTargetExists?: boolean;
}

export function alterTable(statement: Statement, alter: AlterTableStmt): PlacedPart[] {
  const table = relationOf(alter.relation);
  const commands = (alter.cmds ?? []).flatMap((node) => as(node, 'AlterTableCmd') ?? []);
  if (alter.objtype !== 'OBJECT_TABLE') {
    if (alter.objtype === 'OBJECT_TYPE')
      return [{ operation: opaque('ALTER TYPE of a composite type is not followed', table) }];
    return [
      {
        operation: ignored(
          `ALTER ${(alter.objtype ?? '').replace('OBJECT_', '').replace('MATVIEW', 'MATERIALIZED VIEW').replaceAll('_', ' ')}`,
        ),
      },
    ];
  }
  const { head, ranges } = commandsOf(statement, alter);
  const isWhole = commands.length === 1 || ranges.length !== commands.length;
  return commands.map((command, i) => {
    const [first, last] = ranges[i] ?? [0, statement.tokens.length - 1];
    return {
      operation: alterCommand(statement, table, command, first),
      ...(isWhole ? {} : { sql: `${head} ${sliceOf(statement, first, last)}` }),
      ...(alter.missing_ok ? { ifTargetExists: true } : {}),
    };
  });
}

function alterCommand(
  statement: Statement,
  table: QualifiedName,
  command: AlterTableCmd,
  first: number,
): UnplacedOperation {
  const column = command.name ?? '';
  const cascade = command.behavior === 'DROP_CASCADE' ? { cascade: true } : {};
  const ifExists = command.missing_ok ? { ifExists: true } : {};
  switch (command.subtype) {
    case 'AT_AddColumn': {
      const definition = as(command.def, 'ColumnDef');
      if (!definition) break;
      return {
        kind: 'addColumn',
        table,
        column: columnOf(statement, definition),
        ...(command.missing_ok ? { ifNotExists: true } : {}),
      };
    }
    case 'AT_DropColumn':
      return { kind: 'dropColumn', table, column, ...ifExists, ...cascade };
    case 'AT_ColumnDefault':
      return {
        kind: 'alterColumn',
        table,
        column,
        default: command.def ? expressionAfter(statement, 'default', command.def, first) : null,
      };
    case 'AT_DropNotNull':
      return { kind: 'alterColumn', table, column, notNull: false };
    case 'AT_SetNotNull':
      return { kind: 'alterColumn', table, column, notNull: true };
    case 'AT_DropExpression':
      return { kind: 'alterColumn', table, column, generated: null };
    case 'AT_AddIdentity':
      return {
        kind: 'alterColumn',
        table,
        column,
        identity: as(command.def, 'Constraint')?.generated_when === 'd' ? 'by default' : 'always',
        notNull: true,
      };
    case 'AT_SetIdentity': {
      const items = as(command.def, 'List')?.items ?? [];
      const options = items.flatMap((item) => as(item, 'DefElem') ?? []);
      const kind = options.find(({ defname }) => defname === 'generated');
      const sequence = sequenceOptionsOf(items);
      const hasOptions = Object.keys(sequence).length > 0;
      if (kind === undefined && !hasOptions) return ignored('ALTER TABLE');
      // The grammar gives the letter as its code: 'a' 97, 'd' 100.
      const identity = as(kind?.arg, 'Integer')?.ival === 100 ? 'by default' : 'always';
      return {
        kind: 'alterColumn',
        table,
        column,
        ...(kind === undefined ? {} : { identity, hasIdentity: true }),
        ...(hasOptions ? { sequence } : {}),
      };
    }
    case 'AT_DropIdentity':
      return { kind: 'alterColumn', table, column, identity: null };
    case 'AT_AlterColumnType': {
      const definition = as(command.def, 'ColumnDef');
      const reading = typeOf(definition?.typeName);
      const collation = definition?.collClause ? stringsOf(definition.collClause.collname).at(-1) : undefined;
      const using = definition?.raw_default ? expressionAfter(statement, 'using', definition.raw_default, first) : null;
      return {
        kind: 'alterColumn',
        table,
        column,
        type: reading.type,
        ...(reading.typeName ? { typeName: reading.typeName } : {}),
        using,
        ...(collation === undefined ? {} : { collation }),
      };
    }
    case 'AT_AddConstraint': {
      const definition = as(command.def, 'Constraint');
      if (!definition) break;
      if (definition.contype === 'CONSTR_NOTNULL') {
        return { kind: 'alterColumn', table, column: stringsOf(definition.keys)[0] ?? '', notNull: true };
      }
      const constraint = constraintOf(statement, definition, null);
      if (!constraint) break;
      return { kind: 'addConstraint', table, constraint };
    }
    case 'AT_DropConstraint':
      return { kind: 'dropConstraint', table, constraint: column, nameIsFinal: true, ...ifExists, ...cascade };
    case 'AT_ValidateConstraint':
      return { kind: 'validateConstraint', table, constraint: column };
    case 'AT_ChangeOwner':
      return { kind: 'alterTableOption', table, option: 'owner', value: command.newowner?.rolename ?? '' };
    case 'AT_SetLogged':
    case 'AT_SetUnLogged':
      return {
        kind: 'alterTableOption',
        table,
        option: 'persistence',
        value: command.subtype === 'AT_SetLogged' ? 'p' : 'u',
      };
    case 'AT_EnableRowSecurity':
    case 'AT_DisableRowSecurity':
      return {
        kind: 'alterTableOption',
        table,
        option: 'rowSecurity',
        value: command.subtype === 'AT_EnableRowSecurity',
      };
    case 'AT_ForceRowSecurity':
    case 'AT_NoForceRowSecurity':
      return {
        kind: 'alterTableOption',
        table,
        option: 'forceRowSecurity',
        value: command.subtype === 'AT_ForceRowSecurity',
      };
    case 'AT_AttachPartition': {
      const partition = as(command.def, 'PartitionCmd');
      return {
        kind: 'attachPartition',
        table,
        partition: relationOf(partition?.name),
        bound: partitionBound(statement, first),
      };
    }
    case 'AT_DetachPartition':
    case 'AT_DetachPartitionFinalize':
      return { kind: 'detachPartition', table, partition: relationOf(as(command.def, 'PartitionCmd')?.name) };
    case 'AT_SetExpression':
      return opaque(`the expression of ${table.name}.${column} is set anew`, table);
    case 'AT_AlterConstraint': {
      const change = as(command.def, 'ATAlterConstraint');
      if (!change?.alterDeferrability || change.alterEnforceability || change.alterInheritability)
        return opaque('ALTER CONSTRAINT is followed for DEFERRABLE alone', table);
      return { kind: 'alterConstraint', table, constraint: change.conname ?? '', deferrable: deferrability(change) };
    }
    case 'AT_EnableTrig':
    case 'AT_EnableAlwaysTrig':
      return { kind: 'enableTrigger', table, trigger: column, fires: true };
    case 'AT_DisableTrig':
    case 'AT_EnableReplicaTrig':
      return { kind: 'enableTrigger', table, trigger: column, fires: false };
    case 'AT_EnableTrigAll':
    case 'AT_EnableTrigUser':
      return { kind: 'enableTrigger', table, trigger: null, fires: true };
    case 'AT_DisableTrigAll':
    case 'AT_DisableTrigUser':
      return { kind: 'enableTrigger', table, trigger: null, fires: false };
    case 'AT_AddInherit':
    case 'AT_DropInherit':
      return {
        kind: 'inherit',
        table,
        parent: relationOf(as(command.def, 'RangeVar')),
        isEnded: command.subtype === 'AT_DropInherit',
      };
    default:
      return ignored('ALTER TABLE');
  }
  return opaque('this subcommand of ALTER TABLE could not be read', table);
}

export function createIndex(statement: Statement, index: IndexStmt): UnplacedOperation {
  return {
    kind: 'createIndex',
    table: relationOf(index.relation),
    index: indexOf(statement, index),
    ...(index.if_not_exists ? { ifNotExists: true } : {}),
  };
}

/** The SELECT of a view: after AS, without the clauses behind it. */
function queryText(statement: Statement): string {
  const { tokens } = statement;
  const first = findWordOutside(statement, 0, 'as') + 1;
  let last = tokens.length - 1;
  if (isWord(tokens[last], 'option') && isWord(tokens[last - 1], 'check')) {
    last -= isWord(tokens[last - 2], 'local', 'cascaded') ? 4 : 3;
  } else if (isWord(tokens[last], 'data') && isWord(tokens[last - 1], 'with', 'no')) {
    last -= isWord(tokens[last - 1], 'no') ? 3 : 2;
  }
  return sliceOf(statement, first, last);
}

export function createView(statement: Statement, view: ViewStmt): UnplacedOperation {
  const columns = stringsOf(view.aliases);
  const name = relationOf(view.view);
  const head = statement.tokens.slice(0, findWordOutside(statement, 0, 'view'));
  const isRecursive = head.some((token) => isWord(token, 'recursive'));
  return {
    kind: 'createView',
    name,
    materialized: false,
    orReplace: view.replace === true,
    query: isRecursive ? recursiveQuery(name.name, columns, queryText(statement)) : queryText(statement),
    ...(columns.length > 0 && !isRecursive ? { columns } : {}),
    reads: relationsIn(view.query),
  };
}

/** What CREATE RECURSIVE VIEW is short for (manual, CREATE VIEW). */
function recursiveQuery(name: string, columns: readonly string[], query: string): string {
  const [view, list] = [quoteIdentifier(name), columns.map(quoteIdentifier).join(', ')];
  return `WITH RECURSIVE ${view} (${list}) AS (${query}) SELECT ${list} FROM ${view}`;
}

export function createTableAs(
  statement: Statement,
  create: CreateTableAsStmt,
  catalogue?: Catalogue,
): UnplacedOperation {
  const relation: RangeVar | undefined = create.into?.rel;
  const name = relationOf(relation);
  if (create.objtype === 'OBJECT_MATVIEW') {
    const columns = stringsOf(create.into?.colNames);
    return {
      kind: 'createView',
      name,
      materialized: true,
      orReplace: false,
      query: queryText(statement),
      ...(columns.length > 0 ? { columns } : {}),
      reads: relationsIn(create.query),
      ...(create.if_not_exists ? { ifNotExists: true } : {}),
    };
  }
  if (relation?.relpersistence === 't') {
    return { kind: 'createTable', table: { name, columns: [], constraints: [], indexes: [], temporary: true } };
  }
  return tableOfQuery(create.into, create.query, catalogue, create.if_not_exists === true);
}

/** The table of `CREATE TABLE … AS` and of `SELECT … INTO`. */
export function tableOfQuery(
  into: IntoClause | undefined,
  query: Node | undefined,
  catalogue: Catalogue | undefined,
  ifNotExists = false,
): UnplacedOperation {
  const name = relationOf(into?.rel);
  const columns = selectedColumns(query, stringsOf(into?.colNames), catalogue);
  if (columns === null) return opaque('the columns of CREATE TABLE AS hang on its query', name);
  const table: TableDefinition = { name, columns, constraints: [], indexes: [] };
  if (into?.rel?.relpersistence === 'u') table.unlogged = true;
  return { kind: 'createTable', table, ...(ifNotExists ? { ifNotExists } : {}) };
}
