/**
 * Types, sequences, schemas and extensions; drops, renames, moves and comments of every kind, as Operations.
 */
import type {
  AlterDomainStmt,
  AlterEnumStmt,
  AlterObjectSchemaStmt,
  AlterSeqStmt,
  CommentStmt,
  CreateDomainStmt,
  CreateEnumStmt,
  CreateSeqStmt,
  DefElem,
  DropStmt,
  Node,
  ObjectType,
  RenameStmt,
  VariableSetStmt,
} from 'libpg-query';
import type { QualifiedName } from '../model/name.ts';
import type { UnplacedOperation } from '../model/operation.ts';
import { sequenceOptionsOf } from './columns.ts';
import type { Statement } from './pg-parser.ts';
import { identityArgumentsOf } from './routines.ts';
import { bracketed, endOfDefault, findWord, indexAt, sliceOf } from './slices.ts';
import { ignored, opaque } from './tables.ts';
import { as, constantOf, qualifiedOf, relationOf, stringOf, stringsOf, typeOf } from './tree.ts';

/** `OBJECT_MATVIEW` → `MATERIALIZED VIEW`. */
function objectWords(type: ObjectType | undefined): string {
  return (type ?? '')
    .replace('OBJECT_', '')
    .replace('MATVIEW', 'MATERIALIZED VIEW')
    .replace('TABCONSTRAINT', 'CONSTRAINT')
    .replaceAll('_', ' ');
}

export function createEnum(create: CreateEnumStmt): UnplacedOperation {
  return { kind: 'createEnum', name: qualifiedOf(stringsOf(create.typeName)), labels: stringsOf(create.vals) };
}

export function alterEnum(alter: AlterEnumStmt): UnplacedOperation {
  const name = qualifiedOf(stringsOf(alter.typeName));
  if (alter.oldVal !== undefined) return { kind: 'renameEnumValue', name, label: alter.oldVal, to: alter.newVal ?? '' };
  const neighbour = alter.newValNeighbor;
  return {
    kind: 'addEnumValue',
    name,
    label: alter.newVal ?? '',
    ...(neighbour === undefined ? {} : alter.newValIsAfter ? { after: neighbour } : { before: neighbour }),
    ...(alter.skipIfNewValExists ? { ifNotExists: true } : {}),
  };
}

export function createDomain(statement: Statement, create: CreateDomainStmt): UnplacedOperation {
  const operation = {
    kind: 'createDomain' as const,
    name: qualifiedOf(stringsOf(create.domainname)),
    base: typeOf(create.typeName).type ?? '',
    notNull: false,
    default: null as string | null,
    checks: [] as string[],
  };
  for (const node of create.constraints ?? []) {
    const constraint = as(node, 'Constraint');
    const index = indexAt(statement, statement.offsetOf(constraint?.location));
    if (constraint?.contype === 'CONSTR_NOTNULL') operation.notNull = true;
    else if (constraint?.contype === 'CONSTR_DEFAULT') {
      const first = findWord(statement, index, 'default') + 1;
      operation.default = sliceOf(statement, first, endOfDefault(statement, first));
    } else if (constraint?.contype === 'CONSTR_CHECK') {
      operation.checks.push(bracketed(statement, findWord(statement, index, 'check'))?.text ?? '');
    }
  }
  return operation;
}

export function alterDomain(statement: Statement, alter: AlterDomainStmt): UnplacedOperation {
  const name = qualifiedOf(stringsOf(alter.typeName));
  const text = statement.source.slice(statement.from, statement.to);
  const common = { kind: 'alterDomain' as const, name, statement: text };
  switch (alter.subtype) {
    // As the grammar has them: T default, N and O nullability, C a constraint more, V its validation.
    case 'T': {
      const first = findWord(statement, 0, 'default') + 1;
      return { ...common, default: alter.def ? sliceOf(statement, first, statement.tokens.length - 1) : null };
    }
    case 'N':
      return { ...common, notNull: false };
    case 'O':
      return { ...common, notNull: true };
    case 'V':
      return ignored('ALTER DOMAIN');
    case 'C': {
      const constraint = as(alter.def, 'Constraint');
      const check = bracketed(statement, findWord(statement, 0, 'check'))?.text;
      if (constraint?.contype === 'CONSTR_CHECK' && !constraint.skip_validation && check) return { ...common, check };
      break;
    }
    default:
  }
  return opaque('this change of a domain is not followed', name);
}

