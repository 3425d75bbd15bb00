/**
 * Operation → SQL: the statements that carry out one declared act, as PostgreSQL's manual spells them.
 * Owns the text of ALTER TABLE and its kin; refuses to know what stands in a database.
 * Longer than most files here: one statement a kind of operation, one after the other.
 */
import {
  collationSql,
  columnList,
  isFunctionCall,
  isOneParenthesis,
  parenthesised,
  unreadableType,
} from './definition.ts';
import { type QualifiedName, quoteIdentifier, quoteLiteral, quoteQualified } from './name.ts';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  IndexDefinition,
  Operation,
  SchemaOperation,
  SequenceOptions,
  TableDefinition,
} from './operation.ts';
import type { Policy } from './schema.ts';
import { withoutPasswords } from './secrets.ts';

const q = quoteIdentifier;
const qn = quoteQualified;

/** Longer ones are cut in a report. */
const shownCharacters = 160;

/** For people: the first statement of the operation, as the file has it or as we would write it, in one line. */
export function statementOf(operation: Operation): string {
  const stated = 'sql' in operation ? operation.sql : undefined;
  const isSchemaOperation = !['touchRows', 'ignored', 'opaque'].includes(operation.kind);
  const text = stated ?? (isSchemaOperation ? renderOperation(operation as SchemaOperation)[0] : undefined);
  const line = withoutPasswords(text ?? operation.kind)
    .replace(/\s+/g, ' ')
    .trim();
  return line.length > shownCharacters ? `${line.slice(0, shownCharacters - 1)}…` : line;
}

