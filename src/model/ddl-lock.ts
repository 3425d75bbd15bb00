/**
 * What an operation costs a busy database: the strongest lock, on what, and whether rows are rewritten or read through.
 * After the manual's pages of ALTER TABLE (each form's lock), CREATE INDEX and "Explicit Locking" (PostgreSQL 13 to 18).
 */
import { quoteQualified } from './name.ts';
import type { ColumnDefinition, SchemaOperation } from './operation.ts';
import type { Hazard } from './plan.ts';

export interface LockDescription {
  /** As PostgreSQL names it: `ACCESS EXCLUSIVE`, `SHARE ROW EXCLUSIVE`, …; `none` where no table is locked. */
  lock: string;
  /** What is locked, as SQL names. */
  on: string[];
  /** Every row is written again. */
  rewrites: boolean;
  hazards: Hazard[];
}

const exclusive = 'ACCESS EXCLUSIVE';

export function describeLock(operation: SchemaOperation): LockDescription {
  const of = (lock: string, on: string[], hazards: Hazard[] = [], rewrites = false): LockDescription => ({
    lock,
    on,
    rewrites,
    hazards: rewrites ? ['rewrites-table', ...hazards] : hazards,
  });
  const table = 'table' in operation && operation.table && 'name' in operation.table ? operation.table : null;
  const on =
    table === null
      ? []
      : [
          quoteQualified(
            typeof table.name === 'string' ? (table as { schema: string | null; name: string }) : table.name,
          ),
        ];
  switch (operation.kind) {
    case 'createTable': {
      const referenced = [
        ...operation.table.constraints,
        ...operation.table.columns.flatMap((column) => column.constraints ?? []),
      ].flatMap((constraint) => (constraint.references ? [quoteQualified(constraint.references.table)] : []));
      if (operation.table.partitionOf) return of(exclusive, [quoteQualified(operation.table.partitionOf.parent)]);
      return referenced.length > 0 ? of('SHARE ROW EXCLUSIVE', [...new Set(referenced)]) : of('none', []);
    }
    case 'dropTable':
    case 'dropColumn':
      return of(exclusive, on, ['drops']);
    case 'dropConstraint':
      return of(exclusive, on, ['drops']);
    case 'addColumn':
      return rewritesOnAdd(operation.column)
        ? of(exclusive, on, ['long-lock'], true)
        : of(
            exclusive,
            [
              ...on,
              ...(operation.column.constraints ?? []).flatMap((c) =>
                c.references ? [quoteQualified(c.references.table)] : [],
              ),
            ],
            (operation.column.constraints ?? []).some((c) => c.type !== 'f') || operation.column.index
              ? ['long-lock']
              : [],
          );
    case 'alterColumn':
      if (operation.type !== undefined || operation.typeName !== undefined)
        return of(exclusive, on, ['long-lock'], true);
      // SET NOT NULL reads every row unless a valid check proves it.
      return of(exclusive, on, operation.notNull === true ? ['long-lock'] : []);
    case 'addConstraint': {
      const constraint = operation.constraint;
      if (constraint.type === 'f')
        return of(
          'SHARE ROW EXCLUSIVE',
          [...on, ...(constraint.references ? [quoteQualified(constraint.references.table)] : [])],
          constraint.notValid ? [] : ['long-lock'],
        );
      return of(exclusive, on, constraint.notValid || constraint.usingIndex !== undefined ? [] : ['long-lock']);
    }
    case 'validateConstraint':
      return of('SHARE UPDATE EXCLUSIVE', on);
    case 'createIndex':
      return operation.index.concurrently
        ? of('SHARE UPDATE EXCLUSIVE', on, ['not-transactional'])
        : of('SHARE', on, ['long-lock']);
    case 'dropIndex':
      return operation.concurrently
        ? of('SHARE UPDATE EXCLUSIVE', on, ['drops', 'not-transactional'])
        : of(exclusive, on.length > 0 ? on : [quoteQualified(operation.index)], ['drops']);
    case 'renameIndex':
      return of('SHARE UPDATE EXCLUSIVE', [quoteQualified(operation.index)]);
    case 'alterTableOption':
      return operation.option === 'persistence' ? of(exclusive, on, ['long-lock'], true) : of(exclusive, on);
    case 'commentOnTable':
      return of('SHARE UPDATE EXCLUSIVE', on);
    case 'attachPartition':
      return of(exclusive, [quoteQualified(operation.partition)], ['long-lock']);
    case 'createTrigger':
    case 'enableTrigger':
      return of('SHARE ROW EXCLUSIVE', on);
    case 'dropTrigger':
    case 'dropPolicy':
      return of(exclusive, on, ['drops']);
    case 'createView':
      return of('none', []);
    case 'dropView':
      return of(exclusive, [quoteQualified(operation.name)], ['drops']);
    case 'addEnumValue':
      return of('none', []);
    case 'dropType':
    case 'dropSequence':
    case 'dropRoutine':
    case 'dropExtension':
    case 'dropNamespace':
      return of('none', [], ['drops']);
    case 'alterSequence':
      return of('SHARE ROW EXCLUSIVE', [quoteQualified(operation.name)]);
    case 'renameTable':
    case 'setTableNamespace':
    case 'renameColumn':
    case 'renameConstraint':
    case 'alterConstraint':
    case 'detachPartition':
    case 'createPolicy':
    case 'alterPolicy':
      return of(exclusive, on);
    default:
      return of('none', []);
  }
}

/** A default that is not one value for all rows, an identity or a stored expression fills every row anew (since 11). */
function rewritesOnAdd(column: ColumnDefinition): boolean {
  if (column.identity !== null || column.serial) return true;
  if (column.generated?.stored) return true;
  return (
    column.default !== null &&
    /\b(random|gen_random_uuid|uuid_generate_v\w+|nextval|clock_timestamp|timeofday)\s*\(/i.test(column.default)
  );
}
