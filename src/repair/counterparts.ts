/**
 * What a revision's downgrade does to an object that its upgrade will no longer make: disabled with it, or one step back
 * would drop what an earlier revision owns. Reads the revision's downgrade; refuses to edit.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Operation } from '../model/operation.ts';
import type { RemedyAction } from '../model/remedy.ts';
import type { OperationSink } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import { applyOperation } from '../replay/index.ts';
import type { Answered } from './chain-edits.ts';

interface Counterpart {
  action: Extract<RemedyAction, { action: 'disable-operation' | 'reuse-enum' }>;
  answers: string[];
  drops: string[];
}

/** `disable-operation` actions for the other direction. */
export async function downgradeCounterparts(actions: readonly Answered[], diagnosis: Diagnosis): Promise<Answered[]> {
  const wanted = actions.flatMap(({ action, answers }): Counterpart[] => {
    if (action.action === 'disable-operation') return [{ action, answers, drops: dropsOf(action.operation) }];
    if (action.action === 'reuse-enum') return [{ action, answers, drops: [`type ${action.enumName}`] }];
    return [];
  });
  if (wanted.length === 0) return [];
  const { openAlembicSource } = await import('../sources/alembic/index.ts');
  const source = await openAlembicSource({
    projectDir: diagnosis.projectDir,
    config: diagnosis.facts.config,
    maxFileBytes: 2_000_000,
    seeds: null,
    models: null,
    namingConvention: diagnosis.facts.env.namingConvention,
    environment: {},
  });
  const read = new Map<RevisionId, Operation[]>();
  const downgradeOf = (id: RevisionId): Operation[] => {
    const known = read.get(id);
    if (known) return known;
    const found: Operation[] = [];
    source.evaluate(id, 'downgrade', collector(diagnosis, id, found));
    read.set(id, found);
    return found;
  };
  return wanted.flatMap(({ action, answers, drops }) => {
    const { revision, file } = action.operation.origin;
    if (revision === null || drops.length === 0) return [];
    // What the revision makes itself, by its first statement, its downgrade takes away.
    if (action.madeBy === revision) return [];
    const { madeBy } = action;
    return downgradeOf(revision)
      .filter((operation) => operation.origin.file === file && operation.span !== undefined)
      .filter((operation) => drops.includes(dropped(operation) ?? ''))
      .map((operation): Answered => {
        const reason =
          action.action === 'disable-operation'
            ? action.reason
            : `the type ${action.enumName} belongs to an earlier revision`;
        return {
          action: { action: 'disable-operation', operation, reason, ...(madeBy === undefined ? {} : { madeBy }) },
          answers,
        };
      });
  });
}

function collector(diagnosis: Diagnosis, id: RevisionId, found: Operation[]): OperationSink {
  const searchPath = diagnosis.facts.env.searchPath ?? ['public'];
  const context = { namingConvention: diagnosis.facts.env.namingConvention, searchPath };
  let schema = diagnosis.replay.schemaAfter(id);
  return {
    apply(operation) {
      found.push(operation);
      schema = applyOperation(schema, operation, context);
    },
    schema: () => schema,
    searchPath: () => searchPath,
  };
}

/** What taking an operation back would drop, in the words of `dropped`. */
function dropsOf(operation: Operation): string[] {
  switch (operation.kind) {
    case 'createTable':
      return [
        `table ${operation.table.name.name}`,
        ...operation.table.indexes.flatMap((index) => (index.name === null ? [] : [`index ${index.name}`])),
      ];
    case 'addColumn':
      return [`column ${operation.table.name}.${operation.column.name}`];
    case 'createIndex':
      return operation.index.name === null ? [] : [`index ${operation.index.name}`];
    case 'addConstraint':
      return operation.constraint.name === null
        ? []
        : [`constraint ${operation.table.name}.${operation.constraint.name}`];
    case 'createEnum':
      return [`type ${operation.name.name}`];
    case 'createSequence':
      return [`sequence ${operation.name.name}`];
    case 'createView':
      return [`view ${operation.name.name}`];
    default:
      return [];
  }
}

function dropped(operation: Operation): string | null {
  switch (operation.kind) {
    case 'dropTable':
      return `table ${operation.table.name}`;
    case 'dropColumn':
      return `column ${operation.table.name}.${operation.column}`;
    case 'dropIndex':
      return `index ${operation.index.name}`;
    case 'dropConstraint':
      return operation.constraint === null ? null : `constraint ${operation.table.name}.${operation.constraint}`;
    case 'dropType':
      return `type ${operation.name.name}`;
    case 'dropSequence':
      return `sequence ${operation.name.name}`;
    case 'dropView':
      return `view ${operation.name.name}`;
    default:
      return null;
  }
}
