/**
 * What no plan may touch: objects that nobody here declared or that an extension owns, tables under a blind spot, tables
 * that the role may not alter. Refuses to know how a step is made.
 */
import type { ErrorCode } from '../errors.ts';
import type { DatabaseDiagnosis, Diagnosis } from '../model/diagnosis.ts';
import { keyOf, nameOfKey, type QualifiedName } from '../model/name.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import { parseSql } from '../sql/index.ts';

export interface Refusal {
  code: Extract<ErrorCode, 'unknown-remains' | 'unowned-object' | 'insufficient-privileges'>;
  reason: string;
}

/** Why an action must not become a step; null where nothing speaks against it. */
export function refusalFor(action: RemedyAction, diagnosis: Diagnosis): Refusal | null {
  const { database } = diagnosis;
  for (const operation of operationsOf(action)) {
    const touched = touchedBy(operation);
    if (touched === null) continue;
    const key = keyIn(touched.name, diagnosis);
    const unknown = underBlindSpot(key, operation, diagnosis);
    if (unknown !== null) return { code: 'unknown-remains', reason: unknown };
    if (database === null) continue;
    const isStanding = database.live.schema.tables.has(key);
    if (isStanding && !touched.creates && action.action !== 'run-sql') {
      const unowned = nobodysObject(key, diagnosis, database);
      if (unowned !== null) return { code: 'unowned-object', reason: unowned };
    }
    const denied = denial(key, touched, isStanding, database);
    if (denied !== null) return { code: 'insufficient-privileges', reason: denied };
  }
  return null;
}

function operationsOf(action: RemedyAction): readonly Operation[] {
  switch (action.action) {
    case 'declare':
      return action.operations;
    case 'declare-constraint':
      return [action.operation];
    case 'run-sql':
      return action.sql.flatMap((sql) => parseSql(sql, { origin: { revision: null, file: action.name, line: 1 } }));
    default:
      return [];
  }
}

function touchedBy(operation: Operation): { name: QualifiedName; creates: boolean } | null {
  if (operation.kind === 'createTable') return { name: operation.table.name, creates: true };
  if (operation.kind === 'touchRows' || operation.kind === 'opaque' || operation.kind === 'ignored') return null;
  return 'table' in operation && operation.table ? { name: operation.table, creates: false } : null;
}

function keyIn(name: QualifiedName, { database, declaredAtHeads, facts }: Diagnosis): string {
  if (name.schema !== null) return keyOf(name.schema, name.name);
  const path = facts.env.searchPath ?? database?.live.searchPath ?? ['public'];
  const has = (key: string) => database?.live.schema.tables.has(key) || declaredAtHeads.tables.has(key);
  const found = path.find((namespace) => has(keyOf(namespace, name.name)));
  return keyOf(found ?? path.find((namespace) => !namespace.startsWith('$')) ?? 'public', name.name);
}

/** A line that could not be read and that names this table: what it did to it is not known. */
function underBlindSpot(key: string, operation: Operation, diagnosis: Diagnosis): string | null {
  const isOfModels = operation.origin.revision === null && operation.origin.file !== '';
  const spot = diagnosis.blindSpots.find(
    (one) => !one.isOfRows && one.objects.includes(key) && (one.revision === null ? isOfModels : !isOfModels),
  );
  return spot ? `${spot.file}:${spot.line} touches ${key} and could not be read (${spot.reason})` : null;
}

function nobodysObject(key: string, diagnosis: Diagnosis, database: DatabaseDiagnosis): string | null {
  if (database.live.extensionObjects.has(key)) return `${key} belongs to an extension`;
  const isDeclared =
    database.declared.tables.has(key) ||
    diagnosis.declaredAtHeads.tables.has(key) ||
    diagnosis.models?.schema.tables.has(key);
  return isDeclared ? null : `${key} is declared by no revision and no model of this project`;
}

function denial(
  key: string,
  touched: { name: QualifiedName; creates: boolean },
  isStanding: boolean,
  { live }: DatabaseDiagnosis,
): string | null {
  if (live.isSuperuser) return null;
  const namespace = nameOfKey(key).schema ?? 'public';
  if (touched.creates && !isStanding && live.uncreatableNamespaces.has(namespace)) {
    return `${live.role} may not create in schema ${namespace}: GRANT CREATE ON SCHEMA ${namespace} TO ${live.role}`;
  }
  if (isStanding && !touched.creates && live.unownedTables.has(key)) {
    return `${live.role} does not own ${key}: connect as its owner, ${live.schema.tables.get(key)?.owner ?? 'whoever that is'}`;
  }
  return null;
}
