/**
 * Seeds in a plan: which files are patched so that ids are resolved and nothing is left unfilled, and the step that runs
 * them. The rewriting itself is the seeds layer's. Refuses to run anything.
 */
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan } from '../model/plan.ts';
import type { Answered, FileEdits } from './chain-edits.ts';
import type { StepDraft } from './steps.ts';

export interface SeedPlan {
  steps: StepDraft[];
  left: Plan['left'];
}

export function planSeeds(
  actions: readonly Answered[],
  diagnosis: Diagnosis,
  files: FileEdits,
  runs: boolean,
): SeedPlan {
  const steps: StepDraft[] = [];
  const answersByFile = new Map<string, string[]>();
  for (const { action, answers } of actions) {
    if (action.action !== 'run-seed') continue;
    answersByFile.set(action.file, [...(answersByFile.get(action.file) ?? []), ...answers]);
  }
  for (const [file, answers] of runs ? answersByFile : []) {
    const reading = diagnosis.seeds.readings.find((one) => one.file === file);
    const tables = new Set(
      (reading?.statements ?? []).flatMap((statement) =>
        [statement.table, ...statement.reads].flatMap((name) =>
          name ? [`${name.schema ?? 'public'}.${name.name}`] : [],
        ),
      ),
    );
    steps.push({
      title: `seed_${file.slice(file.lastIndexOf('/') + 1).replace(/\.\w+$/, '')}`,
      phase: 'seed',
      sql: `-- Runs ${file} as it stands after its patch, in one transaction, with a before-image of every row it changes.\n`,
      down: null,
      lock: 'ROW EXCLUSIVE on the tables it writes',
      hazards: ['changes-rows'],
      transactional: true,
      answers,
      seedFile: file,
      tables: [...tables],
    });
  }
  void files;
  return { steps, left: [] };
}