/** The statements that carry the operation out, in order, without a semicolon at the end. */
export function renderOperation(operation: SchemaOperation): string[] {
  switch (operation.kind) {
    case 'createTable':
      return renderCreateTable(operation.table, operation.ifNotExists ?? false);
    case 'dropTable':
      return [`DROP TABLE ${ifExists(operation)}${qn(operation.table)}${cascade(operation)}`];
    case 'renameTable':
      return [`ALTER TABLE ${ifExists(operation)}${qn(operation.table)} RENAME TO ${q(operation.to)}`];
    case 'renameNamespace':
      return [`ALTER SCHEMA ${q(operation.name)} RENAME TO ${q(operation.to)}`];
    case 'setTableNamespace':
      return [`ALTER TABLE ${qn(operation.table)} SET SCHEMA ${q(operation.to)}`];
    case 'commentOnTable':
      return [`COMMENT ON TABLE ${qn(operation.table)} IS ${literalOrNull(operation.comment)}`];
    case 'alterTableOption':
      return [`ALTER TABLE ${qn(operation.table)} ${tableOption(operation.option, operation.value)}`];
    case 'attachPartition':
      return [`ALTER TABLE ${qn(operation.table)} ATTACH PARTITION ${qn(operation.partition)} ${operation.bound}`];
    case 'detachPartition':
      return [`ALTER TABLE ${qn(operation.table)} DETACH PARTITION ${qn(operation.partition)}`];
    case 'inherit':
      return [
        `ALTER TABLE ${qn(operation.table)} ${operation.isEnded ? 'NO INHERIT' : 'INHERIT'} ${qn(operation.parent)}`,
      ];
    case 'addColumn':
      return [
        `ALTER TABLE ${qn(operation.table)} ADD COLUMN ${ifNotExists(operation)}${columnDefinitionSql(operation.column)}`,
        ...columnExtras(operation.table, operation.column),
      ];
    case 'dropColumn':
      return [
        `ALTER TABLE ${qn(operation.table)} DROP COLUMN ${ifExists(operation)}${q(operation.column)}${cascade(operation)}`,
      ];
    case 'renameColumn':
      return [`ALTER TABLE ${qn(operation.table)} RENAME COLUMN ${q(operation.column)} TO ${q(operation.to)}`];
    case 'alterColumn':
      return renderAlterColumn(operation);
    case 'addConstraint':
      return [`ALTER TABLE ${qn(operation.table)} ADD ${constraintDefinitionSql(operation.constraint)}`];
    case 'dropConstraint':
      return operation.constraint === null
        ? []
        : [
            `ALTER TABLE ${qn(operation.table)} DROP CONSTRAINT ${ifExists(operation)}${q(operation.constraint)}${cascade(operation)}`,
          ];
    case 'renameConstraint':
      return [`ALTER TABLE ${qn(operation.table)} RENAME CONSTRAINT ${q(operation.constraint)} TO ${q(operation.to)}`];
    case 'validateConstraint':
      return [`ALTER TABLE ${qn(operation.table)} VALIDATE CONSTRAINT ${q(operation.constraint)}`];
    case 'alterConstraint':
      return [
        `ALTER TABLE ${qn(operation.table)} ALTER CONSTRAINT ${q(operation.constraint)} ` +
          (operation.deferrable === null ? 'NOT DEFERRABLE' : `DEFERRABLE ${operation.deferrable.toUpperCase()}`),
      ];
    case 'createIndex':
      return [renderCreateIndex(operation.table, operation.index, operation.ifNotExists ?? false)];
    case 'dropIndex':
      return [
        `DROP INDEX ${operation.concurrently ? 'CONCURRENTLY ' : ''}${ifExists(operation)}` +
          `${qn({ schema: operation.index.schema ?? operation.table?.schema ?? null, name: operation.index.name })}${cascade(operation)}`,
      ];
    case 'renameIndex':
      return [`ALTER INDEX ${ifExists(operation)}${qn(operation.index)} RENAME TO ${q(operation.to)}`];
    case 'createEnum':
      return [`CREATE TYPE ${qn(operation.name)} AS ENUM (${operation.labels.map(quoteLiteral).join(', ')})`];
    case 'addEnumValue':
      return [
        `ALTER TYPE ${qn(operation.name)} ADD VALUE ${ifNotExists(operation)}${quoteLiteral(operation.label)}` +
          (operation.before !== undefined ? ` BEFORE ${quoteLiteral(operation.before)}` : '') +
          (operation.after !== undefined ? ` AFTER ${quoteLiteral(operation.after)}` : ''),
      ];
    case 'renameEnumValue':
      return [
        `ALTER TYPE ${qn(operation.name)} RENAME VALUE ${quoteLiteral(operation.label)} TO ${quoteLiteral(operation.to)}`,
      ];
    case 'dropType':
      return [`DROP TYPE ${ifExists(operation)}${qn(operation.name)}${cascade(operation)}`];
    case 'renameType':
      return [`ALTER TYPE ${qn(operation.name)} RENAME TO ${q(operation.to)}`];
    case 'setTypeNamespace':
      return [`ALTER TYPE ${qn(operation.name)} SET SCHEMA ${q(operation.to)}`];
    case 'createDomain':
      return [
        [
          `CREATE DOMAIN ${qn(operation.name)} AS ${operation.base}`,
          operation.default === null ? '' : `DEFAULT ${operation.default}`,
          operation.notNull ? 'NOT NULL' : '',
          ...operation.checks.filter((check) => !isNotValid(check)).map(domainCheck),
        ]
          .filter((part) => part !== '')
          .join(' '),
        // CREATE DOMAIN knows no such checks.
        ...operation.checks
          .filter(isNotValid)
          .map((check) => `ALTER DOMAIN ${qn(operation.name)} ADD ${domainCheck(check)}`),
      ];
    case 'alterDomain':
      return [withoutSemicolon(operation.statement)];
    case 'createComposite':
      return [
        `CREATE TYPE ${qn(operation.name)} AS (${operation.attributes.map((a) => `${q(a.name)} ${a.type}`).join(', ')})`,
      ];
    case 'createSequence':
      return [
        `CREATE SEQUENCE ${ifNotExists(operation)}${qn(operation.name)}` +
          sequenceOptions(operation)
            .map((option) => ` ${option}`)
            .join('') +
          (operation.ownedBy ? ` OWNED BY ${qn(operation.ownedBy.table)}.${q(operation.ownedBy.column)}` : ''),
      ];
    case 'alterSequence': {
      const options = sequenceOptions(operation);
      return [
        ...(options.length === 0 ? [] : [`ALTER SEQUENCE ${qn(operation.name)} ${options.join(' ')}`]),
        ...(operation.ownedBy === undefined
          ? []
          : [
              `ALTER SEQUENCE ${qn(operation.name)} OWNED BY ` +
                (operation.ownedBy === null ? 'NONE' : `${qn(operation.ownedBy.table)}.${q(operation.ownedBy.column)}`),
            ]),
        ...(operation.to === undefined ? [] : [`ALTER SEQUENCE ${qn(operation.name)} RENAME TO ${q(operation.to)}`]),
      ];
    }
    case 'dropSequence':
      return [`DROP SEQUENCE ${ifExists(operation)}${qn(operation.name)}${cascade(operation)}`];
    case 'createView':
      return [
        `CREATE ${operation.orReplace ? 'OR REPLACE ' : ''}${operation.materialized ? 'MATERIALIZED ' : ''}VIEW ` +
          `${ifNotExists(operation)}${qn(operation.name)}${operation.columns?.length ? ` (${columnList(operation.columns)})` : ''} AS ${withoutSemicolon(operation.query)}`,
      ];
    case 'dropView':
      return [
        `DROP ${operation.materialized ? 'MATERIALIZED ' : ''}VIEW ${ifExists(operation)}${qn(operation.name)}${cascade(operation)}`,
      ];
    case 'renameView':
      return [`ALTER VIEW ${qn(operation.name)} RENAME TO ${q(operation.to)}`];
    case 'createRoutine':
      return [withoutSemicolon(operation.definition)];
    case 'alterRoutine':
      return [withoutSemicolon(operation.statement)];
    case 'dropRoutine':
      return [
        `DROP ROUTINE ${ifExists(operation)}${qn(operation.name)}` +
          `${operation.identityArguments === null ? '' : `(${operation.identityArguments})`}${cascade(operation)}`,
      ];
    case 'createTrigger':
      return [withoutSemicolon(operation.definition)];
    case 'renameTrigger':
      return [`ALTER TRIGGER ${q(operation.name)} ON ${qn(operation.table)} RENAME TO ${q(operation.to)}`];
    case 'dropTrigger':
      return [`DROP TRIGGER ${ifExists(operation)}${q(operation.name)} ON ${qn(operation.table)}${cascade(operation)}`];
    case 'enableTrigger':
      return [
        `ALTER TABLE ${qn(operation.table)} ${operation.fires ? 'ENABLE' : 'DISABLE'} TRIGGER ${operation.trigger === null ? 'ALL' : q(operation.trigger)}`,
      ];
    case 'alterPolicy':
      if (operation.to !== undefined)
        return [`ALTER POLICY ${q(operation.name)} ON ${qn(operation.table)} RENAME TO ${q(operation.to)}`];
      return [
        `ALTER POLICY ${q(operation.name)} ON ${qn(operation.table)}` +
          (operation.using === undefined ? '' : ` USING ${parenthesised(operation.using)}`) +
          (operation.check === undefined ? '' : ` WITH CHECK ${parenthesised(operation.check)}`),
      ];
    case 'createPolicy':
      return [policySql(qn(operation.table), operation)];
    case 'dropPolicy':
      return [`DROP POLICY ${ifExists(operation)}${q(operation.name)} ON ${qn(operation.table)}${cascade(operation)}`];
    case 'createExtension':
      return [
        `CREATE EXTENSION ${ifNotExists(operation)}${q(operation.name)}${operation.schema === null ? '' : ` SCHEMA ${q(operation.schema)}`}`,
      ];
    case 'dropExtension':
      return [`DROP EXTENSION ${ifExists(operation)}${q(operation.name)}${cascade(operation)}`];
    case 'createNamespace':
      return [`CREATE SCHEMA ${ifNotExists(operation)}${q(operation.name)}`];
    case 'dropNamespace':
      return [`DROP SCHEMA ${ifExists(operation)}${q(operation.name)}${cascade(operation)}`];
    case 'setSearchPath':
      return [`SET ${operation.local ? 'LOCAL ' : ''}search_path TO ${operation.schemas.map(q).join(', ') || "''"}`];
  }
}

