/**
 * The seed as a step: run in the step's own transaction, every row it changed kept in the ledger, taken back by those
 * images. Refuses to know how a seed is read or rows are compared.
 */
import { ChainError } from '../errors.ts';
import type { Step } from '../model/plan.ts';
import { markSeedUndone, recordSeedRun, seedImages } from '../run/index.ts';
import { loadSqlParser } from '../sql/index.ts';
import type { StepContext } from './units.ts';

export async function runSeedStep(step: Step, context: StepContext): Promise<void> {
  const { decodeScript, maxKeptRows, projectFiles, readSeed, runSeed } = await import('../seeds/index.ts');
  const file = step.seedFile as string;
  const read = projectFiles(context.projectDir);
  const bytes = read(file, file);
  if (bytes === null) throw new ChainError('seed-failed', `The seed ${file} is gone.`);
  await loadSqlParser();
  const reading = readSeed(file, decodeScript(file, bytes), read);
  const run = await runSeed(context.connection, reading, {
    insideTransaction: true,
    readFile: read,
    ...(context.openReader ? { openReader: context.openReader } : {}),
    onNotice: (notice) => context.onSeedNotice?.(notice.message),
  });
  const [table] = run.unkept;
  if (table !== undefined) {
    const rows = maxKeptRows.toLocaleString('en');
    throw new ChainError(
      'seed-failed',
      `${file} writes more than ${rows} rows (to ${table}), which undo could not take back.`,
      {
        hint: 'Repair with --no-seed, then run it by itself: `chain seed` keeps no more rows either, and says so.',
      },
    );
  }
  await recordSeedRun(context.connection, {
    repairId: context.repairId,
    step: step.name,
    file,
    contentHash: run.contentHash,
    files: run.files,
    version: run.version,
    summary: run.summary,
    images: run.images,
  });
}

/** @throws ChainError `undo-would-lose` where a row is no longer as the seed left it */
export async function undoSeedStep(step: Step, context: StepContext): Promise<void> {
  const { undoRows } = await import('../seeds/index.ts');
  const images = await seedImages(context.connection, context.repairId, step.name);
  const { conflicts } = await undoRows(context.connection, images);
  const [first] = conflicts;
  if (first !== undefined) {
    const key = Object.entries(first.key)
      .map(([column, value]) => `${column} = ${value ?? 'null'}`)
      .join(', ');
    const more = conflicts.length > 1 ? `, and ${conflicts.length - 1} more` : '';
    throw new ChainError(
      'undo-would-lose',
      `Undo would lose what the repair did not make: the row of ${first.table}${key === '' ? '' : ` with ${key}`}: ${first.reason}${more}.`,
      {
        hint: 'Put these rows back as the seed left them, or remove what refers to them, then run `chain undo` again. Nothing was changed.',
      },
    );
  }
  await markSeedUndone(context.connection, context.repairId, step.name);
}
