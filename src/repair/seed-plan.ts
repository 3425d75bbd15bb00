/**
 * Seeds in a plan: which files are patched so that ids are resolved and nothing is left unfilled, and the step that runs
 * them. The rewriting itself is the seeds layer's. Refuses to run anything.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import { placeOf, resolveRelation, resolveTable } from '../model/lookup.ts';
import type { QualifiedName } from '../model/name.ts';
import type { Plan } from '../model/plan.ts';
import { emptySchema } from '../model/schema.ts';
import type { SeedReading } from '../model/seed.ts';
import { inOrder } from '../model/seed-view.ts';
import { patchSeed, type SeedWorld } from '../seeds/index.ts';
import type { Answered, FileEdits } from './chain-edits.ts';
import type { StepDraft } from './steps.ts';

export interface SeedPlan {
  steps: StepDraft[];
  left: Plan['left'];
}

interface Wish {
  resolveIds: boolean;
  fillColumns: { table: string; column: string }[];
  patched: string[];
  run: string[];
}

/** `world`: the schemas as they will be when the seed runs. */
export function planSeeds(
  actions: readonly Answered[],
  diagnosis: Diagnosis,
  files: FileEdits,
  world: SeedWorld,
): SeedPlan {
  const plan: SeedPlan = { steps: [], left: [] };
  for (const [file, wish] of wishesOf(actions)) {
    const reading = diagnosis.seeds.readings.find((one) => one.file === file);
    const all = [...wish.patched, ...wish.run];
    if (reading === undefined) {
      plan.left.push(...all.map((key) => ({ key, reason: `${file} was not read as a seed` })));
      continue;
    }
    if (wish.patched.length > 0) {
      const { edits, refused } = patchSeed(reading, world, wish);
      if (edits.length > 0) files.edit(file, wish.patched, () => edits);
      for (const { line, reason } of refused) {
        plan.left.push(...wish.patched.map((key) => ({ key, reason: `${file}:${line}: ${reason}` })));
      }
    }
    if (wish.run.length === 0) continue;
    const absent = absentObjects(reading, world);
    if (absent.length === 0) plan.steps.push(seedStep(reading, wish.run, world));
    else
      plan.left.push(
        ...wish.run.map((key) => ({
          key,
          reason: `${file} writes to ${absent.join(', ')}, which nothing plans to create`,
        })),
      );
  }
  return plan;
}

/** Tables and columns that the seed writes without asking whether they are there, and that will not be. */
function absentObjects(reading: SeedReading, world: SeedWorld): string[] {
  const path = world.searchPath;
  const live = world.schemas[0];
  const isThere = (name: QualifiedName) => live !== undefined && resolveRelation(live, name, path) !== null;
  const made = new Set(
    inOrder(reading).flatMap(({ statement: { verb, sql } }) =>
      verb === 'ddl'
        ? [
            ...sql.matchAll(
              /\bcreate\s+(?:temp(?:orary)?\s+|unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([\w."]+)/gi,
            ),
          ].map((match) => (match[1] as string).replaceAll('"', '').split('.').at(-1))
        : [],
    ),
  );
  const altered = new Set(
    inOrder(reading).flatMap(({ statement: { verb, table } }) => (verb === 'ddl' && table ? [table.name] : [])),
  );
  const absent = inOrder(reading).flatMap(({ statement: { table, guards, columns } }) => {
    if (table === null || guards.length > 0 || made.has(table.name)) return [];
    if (!isThere(table)) return [table.name];
    const standing = live?.tables.get(resolveTable(live, table, path) ?? '');
    if (standing === undefined || altered.has(table.name)) return [];
    return (columns ?? []).filter((column) => !standing.columns.has(column)).map((column) => `${table.name}.${column}`);
  });
  return [...new Set(absent)];
}

function wishesOf(actions: readonly Answered[]): Map<string, Wish> {
  const wishes = new Map<string, Wish>();
  const of = (file: string) => {
    const known = wishes.get(file) ?? { resolveIds: false, fillColumns: [], patched: [], run: [] };
    wishes.set(file, known);
    return known;
  };
  for (const { action, answers } of actions) {
    if (action.action === 'resolve-seed-ids') {
      const wish = of(action.file);
      wish.resolveIds = true;
      wish.patched.push(...answers);
    } else if (action.action === 'fill-seed-column') {
      const wish = of(action.file);
      wish.fillColumns.push({ table: action.table, column: action.column });
      wish.patched.push(...answers);
    } else if (action.action === 'run-seed') of(action.file).run.push(...answers);
  }
  return wishes;
}

function seedStep(reading: SeedReading, answers: string[], { schemas, searchPath }: SeedWorld): StepDraft {
  const { file } = reading;
  const live = schemas[0] ?? emptySchema();
  const tables = new Set(
    inOrder(reading).flatMap(({ statement }) =>
      [statement.table, ...statement.reads].flatMap((name) =>
        name ? [resolveTable(live, name, searchPath) ?? placeOf(name, searchPath)] : [],
      ),
    ),
  );
  return {
    title: `seed_${file.slice(file.lastIndexOf('/') + 1).replace(/\.\w+$/, '')}`,
    phase: 'seed',
    sql: `-- Runs ${file} as it stands after its patch, in one transaction, with an image of every row that it changes.\n`,
    down: null,
    lock: `SHARE ROW EXCLUSIVE on ${[...new Set(inOrder(reading).flatMap(({ statement: { table } }) => (table ? [table.name] : [])))].join(', ')}`,
    hazards: ['changes-rows'],
    transactional: true,
    answers,
    seedFile: file,
    tables: [...tables],
  };
}
