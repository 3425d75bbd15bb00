/**
 * One operation → SQL with the same effect wherever its object is absent, present or half present: by shape, not by name
 * alone. A present column of another type raises with the difference; rows that contradict a foreign key leave it NOT VALID
 * with a notice. Nothing here holds a percent sign of its own: SQLAlchemy's drivers take it for a parameter.
 */
import { catchUpSql, renderOperation } from '../model/ddl.ts';
import { type QualifiedName, quoteIdentifier, quoteLiteral, quoteQualified } from '../model/name.ts';
import type { ColumnDefinition, ConstraintDefinition, IndexDefinition, SchemaOperation } from '../model/operation.ts';
import { doBlock } from './do-block.ts';

const q = quoteIdentifier;

/**
 * Statements for `op.execute`, in order, with the operations they stand for; columns of one table go together. Names
 * without a namespace hang on the search_path, as the project's own do.
 */
export function reconcilingStatements(
  operations: readonly SchemaOperation[],
): { operations: SchemaOperation[]; sql: string[] }[] {
  const groups: { operations: SchemaOperation[]; sql: string[] }[] = [];
  for (const operation of operations) {
    const last = groups.at(-1);
    if (operation.kind === 'addColumn' && last?.operations.every((other) => isColumnOf(other, operation.table))) {
      last.operations.push(operation);
    } else groups.push({ operations: [operation], sql: [] });
  }
  for (const group of groups) {
    const [first] = group.operations as [SchemaOperation];
    group.sql =
      first.kind === 'addColumn'
        ? columnsSql(
            first.table,
            group.operations.flatMap((one) => (one.kind === 'addColumn' ? [one.column] : [])),
          )
        : reconcilingSql(first);
  }
  return groups;
}

function isColumnOf(operation: SchemaOperation, table: QualifiedName): boolean {
  return (
    operation.kind === 'addColumn' && operation.table.name === table.name && operation.table.schema === table.schema
  );
}

function reconcilingSql(operation: SchemaOperation): string[] {
  switch (operation.kind) {
    case 'createTable': {
      const { table } = operation;
      const bare = { ...operation, table: { ...table, indexes: [], comment: null }, ifNotExists: true };
      return [
        renderOperation(bare)[0] as string,
        ...(table.partitionOf === undefined ? columnsSql(table.name, table.columns) : []),
        ...table.constraints.map((constraint) => addConstraint(table.name, constraint)),
        ...table.indexes.map((index) => createIndex(table.name, index)),
      ];
    }
    case 'addColumn':
      return columnsSql(operation.table, [operation.column]);
    case 'addConstraint':
      return [addConstraint(operation.table, operation.constraint)];
    case 'createIndex':
      return [createIndex(operation.table, operation.index)];
    case 'createEnum':
      return [createEnum(operation.name, operation.labels)];
    case 'alterColumn':
      return alterColumn(operation);
    case 'createDomain':
    case 'createComposite':
      return [guarded(`to_regtype(${literalName(operation.name)}) IS NULL`, renderOperation(operation))];
    case 'createTrigger':
      return [
        guarded(
          `NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = ${regclass(operation.table)} AND tgname = ${quoteLiteral(operation.name)})`,
          renderOperation(operation),
        ),
      ];
    case 'createPolicy':
      return [
        guarded(
          `NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = ${regclass(operation.table)} AND polname = ${quoteLiteral(operation.name)})`,
          renderOperation(operation),
        ),
      ];
    case 'createView':
      return operation.materialized
        ? renderOperation({ ...operation, ifNotExists: true, orReplace: false })
        : renderOperation({ ...operation, ifNotExists: false, orReplace: true });
    case 'createRoutine':
      return renderOperation(operation).map((sql) => sql.replace(/^\s*CREATE\s+(?!OR\s)/i, 'CREATE OR REPLACE '));
    case 'createSequence':
      return operation.ownedBy
        ? [
            doBlock([
              `IF to_regclass(${literalName(operation.name)}) IS NULL THEN`,
              ...renderOperation(operation).map((statement) => `  ${statement};`),
              `  ${catchUpSql(operation.ownedBy.table, operation.ownedBy.column).replace('SELECT', 'PERFORM')};`,
              'END IF;',
            ]),
          ]
        : renderOperation({ ...operation, ifNotExists: true });
    case 'createExtension':
    case 'createNamespace':
    case 'addEnumValue':
      return renderOperation({ ...operation, ifNotExists: true });
    default:
      return renderOperation(operation);
  }
}