const ifExists = (guard: { ifExists?: boolean }) => (guard.ifExists ? 'IF EXISTS ' : '');
const ifNotExists = (guard: { ifNotExists?: boolean }) => (guard.ifNotExists ? 'IF NOT EXISTS ' : '');
const cascade = (guard: { cascade?: boolean }) => (guard.cascade ? ' CASCADE' : '');
const literalOrNull = (text: string | null) => (text === null ? 'NULL' : quoteLiteral(text));

export function withoutSemicolon(sql: string): string {
  return sql.trim().replace(/;\s*$/, '');
}

/** A domain's check: a bare condition, or the text from CHECK (or CONSTRAINT) on. */
export function domainCheck(check: string): string {
  return /^(check|constraint)\b/i.test(check.trim()) ? check : `CHECK ${parenthesised(check)}`;
}

/** A domain's check that was never asked of the rows there are. */
export function isNotValid(check: string): boolean {
  return /\)\s*NOT VALID$/i.test(check);
}

function tableOption(option: string, value: boolean | string): string {
  switch (option) {
    case 'rowSecurity':
      return `${value ? 'ENABLE' : 'DISABLE'} ROW LEVEL SECURITY`;
    case 'forceRowSecurity':
      return `${value ? 'FORCE' : 'NO FORCE'} ROW LEVEL SECURITY`;
    case 'persistence':
      return value === 'u' ? 'SET UNLOGGED' : 'SET LOGGED';
    default:
      return `OWNER TO ${q(String(value))}`;
  }
}

