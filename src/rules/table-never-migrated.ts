/**
 * A model declares a table that no revision creates. Silent where the revisions could not be read well enough to say so.
 */
import { behindMissingParents } from '../model/ancestry.ts';
import { blindSpotOver, hasUnreadRevisions } from '../model/blind-spots.ts';
import type { Evidence } from '../model/finding.ts';
import { asOneWhereMany, tablesOfOutsideBase } from './outside-base.ts';
import { advice, defineRule, type FindingDraft, step } from './rule.ts';

export default defineRule({
  id: 'table-never-migrated',
  title: 'a model has a table that no revision creates',
  severity: 'error',
  needs: ['graph', 'declared', 'models', 'config'],
  wants: ['live'],
  docs: {
    problem:
      'The models declare a table that no revision of the chain creates. Tests that build the schema by `create_all` stay green.',
    consequence: 'A database that the chain builds does not have the table; the first query on it fails in production.',
    repair: 'Add a revision at the head that creates it, from the model.',
  },
  *check({ graph, declared, models, config, live }) {
    const created = createdAnywhere(declared.replay.operationsById);
    const byName = new Set([...declared.heads.tables.values()].map((table) => table.name));
    const namespaces = new Set([
      ...[...declared.heads.tables.values(), ...declared.heads.views.values()].map((one) => one.namespace),
      ...declared.heads.namespaces,
      ...(config.env.searchPath ?? []),
    ]);
    const base = new Set(tablesOfOutsideBase(declared.replay.notes, behindMissingParents(graph)));
    const perhapsFirst: FindingDraft[] = [];
    const beforeFirst: FindingDraft[] = [];
    for (const [key, table] of models.reading.schema.tables) {
      if (declared.heads.tables.has(key) || declared.heads.views.has(key) || byName.has(table.name)) continue;
      // What the chain works on and never creates is what it began on: chain-not-self-contained tells it.
      if (base.has(key)) continue;
      const definition = models.reading.definitionsByTable.get(key)?.[0];
      const isPerhapsFirst = base.size > 0 && live?.schema.tables.has(key) !== false;
      const dropped = created.has(table.name);
      const spot = blindSpotOver(declared.replay.blindSpots, key);
      // A schema in which no revision makes anything may be another's: a warehouse's, a service's.
      const isElsewhere = table.namespace !== 'public' && !namespaces.has(table.namespace);
      const isUnsure =
        spot !== null ||
        isElsewhere ||
        hasUnreadRevisions(graph) ||
        config.env.filtersObjects ||
        config.env.hasNoTargetMetadata === true ||
        isPerhapsFirst ||
        table.certainty === 'suspected' ||
        graph.revisions.size === 0;
      const evidence: Evidence[] = [];
      if (definition)
        evidence.push({
          origin: 'declared',
          text: `${definition.name} declares it`,
          file: definition.file,
          line: definition.line,
        });
      evidence.push({
        origin: 'declared',
        text: dropped
          ? 'a revision created it and a later one dropped or renamed it'
          : `none of ${graph.revisions.size} revisions creates it`,
      });
      if (spot !== null)
        evidence.push({
          origin: 'declared',
          text: `not read, may create it: ${spot.reason}`,
          file: spot.file,
          line: spot.line,
        });
      else if (isPerhapsFirst)
        evidence.push({
          origin: 'declared',
          text: `the chain began on tables that stood already (it works on ${[...base][0]}, which it never created): this may be one of them`,
        });
      else if (isElsewhere)
        evidence.push({
          origin: 'declared',
          text: `no revision makes anything in the schema ${table.namespace}: somebody else may fill it`,
        });
      else if (config.env.hasNoTargetMetadata)
        evidence.push({
          origin: 'config',
          text: 'target_metadata is None: the chain may not be meant for these models',
          ...(config.env.file === null ? {} : { file: config.env.file }),
        });
      if (live !== undefined)
        evidence.push({
          origin: 'live',
          text: live.schema.tables.has(key) ? 'this database has it all the same' : 'this database does not have it',
        });
      const operations = models.reading.operationsByTable.get(key) ?? [];
      const draft: FindingDraft = {
        subject: { kind: 'table', name: key, ...(definition ? { file: definition.file, line: definition.line } : {}) },
        severity: isUnsure || dropped ? 'warning' : 'error',
        certainty: isUnsure || dropped ? 'suspected' : 'proven',
        message: `${key} is declared by ${definition ? `the model ${definition.name}` : 'the models'} and ${dropped ? 'by the revisions no more' : 'created by no revision'}; a database that the chain builds does not have it, and code that uses it fails.`,
        evidence,
        // Whether the chain or the model is behind, nobody here can tell.
        remedy: dropped
          ? advice(
              `Take ${definition?.name ?? 'it'} out of the models, or add a revision that creates ${key} again`,
              'file-edit',
            )
          : operations.length > 0
            ? step(`Add a revision at the head that creates ${key}`, 'additive', [{ action: 'declare', operations }])
            : null,
      };
      if (graph.revisions.size === 0) beforeFirst.push(draft);
      else if (isPerhapsFirst && !dropped) perhapsFirst.push(draft);
      else yield draft;
    }
    yield* asOneWhereMany(beforeFirst, ({ subject }, names) => ({
      message: `There is no revision, and ${subject.name} and ${names.length - 1} more tables are declared by models; a database that the chain builds is empty.`,
      remedy: step(
        'Add a first revision that creates what the models declare',
        'additive',
        // One for each table: a plan puts them in the order in which they need each other.
        names.map((name) => ({
          action: 'declare' as const,
          operations: models.reading.operationsByTable.get(name) ?? [],
        })),
      ),
    }));
    yield* asOneWhereMany(perhapsFirst, ({ subject }, names) => ({
      message: `${subject.name} and ${names.length - 1} more tables are declared by models and created by no revision; unless they are of those the chain began on, a database that the chain builds does not have them.`,
      remedy: advice(
        `Add a baseline revision that creates what the chain began on, or a revision at the head where one was forgotten: ${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`,
        'file-edit',
      ),
    }));
  },
});

function createdAnywhere(operationsById: ReadonlyMap<string, readonly { kind: string }[]>): Set<string> {
  const names = new Set<string>();
  for (const operations of operationsById.values()) {
    for (const operation of operations as readonly import('../model/operation.ts').Operation[]) {
      if (operation.kind === 'createTable') names.add(operation.table.name.name);
    }
  }
  return names;
}