/** ADD VALUE cannot be used in the transaction that adds it, and before PostgreSQL 12 not be added in one. */
export function needsAutocommit(operation: SchemaOperation): boolean {
  return operation.kind === 'addEnumValue';
}

function isBareNotNull(column: ColumnDefinition): boolean {
  return column.notNull && column.default === null && !column.identity && !column.generated && !column.serial;
}

/** Columns that are missing, added; those that stand, held against their type; NOT NULL where every row has a value. */
function columnsSql(table: QualifiedName, columns: readonly ColumnDefinition[]): string[] {
  if (columns.length === 0) return [];
  const bare = columns.filter(isBareNotNull);
  return [
    `ALTER TABLE ${quoteQualified(table)}\n  ${columns.map((column) => addColumn(table, column)).join(',\n  ')}`,
    ...shapeChecks(table, columns),
    ...(bare.length === 0 ? [] : [doBlock(bare.flatMap((column) => requireColumn(table, column.name)))]),
  ];
}

/** Nullable where NOT NULL would need values that nobody stated; `requireColumn` follows. */
function addColumn(table: QualifiedName, column: ColumnDefinition): string {
  const bare = isBareNotNull(column) ? { ...column, notNull: false } : column;
  const [statement] = renderOperation({
    kind: 'addColumn',
    table,
    column: { ...bare, index: false, comment: null },
    ifNotExists: true,
  });
  return (statement as string).slice(`ALTER TABLE ${quoteQualified(table)} `.length);
}

function requireColumn(table: QualifiedName, column: string): string[] {
  const name = quoteQualified(table);
  return [
    `IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = ${regclass(table)} AND attname = ${quoteLiteral(column)} AND NOT attnotnull) THEN`,
    '  BEGIN',
    `    ALTER TABLE ${name} ALTER COLUMN ${q(column)} SET NOT NULL;`,
    '  EXCEPTION WHEN not_null_violation THEN',
    `    RAISE NOTICE USING MESSAGE = ${quoteLiteral(`${table.name}.${column} stays nullable: there are rows without a value`)};`,
    '  END;',
    'END IF;',
  ];
}

/** Raises with what differs when a column that stands is of another type. */
function shapeChecks(table: QualifiedName, columns: readonly ColumnDefinition[]): string[] {
  const known = columns.filter((column) => column.type !== null || column.typeName !== undefined);
  if (known.length === 0) return [];
  const values = known.map((column) => `(${quoteLiteral(column.name)}, ${quoteLiteral(typeText(column))})`);
  return [
    doBlock(
      [
        `SELECT string_agg(a.attname || ' is ' || format_type(a.atttypid, a.atttypmod) || ', not ' || w.type, '; ')`,
        '  INTO differences',
        `  FROM (VALUES ${values.join(', ')}) AS w (name, type)`,
        `  JOIN pg_attribute a ON a.attrelid = ${regclass(table)} AND a.attname = w.name AND NOT a.attisdropped`,
        ' WHERE a.atttypid IS DISTINCT FROM to_regtype(w.type)::oid',
        `    OR (strpos(w.type, '(') > 0 AND format_type(a.atttypid, a.atttypmod) <> w.type);`,
        'IF differences IS NOT NULL THEN',
        `  RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(`${table.name} stands with another shape than this revision states: `)} || differences;`,
        'END IF;',
      ],
      ['differences text;'],
    ),
  ];
}