const commandByLetter: Record<string, string> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE', '*': 'ALL' };

function identityOptions({ sequence }: ColumnDefinition): string {
  // An identity's own sequence takes the column's type.
  const { type: _, ...options } = sequence ?? {};
  const texts = sequenceOptions(options);
  return texts.length === 0 ? '' : ` (${texts.join(' ')})`;
}

function sequenceOptions({ type, increment, minValue, maxValue, start, cycle }: SequenceOptions): string[] {
  return [
    ...(type === undefined ? [] : [`AS ${type}`]),
    ...(increment === undefined ? [] : [`INCREMENT BY ${increment}`]),
    ...(minValue === undefined ? [] : [`MINVALUE ${minValue}`]),
    ...(maxValue === undefined ? [] : [`MAXVALUE ${maxValue}`]),
    ...(start === undefined ? [] : [`START WITH ${start}`]),
    ...(cycle === undefined ? [] : [cycle ? 'CYCLE' : 'NO CYCLE']),
  ];
}

export function policySql(
  table: string,
  policy: Pick<Policy, 'name' | 'command' | 'using' | 'check' | 'permissive' | 'roles'>,
): string {
  return (
    `CREATE POLICY ${q(policy.name)} ON ${table}${policy.permissive === false ? ' AS RESTRICTIVE' : ''}` +
    ` FOR ${commandByLetter[policy.command] ?? 'ALL'}` +
    (policy.roles?.length ? ` TO ${policy.roles.join(', ')}` : '') +
    (policy.using === null ? '' : ` USING ${parenthesised(policy.using)}`) +
    (policy.check === null ? '' : ` WITH CHECK ${parenthesised(policy.check)}`)
  );
}

function renderCreateTable(table: TableDefinition, guarded: boolean): string[] {
  // A partition takes its columns from its parent, and may not state their types.
  const body = [
    ...(table.partitionOf === undefined ? table.columns.map(columnDefinitionSql) : []),
    ...table.constraints.filter((constraint) => constraint.usingIndex === undefined).map(constraintDefinitionSql),
  ];
  const head = `CREATE ${table.temporary ? 'TEMPORARY ' : table.unlogged ? 'UNLOGGED ' : ''}TABLE ${guarded ? 'IF NOT EXISTS ' : ''}${qn(table.name)}`;
  const tail =
    (table.inherits?.length ? ` INHERITS (${table.inherits.map(qn).join(', ')})` : '') +
    (table.partitionKey ? ` PARTITION BY ${table.partitionKey}` : '') +
    (table.options?.length ? ` WITH (${table.options.join(', ')})` : '');
  const create =
    table.partitionOf === undefined
      ? `${head} (${body.length === 0 ? '' : `\n    ${body.join(',\n    ')}\n`})${tail}`
      : `${head} PARTITION OF ${qn(table.partitionOf.parent)}${body.length === 0 ? '' : ` (${body.join(', ')})`} ${table.partitionOf.bound}${tail}`;
  return [
    create,
    ...table.columns.flatMap((column) => columnExtras(table.name, column)),
    ...table.indexes.map((index) => renderCreateIndex(table.name, index, false)),
    ...(table.comment ? [`COMMENT ON TABLE ${qn(table.name)} IS ${quoteLiteral(table.comment)}`] : []),
  ];
}

