/**
 * A name over PostgreSQL's 63 bytes: cut silently, so that the code and the database call one thing by two names.
 */
import { maxIdentifierBytes, truncateIdentifier } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { NamingConvention } from '../model/project.ts';
import type { ConstraintType } from '../model/schema.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'identifier-too-long',
  title: 'a name is longer than 63 bytes',
  severity: 'error',
  needs: ['declared'],
  wants: ['config'],
  docs: {
    problem: 'A name in a revision has more than 63 bytes (bytes, not letters).',
    consequence:
      'PostgreSQL cuts it with a NOTICE; two names may become one, and autogenerate drops and adds the object on every run. SQLAlchemy refuses it.',
    repair: 'Give it a shorter name.',
  },
  *check({ declared, config }) {
    const isCut = cutBy(config?.env.namingConvention ?? null);
    const told = new Set<string>();
    for (const [revision, operations] of declared.replay.operationsById) {
      for (const operation of operations) {
        for (const name of namesGiven(operation, isCut)) {
          const bytes = Buffer.byteLength(name, 'utf8');
          if (bytes <= maxIdentifierBytes || told.has(name)) continue;
          told.add(name);
          const { file, line } = operation.origin;
          const isStopped = isRefused(operation, name);
          yield {
            subject: { kind: 'revision', name: revision, revision, file, line },
            detail: name,
            severity: isStopped && operation.condition === undefined ? 'error' : 'warning',
            message: isStopped
              ? `${name} (${file}:${line}) has ${name.length} characters; SQLAlchemy refuses such a name of an index or constraint (IdentifierError), and the upgrade stops there.`
              : `${name} (${file}:${line}) has ${bytes} bytes; PostgreSQL cuts it to ${truncateIdentifier(name)}, and two names that begin alike become one.`,
            evidence: [{ origin: 'declared', text: `${bytes} bytes, ${maxIdentifierBytes} are kept`, file, line }],
            remedy: advice(`Give it a name of at most ${maxIdentifierBytes} bytes in ${revision}`, 'file-edit'),
          };
        }
      }
    }
  },
});

/**
 * SQLAlchemy counts the characters of an index's or constraint's name, and refuses more than 63 (tried with 1.4.46, where
 * neither tables nor columns are counted). In SQL text the parser has cut the name already, as the server does.
 */
function isRefused(operation: Operation, name: string): boolean {
  if ([...name].length <= maxIdentifierBytes) return false;
  if (operation.kind === 'addConstraint' || operation.kind === 'createIndex') return true;
  if (operation.kind !== 'createTable') return false;
  return [...operation.table.constraints, ...operation.table.indexes].some((part) => part.name === name);
}

type Given = { name: string | null; type?: ConstraintType; nameIsFinal?: boolean };

/** Whether a constraint's name goes through the convention's template, whose outcome SQLAlchemy cuts, with a hash. */
function cutBy(convention: NamingConvention | null): (given: Given) => boolean {
  const kinds = { p: 'pk', u: 'uq', f: 'fk', c: 'ck', x: null } as const;
  return ({ type }) => {
    const kind = type === undefined ? null : kinds[type];
    return kind !== null && convention?.[kind]?.includes('%(constraint_name)s') === true;
  };
}

/** Names that somebody wrote. What comes of a convention (`op.f`) SQLAlchemy cuts itself, with a hash. */
function namesGiven(operation: Operation, isCut: (given: Given) => boolean): string[] {
  const given = (thing: Given) => (thing.name === null || thing.nameIsFinal || isCut(thing) ? [] : [thing.name]);
  switch (operation.kind) {
    case 'createTable':
      return [
        operation.table.name.name,
        ...operation.table.columns.map((column) => column.name),
        ...operation.table.constraints.flatMap(given),
        ...operation.table.indexes.flatMap(given),
      ];
    case 'addColumn':
      return [operation.column.name];
    case 'addConstraint':
      return given(operation.constraint);
    case 'createIndex':
      return given(operation.index);
    case 'renameTable':
    case 'renameColumn':
      return [operation.to];
    default:
      return [];
  }
}