function typeText(column: ColumnDefinition): string {
  if (column.typeName === undefined) return column.type as string;
  return quoteQualified(column.typeName) + (/(\[\])+$/.exec(column.type ?? '')?.[0] ?? '');
}

/** Looks for a constraint of the same structure under any name; one of the same name and another structure raises. */
function addConstraint(table: QualifiedName, constraint: ConstraintDefinition): string {
  const name = quoteQualified(table);
  const named = constraint.name === null ? '' : q(constraint.name);
  const isKey = constraint.type === 'f';
  const waits = isKey || constraint.type === 'c';
  const add = renderOperation({ kind: 'addConstraint', table, constraint: { ...constraint, notValid: waits } })[0];
  const lines = [`IF NOT EXISTS (${indent(structureOf(table, constraint))}) THEN`, `  ${add};`, 'END IF;'];
  if (waits && named !== '' && !constraint.notValid) {
    lines.push(
      `IF EXISTS (SELECT FROM pg_constraint WHERE conrelid = ${regclass(table)} AND conname = ${quoteLiteral(constraint.name as string)} AND NOT convalidated) THEN`,
      '  BEGIN',
      `    ALTER TABLE ${name} VALIDATE CONSTRAINT ${named};`,
      `  EXCEPTION WHEN ${isKey ? 'foreign_key_violation' : 'check_violation'} THEN`,
      `    RAISE NOTICE USING MESSAGE = ${quoteLiteral(`${constraint.name} stays NOT VALID: rows of ${table.name} contradict it. `)} || SQLERRM;`,
      '  END;',
      'END IF;',
    );
  }
  return doBlock(lines);
}

function structureOf(table: QualifiedName, constraint: ConstraintDefinition): string {
  const base = `SELECT FROM pg_constraint c WHERE c.conrelid = ${regclass(table)} AND c.contype = '${constraint.type}'`;
  if (constraint.type === 'c' || constraint.type === 'x' || constraint.usingIndex !== undefined) {
    // PostgreSQL's text of an expression is no fixed point, so these are known by their name.
    return `${base} AND c.conname = ${quoteLiteral(constraint.name ?? '')}`;
  }
  const parts = [base, `AND ${columnsOf('c.conrelid', 'c.conkey')} = ${nameArray(constraint.columns)}`];
  const { references } = constraint;
  if (references) {
    parts.push(`AND c.confrelid = ${regclass(references.table)}`);
    if (references.columns.length > 0) {
      parts.push(`AND ${columnsOf('c.confrelid', 'c.confkey')} = ${nameArray(references.columns)}`);
    }
    parts.push(
      `AND c.confdeltype = '${actionLetter(references.onDelete)}' AND c.confupdtype = '${actionLetter(references.onUpdate)}'`,
    );
  }
  return parts.join('\n');
}

function columnsOf(relation: string, keys: string): string {
  return `(SELECT array_agg(a.attname::text ORDER BY k.position) FROM unnest(${keys}) WITH ORDINALITY AS k (number, position) JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.number)`;
}

function actionLetter(action: string | undefined): string {
  return (
    ({ RESTRICT: 'r', CASCADE: 'c', 'SET NULL': 'n', 'SET DEFAULT': 'd' } as Record<string, string>)[action ?? ''] ??
    'a'
  );
}