/** What a column needs beside its definition: the index of `index=True`, its comment. */
function columnExtras(table: QualifiedName, column: ColumnDefinition): string[] {
  return [
    ...(column.index
      ? [
          renderCreateIndex(
            table,
            {
              name: null,
              unique: isUniqueByIndex(column),
              method: 'btree',
              keys: [{ text: column.name, isExpression: false }],
            },
            false,
          ),
        ]
      : []),
    ...(column.comment ? [`COMMENT ON COLUMN ${qn(table)}.${q(column.name)} IS ${quoteLiteral(column.comment)}`] : []),
  ];
}

/** SQLAlchemy: `index=True, unique=True` makes one unique index and no constraint. */
export function isUniqueByIndex(column: ColumnDefinition): boolean {
  return (
    column.index === true &&
    (column.constraints ?? []).some((constraint) => constraint.type === 'u' && constraint.name === null)
  );
}

function renderCreateIndex(table: QualifiedName, index: IndexDefinition, guarded: boolean): string {
  const keys = index.keys.map(
    (key) =>
      (key.isExpression
        ? isFunctionCall(key.text) || isOneParenthesis(key.text)
          ? key.text
          : `(${key.text})`
        : q(key.text)) +
      (key.collation ? ` COLLATE ${collationSql(key.collation)}` : '') +
      (key.operatorClass ? ` ${key.operatorClass}` : '') +
      (key.descending ? ' DESC' : '') +
      // Only what is not the default: an access method without an order takes neither.
      ((key.nullsFirst ?? key.descending ?? false) === (key.descending ?? false)
        ? ''
        : key.nullsFirst
          ? ' NULLS FIRST'
          : ' NULLS LAST'),
  );
  return (
    `CREATE ${index.unique ? 'UNIQUE ' : ''}INDEX ${index.concurrently ? 'CONCURRENTLY ' : ''}` +
    `${guarded && index.name !== null ? 'IF NOT EXISTS ' : ''}${index.name === null ? '' : `${q(index.name)} `}ON ${qn(table)} USING ${index.method} (${keys.join(', ')})` +
    (index.include?.length ? ` INCLUDE (${columnList(index.include)})` : '') +
    (index.nullsNotDistinct ? ' NULLS NOT DISTINCT' : '') +
    (index.where ? ` WHERE ${parenthesised(index.where)}` : '')
  );
}

const serialByType: Record<string, string> = { integer: 'serial', bigint: 'bigserial', smallint: 'smallserial' };

/** The type as SQL: a named type with its schema and the array brackets of the text. */
export function typeSql(column: { type?: string | null; typeName?: QualifiedName }): string {
  if (column.typeName !== undefined) return qn(column.typeName) + (/(\[\])+$/.exec(column.type ?? '')?.[0] ?? '');
  return column.type ?? unreadableType;
}

