/**
 * A file that a plan restores declares objects of its own: what they are is known only once it stands. This looks again at a
 * copy of the project that has it, until nothing more is to be restored, and plans from there. Writes to the copy alone.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Connection, ScratchServer } from '../database/index.ts';
import { diagnose } from '../diagnose.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Plan } from '../model/plan.ts';
import type { Settings } from '../settings.ts';
import { type PlanOptions, planRepair } from './plan.ts';
import { copyProject } from './rehearse.ts';

export interface ForesightContext {
  settings: Settings;
  scratch: ScratchServer | null;
  live: Connection | null;
  signal?: AbortSignal;
}

export interface Foreseen {
  plan: Plan;
  /** What the plan was made from: with every restored file in its place. */
  diagnosis: Diagnosis;
  /** Takes the copy away, which the diagnosis reads from. */
  close(): Promise<void>;
}

/** @throws what `diagnose` throws */
export async function foresee(first: Diagnosis, options: PlanOptions, context: ForesightContext): Promise<Foreseen> {
  let diagnosis = first;
  let plan = await planRepair(first, options);
  let folder: string | null = null;
  const close = async () => {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  };
  const brought = new Map<string, readonly string[]>();
  try {
    for (let fresh = restoredBy(plan, diagnosis, brought); fresh.length > 0; ) {
      folder ??= await mkdtemp(join(tmpdir(), 'chain-foresight-'));
      const project = join(folder, basename(context.settings.project) || 'project');
      if (brought.size === 0) await copyProject(context.settings.project, project);
      for (const { file, after, answers } of fresh) {
        await mkdir(dirname(join(project, file)), { recursive: true });
        await writeFile(join(project, file), after ?? '');
        brought.set(file, answers);
      }
      const restored = new Set(fresh.map(({ file }) => file));
      const deletedById = [...diagnosis.history.deletedById].filter(([, { path }]) => !restored.has(path));
      const history = { ...diagnosis.history, deletedById: new Map(deletedById) };
      const { scratch, live: connection, signal } = context;
      const seen = await diagnose(
        { ...context.settings, project, offline: connection === null },
        { reuse: { history, ...(scratch ? { scratch } : {}), ...(connection ? { connection } : {}) }, signal },
      );
      diagnosis = { ...seen, projectDir: first.projectDir };
      plan = await planRepair(diagnosis, { ...options, brought });
      fresh = restoredBy(plan, diagnosis, brought);
    }
    return { plan, diagnosis, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** New files of the plan that a remedy restores, and that were not looked at yet. */
function restoredBy(plan: Plan, { findings }: Diagnosis, brought: ReadonlyMap<string, readonly string[]>) {
  const files = new Set(
    findings.flatMap(({ remedy }) =>
      (remedy?.actions ?? []).flatMap((action) => (action.action === 'restore-file' ? [action.file] : [])),
    ),
  );
  return plan.patches.filter(({ file, before }) => before === null && files.has(file) && !brought.has(file));
}