/** Looks for a valid index of the same structure; with expressions, a predicate or odd classes, of the same name. */
function createIndex(table: QualifiedName, index: IndexDefinition): string {
  const isPlain =
    !index.where &&
    !index.nullsNotDistinct &&
    index.keys.every((key) => !key.isExpression && !key.operatorClass && !key.collation);
  const parts = isPlain
    ? [
        `SELECT FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid JOIN pg_am m ON m.oid = r.relam`,
        `WHERE i.indrelid = ${regclass(table)} AND i.indisvalid AND i.indisunique = ${index.unique} AND i.indpred IS NULL AND i.indexprs IS NULL`,
        `AND m.amname = ${quoteLiteral(index.method)} AND i.indoption::text = ${quoteLiteral(index.keys.map(optionOf).join(' '))}`,
        `AND ${columnsOf('i.indrelid', 'i.indkey')} = ${nameArray([...index.keys.map((key) => key.text), ...(index.include ?? [])])}`,
      ]
    : [
        `SELECT FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid`,
        `WHERE i.indrelid = ${regclass(table)} AND i.indisvalid AND r.relname = ${quoteLiteral(index.name ?? '')}`,
      ];
  return guarded(
    `NOT EXISTS (${indent(parts.join('\n'))})`,
    renderOperation({ kind: 'createIndex', table, index: { ...index, concurrently: false } }),
  );
}

/** pg_index.indoption: 1 descending, 2 nulls first. */
function optionOf(key: IndexDefinition['keys'][number]): number {
  const descending = key.descending ?? false;
  return (descending ? 1 : 0) + ((key.nullsFirst ?? descending) ? 2 : 0);
}

function createEnum(name: QualifiedName, labels: readonly string[]): string {
  return doBlock(
    [
      `IF to_regtype(${literalName(name)}) IS NULL THEN`,
      `  ${renderOperation({ kind: 'createEnum', name, labels: [...labels] })[0]};`,
      'END IF;',
      `SELECT string_agg(w.label, ', ') INTO differences FROM unnest(${nameArray(labels)}) AS w (label)`,
      ` WHERE NOT EXISTS (SELECT FROM pg_enum e WHERE e.enumtypid = to_regtype(${literalName(name)})::oid AND e.enumlabel = w.label);`,
      'IF differences IS NOT NULL THEN',
      `  RAISE EXCEPTION USING MESSAGE = ${quoteLiteral(`type ${name.name} stands without the labels `)} || differences;`,
      'END IF;',
    ],
    ['differences text;'],
  );
}

function alterColumn(operation: Extract<SchemaOperation, { kind: 'alterColumn' }>): string[] {
  const { notNull, identity, hasIdentity: _known, ...rest } = operation;
  const statements = renderOperation(rest);
  if (identity) statements.push(...makeIdentity(operation.table, operation.column, identity));
  else if (identity === null)
    statements.push(
      ...renderOperation({ kind: 'alterColumn', table: operation.table, column: operation.column, identity }),
    );
  if (notNull === true) statements.push(doBlock(requireColumn(operation.table, operation.column)));
  if (notNull === false)
    statements.push(
      ...renderOperation({ kind: 'alterColumn', table: operation.table, column: operation.column, notNull }),
    );
  return statements;
}

/** ADD GENERATED fails on a column that is an identity already, whose kind is then set. */
function makeIdentity(table: QualifiedName, column: string, identity: 'always' | 'by default'): string[] {
  const alter = { kind: 'alterColumn', table, column, identity } as const;
  return [
    doBlock([
      'BEGIN',
      ...renderOperation(alter).map((statement) => `  ${statement};`),
      `  ${catchUpSql(table, column).replace('SELECT', 'PERFORM')};`,
      'EXCEPTION WHEN object_not_in_prerequisite_state THEN',
      '  NULL;',
      'END;',
    ]),
    ...renderOperation({ ...alter, hasIdentity: true }),
  ];
}

function guarded(condition: string, statements: readonly string[]): string {
  return doBlock([`IF ${condition} THEN`, ...statements.map((statement) => `  ${statement};`), 'END IF;']);
}

function indent(text: string): string {
  // A line break in a name or a literal belongs to it.
  return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"|\n/g, (part) => (part === '\n' ? '\n      ' : part));
}

function literalName(name: QualifiedName): string {
  return quoteLiteral(quoteQualified(name));
}

function regclass(name: QualifiedName): string {
  return `${literalName(name)}::regclass`;
}

function nameArray(names: readonly string[]): string {
  return `ARRAY[${names.map(quoteLiteral).join(', ')}]::text[]`;
}
