/**
 * Some faults hide others: what a deleted file declared, what lies behind a parent or a version row that names nothing, is
 * known only once that is put right. This plans, takes the plan's files and version rows for done, looks again and plans
 * again, until nothing new shows. Writes to a copy of the project alone, and to no database.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Connection, ScratchServer } from '../database/index.ts';
import { diagnose } from '../diagnose.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Finding } from '../model/finding.ts';
import type { Plan } from '../model/plan.ts';
import type { Settings } from '../settings.ts';
import { checkWritable } from './journal.ts';
import { type Assumed, draftRepair, type PlanOptions } from './plan.ts';
import { copyProject } from './rehearse.ts';

export interface ForesightContext {
  settings: Settings;
  scratch: ScratchServer | null;
  live: Connection | null;
  signal?: AbortSignal;
}

export interface Foreseen {
  plan: Plan;
  /** What the plan was made from: with files and version rows as it will leave them. */
  diagnosis: Diagnosis;
  /** What each look found, and the keys of the findings that it took for put right. */
  looks: readonly { findings: readonly Finding[]; assumed: ReadonlySet<string> }[];
  /** Takes the copy away, which the diagnosis reads from. */
  close(): Promise<void>;
}

/** Each look uncovers what the one before it hid; a chain of more than these is left to the next repair. */
const maxLooks = 8;

/** @throws what `diagnose` throws */
export async function foresee(first: Diagnosis, options: PlanOptions, context: ForesightContext): Promise<Foreseen> {
  let diagnosis = first;
  let { plan, assume } = await draftRepair(first, options);
  let folder: string | null = null;
  const looks: { findings: readonly Finding[]; assumed: ReadonlySet<string> }[] = [];
  const close = async () => {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let look = 0; assume !== null && look < maxLooks; look++) {
      if (folder === null) {
        folder = await mkdtemp(join(tmpdir(), 'chain-foresight-'));
        await copyProject(context.settings.project, copyIn(folder, context));
      }
      // Where a link leads out of the copy the rehearsal says so, and nothing is written through it.
      const files = [...assume.files.keys()].map((file) => ({ file }));
      const isInside = await checkWritable(copyIn(folder, context), files).then(
        () => true,
        () => false,
      );
      if (!isInside) break;
      const seen = await lookAgain(first, assume, copyIn(folder, context), context);
      if (!isWhole(seen, first, assume)) break;
      diagnosis = seen;
      const parts = [...assume.files.values(), ...(assume.stamp ? [assume.stamp] : [])];
      looks.push({ findings: diagnosis.findings, assumed: new Set(parts.flatMap(({ answers }) => answers)) });
      ({ plan, assume } = await draftRepair(diagnosis, { ...options, assumed: assume }));
    }
    return { plan, diagnosis, looks, close };
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** Revisions beside the project may not be beside its copy: then what is seen there is another chain. */
function isWhole(seen: Diagnosis, first: Diagnosis, { files }: Assumed): boolean {
  return [...first.graph.revisions.values()].every(({ id, file }) => files.has(file) || seen.graph.revisions.has(id));
}

function copyIn(folder: string, { settings }: ForesightContext): string {
  return join(folder, basename(settings.project) || 'project');
}

async function lookAgain(
  first: Diagnosis,
  { files, stamp }: Assumed,
  project: string,
  context: ForesightContext,
): Promise<Diagnosis> {
  for (const [file, { after }] of files) {
    if (after === null) await rm(join(project, file), { force: true });
    else {
      await mkdir(dirname(join(project, file)), { recursive: true });
      await writeFile(join(project, file), after);
    }
  }
  const deletedById = [...first.history.deletedById].filter(([, { path }]) => !files.has(path));
  const { scratch, live: connection, signal } = context;
  const seen = await diagnose(
    { ...context.settings, project, offline: connection === null },
    {
      reuse: {
        history: { ...first.history, deletedById: new Map(deletedById) },
        ...(scratch ? { scratch } : {}),
        ...(connection ? { connection } : {}),
      },
      ...(stamp === null ? {} : { assumedRows: stamp.rows }),
      signal,
    },
  );
  return { ...seen, projectDir: first.projectDir };
}