function ownerOf(options: readonly Node[] | undefined): { table: QualifiedName; column: string } | null | undefined {
  const option = elementsOf(options).find((element) => element.defname === 'owned_by');
  if (!option) return undefined;
  const names = stringsOf(as(option.arg, 'List')?.items);
  if (names.length < 2) return null;
  return { table: qualifiedOf(names.slice(0, -1)), column: names.at(-1) as string };
}

function elementsOf(options: readonly Node[] | undefined): DefElem[] {
  return (options ?? []).flatMap((option) => as(option, 'DefElem') ?? []);
}

function sequenceOptions(options: readonly Node[] | undefined) {
  const ownedBy = ownerOf(options);
  return { ...(ownedBy === undefined ? {} : { ownedBy }), ...sequenceOptionsOf(options) };
}

export function createSequence(create: CreateSeqStmt): UnplacedOperation {
  return {
    kind: 'createSequence',
    name: relationOf(create.sequence),
    ...sequenceOptions(create.options),
    ...(create.if_not_exists ? { ifNotExists: true } : {}),
  };
}

const followedOptions = new Set(['owned_by', 'as', 'start', 'increment', 'minvalue', 'maxvalue', 'cycle']);

export function alterSequence(alter: AlterSeqStmt): UnplacedOperation {
  const name = relationOf(alter.sequence);
  const changed = elementsOf(alter.options).flatMap(({ defname }) =>
    defname === undefined || defname === 'restart' || defname === 'cache' ? [] : [defname],
  );
  if (changed.length === 0) return ignored('ALTER SEQUENCE');
  const isDefaulted = elementsOf(alter.options).some(
    ({ defname, arg }) => /^(min|max)value$/.test(defname ?? '') && !arg,
  );
  if (isDefaulted || !changed.every((option) => followedOptions.has(option)))
    return opaque('options of a sequence are changed', name);
  return { kind: 'alterSequence', name, ...sequenceOptions(alter.options) };
}

/** The name in a `DROP` list, a `COMMENT ON` or an `ALTER … RENAME`, whatever kind of node carries it. */
export function namesOf(object: Node | undefined): string[] {
  if (!object) return [];
  const list = as(object, 'List');
  if (list) return stringsOf(list.items);
  const typeName = as(object, 'TypeName');
  if (typeName) return stringsOf(typeName.names);
  const routine = as(object, 'ObjectWithArgs');
  if (routine) return stringsOf(routine.objname);
  const text = stringOf(object);
  return text === null ? [] : [text];
}

export function drop(statement: DropStmt): UnplacedOperation[] {
  const guard = {
    ...(statement.missing_ok ? { ifExists: true } : {}),
    ...(statement.behavior === 'DROP_CASCADE' ? { cascade: true } : {}),
  };
  return (statement.objects ?? []).map((object): UnplacedOperation => {
    const names = namesOf(object);
    const name = qualifiedOf(names);
    switch (statement.removeType) {
      case 'OBJECT_TABLE':
        return { kind: 'dropTable', table: name, ...guard };
      case 'OBJECT_INDEX':
        return {
          kind: 'dropIndex',
          index: name,
          table: null,
          ...(statement.concurrent ? { concurrently: true } : {}),
          ...guard,
        };
      case 'OBJECT_VIEW':
      case 'OBJECT_MATVIEW':
        return { kind: 'dropView', name, materialized: statement.removeType === 'OBJECT_MATVIEW', ...guard };
      case 'OBJECT_SEQUENCE':
        return { kind: 'dropSequence', name, ...guard };
      case 'OBJECT_TYPE':
      case 'OBJECT_DOMAIN':
        return { kind: 'dropType', name, ...guard };
      case 'OBJECT_SCHEMA':
        return { kind: 'dropNamespace', name: name.name, ...guard };
      case 'OBJECT_EXTENSION':
        return { kind: 'dropExtension', name: name.name, ...guard };
      case 'OBJECT_FUNCTION':
      case 'OBJECT_PROCEDURE':
      case 'OBJECT_ROUTINE':
      case 'OBJECT_AGGREGATE':
        return {
          kind: 'dropRoutine',
          name,
          identityArguments: identityArgumentsOf(as(object, 'ObjectWithArgs')),
          ...guard,
        };
      case 'OBJECT_TRIGGER':
      case 'OBJECT_POLICY': {
        const table = qualifiedOf(names.slice(0, -1));
        const own = names.at(-1) ?? '';
        return statement.removeType === 'OBJECT_TRIGGER'
          ? { kind: 'dropTrigger', table, name: own, ...guard }
          : { kind: 'dropPolicy', table, name: own, ...guard };
      }
      default:
        return ignored(`DROP ${objectWords(statement.removeType)}`);
    }
  });
}