function columnDefinitionSql(column: ColumnDefinition): string {
  const byIndex = isUniqueByIndex(column);
  return [
    q(column.name),
    (column.serial && serialByType[column.type ?? '']) || typeSql(column),
    column.collation ? `COLLATE ${collationSql(column.collation)}` : '',
    column.generated
      ? `GENERATED ALWAYS AS ${parenthesised(column.generated.expression)} ${column.generated.stored ? 'STORED' : 'VIRTUAL'}`
      : '',
    column.identity ? `GENERATED ${column.identity.toUpperCase()} AS IDENTITY${identityOptions(column)}` : '',
    column.default !== null ? `DEFAULT ${column.default}` : '',
    column.notNull ? 'NOT NULL' : '',
    ...(column.constraints ?? [])
      .filter((constraint) => !(byIndex && constraint.type === 'u' && constraint.name === null))
      .map((constraint) => inlineConstraintSql(column.name, constraint)),
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** A constraint of the one column, written as a column constraint where the grammar allows it. */
function inlineConstraintSql(column: string, constraint: ConstraintDefinition): string {
  const named = constraint.name === null ? '' : `CONSTRAINT ${q(constraint.name)} `;
  const text = constraintDefinitionSql({
    ...constraint,
    name: null,
    columns: constraint.columns.length === 0 ? [column] : constraint.columns,
  });
  const inline = text
    .replace(/^(PRIMARY KEY|UNIQUE(?: NULLS NOT DISTINCT)?) \([^()]*\)/, '$1')
    .replace(/^FOREIGN KEY \((?:[^()"]|"[^"]*")*\) /, '');
  return named + inline;
}

export function constraintDefinitionSql(constraint: ConstraintDefinition): string {
  const named = constraint.name === null ? '' : `CONSTRAINT ${q(constraint.name)} `;
  const tail =
    (constraint.deferrable === 'initially deferred'
      ? ' DEFERRABLE INITIALLY DEFERRED'
      : constraint.deferrable === 'initially immediate'
        ? ' DEFERRABLE'
        : '') + (constraint.notEnforced ? ' NOT ENFORCED' : constraint.notValid ? ' NOT VALID' : '');
  if (constraint.usingIndex !== undefined)
    return `${named}${constraint.type === 'p' ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${q(constraint.usingIndex)}${tail}`;
  if (constraint.definition !== undefined) return named + constraint.definition;
  const include = constraint.include?.length ? ` INCLUDE (${columnList(constraint.include)})` : '';
  switch (constraint.type) {
    case 'p':
      return `${named}PRIMARY KEY (${columnList(constraint.columns)})${include}${tail}`;
    case 'u':
      return `${named}UNIQUE${constraint.nullsNotDistinct ? ' NULLS NOT DISTINCT' : ''} (${columnList(constraint.columns)})${include}${tail}`;
    case 'f': {
      const references = constraint.references;
      return (
        `${named}FOREIGN KEY (${columnList(constraint.columns)}) REFERENCES ${references ? qn(references.table) : '?'}` +
        (references?.columns.length ? ` (${columnList(references.columns)})` : '') +
        (references?.match === 'FULL' ? ' MATCH FULL' : '') +
        (references?.onUpdate && references.onUpdate !== 'NO ACTION' ? ` ON UPDATE ${references.onUpdate}` : '') +
        (references?.onDelete && references.onDelete !== 'NO ACTION' ? ` ON DELETE ${references.onDelete}` : '') +
        tail
      );
    }
    case 'c':
      return `${named}CHECK ${parenthesised(constraint.expression ?? '')}${tail}`;
    case 'x':
      return `${named}EXCLUDE ${constraint.expression ?? ''}${tail}`;
  }
}

function renderAlterColumn(operation: Extract<SchemaOperation, { kind: 'alterColumn' }>): string[] {
  const column = `ALTER COLUMN ${q(operation.column)}`;
  const acts: string[] = [];
  const changesType = operation.type !== undefined || operation.typeName !== undefined;
  // A default that cannot be cast to the new type must go first; PostgreSQL casts it otherwise.
  if (changesType)
    acts.push(
      `${column} TYPE ${typeSql(operation)}` +
        (operation.collation ? ` COLLATE ${collationSql(operation.collation)}` : '') +
        (operation.using ? ` USING ${operation.using}` : ''),
    );
  if (operation.generated === null) acts.push(`${column} DROP EXPRESSION`);
  if (operation.default !== undefined)
    acts.push(operation.default === null ? `${column} DROP DEFAULT` : `${column} SET DEFAULT ${operation.default}`);
  if (operation.notNull !== undefined) acts.push(`${column} ${operation.notNull ? 'SET' : 'DROP'} NOT NULL`);
  if (operation.identity !== undefined)
    acts.push(
      operation.identity === null
        ? `${column} DROP IDENTITY IF EXISTS`
        : operation.hasIdentity
          ? `${column} SET GENERATED ${operation.identity.toUpperCase()}`
          : `${column} ADD GENERATED ${operation.identity.toUpperCase()} AS IDENTITY`,
    );
  for (const option of sequenceOptions(operation.sequence ?? {})) acts.push(`${column} SET ${option}`);
  return [
    ...acts.map((act) => `ALTER TABLE ${qn(operation.table)} ${act}`),
    ...(operation.comment === undefined
      ? []
      : [`COMMENT ON COLUMN ${qn(operation.table)}.${q(operation.column)} IS ${literalOrNull(operation.comment)}`]),
  ];
}

/** Puts the sequence that a column owns behind the values in use. */
export function catchUpSql(table: QualifiedName, column: string): string {
  const sequence = `pg_get_serial_sequence(${quoteLiteral(qn(table))}, ${quoteLiteral(column)})`;
  const highest = `max(${q(column)})`;
  return `SELECT setval(${sequence}, COALESCE(${highest}, 1), ${highest} IS NOT NULL) FROM ${qn(table)}`;
}
