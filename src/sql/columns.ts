/**
 * Column definitions, constraints and index keys of CREATE and ALTER TABLE, with expressions as the source has them.
 */
import type { ColumnDef, Constraint, IndexElem, IndexStmt, Node } from 'libpg-query';
import type {
  ColumnDefinition,
  ConstraintDefinition,
  IndexDefinition,
  IndexKeyDefinition,
  SequenceOptions,
} from '../model/operation.ts';
import type { ReferentialAction } from '../model/schema.ts';
import type { Statement } from './pg-parser.ts';
import {
  bracketed,
  endOfDefault,
  endOfElement,
  findWord,
  findWordOutside,
  indexAt,
  isMark,
  isWord,
  sliceOf,
  splitByComma,
} from './slices.ts';
import { as, constantOf, relationOf, stringsOf, typeOf } from './tree.ts';

const actionByLetter: Record<string, ReferentialAction> = {
  a: 'NO ACTION',
  r: 'RESTRICT',
  c: 'CASCADE',
  n: 'SET NULL',
  d: 'SET DEFAULT',
};

/** Index of the token at a position of the tree. */
function at(statement: Statement, location: number | undefined): number {
  return indexAt(statement, statement.offsetOf(location));
}

/** The bracketed text after the first of the words, from a position on. */
function bracketAfter(statement: Statement, from: number, word: string): string {
  const index = findWord(statement, from, word);
  return (index < 0 ? null : bracketed(statement, index)?.text) ?? '';
}

/** Text of a constraint after `CONSTRAINT name`. */
function bodyOf(statement: Statement, constraint: Constraint): string {
  let index = at(statement, constraint.location);
  if (isWord(statement.tokens[index], 'constraint')) index += 2;
  return sliceOf(statement, index, endOfElement(statement, index));
}

export function deferrability(constraint: {
  deferrable?: boolean;
  initdeferred?: boolean;
}): 'initially deferred' | 'initially immediate' | null {
  return constraint.deferrable ? (constraint.initdeferred ? 'initially deferred' : 'initially immediate') : null;
}

/** A table constraint, or one stated at `column`; null for those that are facts of the column (NOT NULL, DEFAULT …). */
export function constraintOf(
  statement: Statement,
  constraint: Constraint,
  column: string | null,
): ConstraintDefinition | null {
  const own = column === null ? [] : [column];
  const base = { name: constraint.conname ?? null, ...(constraint.conname ? { nameIsFinal: true } : {}) };
  const deferrable = deferrability(constraint);
  // Only those two can be without it, and the grammar says so of all others too.
  const isKept = constraint.is_enforced === true || !/^CONSTR_(CHECK|FOREIGN)$/.test(constraint.contype ?? '');
  const common = {
    ...base,
    ...(deferrable ? { deferrable } : {}),
    ...(isKept ? (constraint.skip_validation ? { notValid: true } : {}) : { notEnforced: true }),
  };
  const keys = constraint.keys?.length ? stringsOf(constraint.keys) : own;
  const include = stringsOf(constraint.including);
  const start = at(statement, constraint.location);
  switch (constraint.contype) {
    case 'CONSTR_PRIMARY':
    case 'CONSTR_UNIQUE':
      return {
        ...common,
        type: constraint.contype === 'CONSTR_PRIMARY' ? 'p' : 'u',
        columns: constraint.indexname ? [] : keys,
        ...(include.length > 0 ? { include } : {}),
        ...(constraint.nulls_not_distinct ? { nullsNotDistinct: true } : {}),
        ...(constraint.indexname ? { usingIndex: constraint.indexname } : {}),
        ...(constraint.without_overlaps ? { definition: bodyOf(statement, constraint) } : {}),
      };
    case 'CONSTR_FOREIGN': {
      const partialSet = (constraint.fk_del_set_cols ?? []).length > 0 || constraint.fk_with_period === true;
      return {
        ...common,
        type: 'f',
        columns: constraint.fk_attrs?.length ? stringsOf(constraint.fk_attrs) : own,
        references: {
          table: relationOf(constraint.pktable),
          columns: stringsOf(constraint.pk_attrs),
          onDelete: actionByLetter[constraint.fk_del_action ?? 'a'] ?? 'NO ACTION',
          onUpdate: actionByLetter[constraint.fk_upd_action ?? 'a'] ?? 'NO ACTION',
          ...(constraint.fk_matchtype === 'f' ? { match: 'FULL' as const } : {}),
        },
        ...(partialSet ? { definition: bodyOf(statement, constraint) } : {}),
      };
    }
    case 'CONSTR_CHECK':
      return {
        ...common,
        type: 'c',
        columns: own,
        expression: bracketAfter(statement, start, 'check'),
        ...(constraint.is_no_inherit ? { definition: bodyOf(statement, constraint) } : {}),
      };
    case 'CONSTR_EXCLUSION':
      return {
        ...common,
        type: 'x',
        columns: (constraint.exclusions ?? []).flatMap((pair) => {
          const name = as(as(pair, 'List')?.items?.[0], 'IndexElem')?.name;
          return name ? [name] : [];
        }),
        definition: bodyOf(statement, constraint),
      };
    default:
      return null;
  }
}

