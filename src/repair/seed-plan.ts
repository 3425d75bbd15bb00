/**
 * Seeds in a plan: which files are patched so that ids are resolved and nothing is left unfilled, and the step that runs
 * them. The rewriting itself is the seeds layer's. Refuses to run anything.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan } from '../model/plan.ts';
import type { SeedReading } from '../model/seed.ts';
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
    const absent = absentTables(reading, world);
    if (absent.length === 0) plan.steps.push(seedStep(reading, wish.run));
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

/** Tables that the seed writes without asking whether they are there, and that will not be. */
function absentTables(reading: SeedReading, world: SeedWorld): string[] {
  const path = world.searchPath;
  const live = world.schemas[0];
  const isThere = (name: { schema: string | null; name: string }) =>
    (name.schema === null ? path : [name.schema]).some((namespace) => {
      const key = `${namespace}.${name.name}`;
      return live?.tables.has(key) || live?.views.has(key);
    });
  const made = new Set(
    reading.statements.flatMap(({ verb, sql }) =>
      verb === 'ddl'
        ? [
            ...sql.matchAll(
              /\bcreate\s+(?:temp(?:orary)?\s+|unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?([\w."]+)/gi,
            ),
          ].map((match) => (match[1] as string).replaceAll('"', '').split('.').at(-1))
        : [],
    ),
  );
  const absent = reading.statements.flatMap(({ table, guards }) =>
    table !== null && guards.length === 0 && !isThere(table) && !made.has(table.name) ? [table.name] : [],
  );
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

function seedStep(reading: SeedReading, answers: string[]): StepDraft {
  const { file } = reading;
  const tables = new Set(
    reading.statements.flatMap((statement) =>
      [statement.table, ...statement.reads].flatMap((name) =>
        name ? [`${name.schema ?? 'public'}.${name.name}`] : [],
      ),
    ),
  );
  return {
    title: `seed_${file.slice(file.lastIndexOf('/') + 1).replace(/\.\w+$/, '')}`,
    phase: 'seed',
    sql: `-- Runs ${file} as it stands after its patch, in one transaction, with an image of every row that it changes.\n`,
    down: null,
    lock: `SHARE ROW EXCLUSIVE on ${[...new Set(reading.statements.flatMap(({ table }) => (table ? [table.name] : [])))].join(', ')}`,
    hazards: ['changes-rows'],
    transactional: true,
    answers,
    seedFile: file,
    tables: [...tables],
  };
}