export function rename(statement: RenameStmt, text: string): UnplacedOperation {
  const to = statement.newname ?? '';
  const relation = relationOf(statement.relation);
  const own = statement.subname ?? '';
  const ifExists = statement.missing_ok ? { ifExists: true } : {};
  switch (statement.renameType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return { kind: 'renameTable', table: relation, to, ...ifExists };
    case 'OBJECT_COLUMN':
      return statement.relationType === 'OBJECT_VIEW' || statement.relationType === 'OBJECT_MATVIEW'
        ? opaque('a column of a view is renamed', relation)
        : { kind: 'renameColumn', table: relation, column: own, to };
    case 'OBJECT_TABCONSTRAINT':
      return { kind: 'renameConstraint', table: relation, constraint: own, to };
    case 'OBJECT_INDEX':
      return { kind: 'renameIndex', index: relation, to, ...ifExists };
    case 'OBJECT_VIEW':
    case 'OBJECT_MATVIEW':
      return { kind: 'renameView', name: relation, to };
    case 'OBJECT_SEQUENCE':
      return { kind: 'alterSequence', name: relation, to };
    case 'OBJECT_FUNCTION':
    case 'OBJECT_PROCEDURE':
    case 'OBJECT_ROUTINE': {
      const routine = as(statement.object, 'ObjectWithArgs');
      const name = qualifiedOf(stringsOf(routine?.objname));
      return { kind: 'alterRoutine', name, identityArguments: identityArgumentsOf(routine), to, statement: text };
    }
    case 'OBJECT_TRIGGER':
      return { kind: 'renameTrigger', table: relation, name: own, to };
    case 'OBJECT_POLICY':
      return { kind: 'alterPolicy', table: relation, name: own, to };
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
      return { kind: 'renameType', name: qualifiedOf(namesOf(statement.object)), to };
    case 'OBJECT_SCHEMA':
      return { kind: 'renameNamespace', name: own, to };
    case 'OBJECT_ROLE':
    case 'OBJECT_DATABASE':
    case 'OBJECT_TABLESPACE':
    case 'OBJECT_STATISTIC_EXT':
    case 'OBJECT_RULE':
    case 'OBJECT_DOMCONSTRAINT':
      return ignored(`ALTER ${objectWords(statement.renameType)}`);
    default: {
      const named = relation.name !== '' ? relation : qualifiedOf(namesOf(statement.object));
      return opaque(
        `renaming a ${objectWords(statement.renameType).toLowerCase()} is not followed`,
        ...(named.name ? [named] : []),
      );
    }
  }
}

export function setNamespace(statement: AlterObjectSchemaStmt): UnplacedOperation {
  const to = statement.newschema ?? '';
  switch (statement.objectType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return { kind: 'setTableNamespace', table: relationOf(statement.relation), to };
    case 'OBJECT_TYPE':
    case 'OBJECT_DOMAIN':
      return { kind: 'setTypeNamespace', name: qualifiedOf(namesOf(statement.object)), to };
    default: {
      const name = statement.relation ? relationOf(statement.relation) : qualifiedOf(namesOf(statement.object));
      return opaque(
        `moving a ${objectWords(statement.objectType).toLowerCase()} to another schema is not followed`,
        name,
      );
    }
  }
}

export function comment(statement: CommentStmt): UnplacedOperation {
  const names = namesOf(statement.object);
  const text = statement.comment ?? null;
  if (statement.objtype === 'OBJECT_TABLE') return { kind: 'commentOnTable', table: qualifiedOf(names), comment: text };
  if (statement.objtype === 'OBJECT_COLUMN') {
    return { kind: 'alterColumn', table: qualifiedOf(names.slice(0, -1)), column: names.at(-1) ?? '', comment: text };
  }
  return ignored('COMMENT');
}

/** `SET search_path`; any other setting changes no schema. */
export function setVariable(statement: VariableSetStmt): UnplacedOperation {
  if (statement.name !== 'search_path')
    return ignored(statement.kind === 'VAR_RESET' || statement.kind === 'VAR_RESET_ALL' ? 'RESET' : 'SET');
  const schemas =
    statement.kind === 'VAR_SET_VALUE'
      ? (statement.args ?? []).flatMap((argument) => constantOf(argument) ?? [])
      : ['$user', 'public'];
  return {
    kind: 'setSearchPath',
    schemas: schemas.filter((schema) => schema !== ''),
    local: statement.is_local === true,
  };
}