export function columnOf(statement: Statement, definition: ColumnDef): ColumnDefinition {
  const reading = typeOf(definition.typeName);
  const name = definition.colname ?? '';
  const column: ColumnDefinition = {
    name,
    type: reading.type,
    ...(reading.typeName ? { typeName: reading.typeName } : {}),
    notNull: reading.isSerial,
    default: null,
    identity: null,
    generated: null,
    ...(reading.isSerial ? { serial: true } : {}),
  };
  const collation = definition.collClause ? stringsOf(definition.collClause.collname) : [];
  if (collation.length > 0) column.collation = collation.at(-1) as string;
  const constraints: ConstraintDefinition[] = [];
  for (const node of definition.constraints ?? []) {
    const constraint = as(node, 'Constraint');
    if (!constraint) continue;
    const start = at(statement, constraint.location);
    switch (constraint.contype) {
      case 'CONSTR_NOTNULL':
        column.notNull = true;
        break;
      case 'CONSTR_DEFAULT': {
        const first = findWord(statement, start, 'default') + 1;
        column.default = sliceOf(statement, first, endOfDefault(statement, first));
        break;
      }
      case 'CONSTR_IDENTITY':
        column.identity = constraint.generated_when === 'a' ? 'always' : 'by default';
        column.notNull = true;
        if (constraint.options?.length) column.sequence = sequenceOptionsOf(constraint.options);
        break;
      case 'CONSTR_GENERATED':
        column.generated = {
          expression: bracketAfter(statement, start, 'as'),
          stored: constraint.generated_kind !== 'v',
        };
        break;
      case 'CONSTR_ATTR_NOT_ENFORCED': {
        const last = constraints.at(-1);
        if (last) last.notEnforced = true;
        break;
      }
      case 'CONSTR_ATTR_DEFERRABLE':
      case 'CONSTR_ATTR_DEFERRED':
      case 'CONSTR_ATTR_IMMEDIATE': {
        const last = constraints.at(-1);
        if (last && constraint.contype === 'CONSTR_ATTR_DEFERRED') last.deferrable = 'initially deferred';
        else if (last) last.deferrable ??= 'initially immediate';
        break;
      }
      default: {
        const stated = constraintOf(statement, constraint, name);
        if (!stated) break;
        constraints.push(stated);
        if (stated.type === 'p') column.notNull = true;
      }
    }
  }
  if (constraints.length > 0) column.constraints = constraints;
  return column;
}

/** Of CREATE SEQUENCE, ALTER SEQUENCE and an identity column; `NO MAXVALUE` is as if nothing was said. */
export function sequenceOptionsOf(options: readonly Node[] | undefined): SequenceOptions {
  const byName = new Map(
    (options ?? []).flatMap((option) => {
      const element = as(option, 'DefElem');
      return element ? [[element.defname ?? '', element.arg] as const] : [];
    }),
  );
  const text = (name: string) => constantOf(byName.get(name));
  const type = byName.has('as') ? typeOf(as(byName.get('as'), 'TypeName')).type : null;
  const [start, increment] = [text('start'), text('increment')];
  const [minValue, maxValue] = [text('minvalue'), text('maxvalue')];
  return {
    ...(type === null ? {} : { type }),
    ...(start === null ? {} : { start }),
    ...(increment === null ? {} : { increment }),
    ...(minValue === null ? {} : { minValue }),
    ...(maxValue === null ? {} : { maxValue }),
    ...(byName.has('cycle') ? { cycle: as(byName.get('cycle'), 'Boolean')?.boolval === true } : {}),
  };
}

function keyOf(statement: Statement, element: IndexElem, first: number, last: number): IndexKeyDefinition {
  const opclass = stringsOf(element.opclass);
  const collation = stringsOf(element.collation);
  const key: IndexKeyDefinition = { text: element.name ?? '', isExpression: element.expr !== undefined };
  if (element.expr) {
    const group = bracketed(statement, first);
    const close = group && group.close <= last ? group.close : last;
    key.text = sliceOf(statement, first, close);
    // PostgreSQL prints a call without the brackets that the grammar wants around other expressions.
    if (isMark(statement.tokens[first], '(') && as(element.expr, 'FuncCall')?.funcformat === 'COERCE_EXPLICIT_CALL') {
      key.text = sliceOf(statement, first + 1, close - 1);
    }
  }
  if (element.ordering === 'SORTBY_DESC') key.descending = true;
  if (element.nulls_ordering === 'SORTBY_NULLS_FIRST') key.nullsFirst = true;
  else if (element.nulls_ordering === 'SORTBY_NULLS_LAST') key.nullsFirst = false;
  else if (key.descending) key.nullsFirst = true;
  if (opclass.length > 0) key.operatorClass = opclass.at(-1) as string;
  if (collation.length > 0) key.collation = collation.at(-1) as string;
  return key;
}

function elements(nodes: readonly Node[] | undefined): IndexElem[] {
  return (nodes ?? []).flatMap((node) => as(node, 'IndexElem') ?? []);
}

export function indexOf(statement: Statement, index: IndexStmt): IndexDefinition {
  const keys = elements(index.indexParams);
  const onTable = findWordOutside(statement, 0, 'on');
  const list = bracketed(statement, onTable);
  const parts = list ? splitByComma(statement, list.open + 1, list.close - 1) : [];
  const definition: IndexDefinition = {
    name: index.idxname ?? null,
    ...(index.idxname ? { nameIsFinal: true } : {}),
    unique: index.unique === true,
    method: index.accessMethod || 'btree',
    keys: keys.map((element, i) => keyOf(statement, element, parts[i]?.[0] ?? 0, parts[i]?.[1] ?? 0)),
  };
  const include = elements(index.indexIncludingParams).flatMap((element) => element.name ?? []);
  if (include.length > 0) definition.include = include;
  if (index.whereClause) {
    const where = findWordOutside(statement, (list?.close ?? 0) + 1, 'where');
    definition.where = where < 0 ? null : sliceOf(statement, where + 1, statement.tokens.length - 1);
  }
  if (index.nulls_not_distinct) definition.nullsNotDistinct = true;
  if (index.concurrent) definition.concurrently = true;
  return definition;
}
