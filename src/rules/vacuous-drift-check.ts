/**
 * A drift check in CI that cannot fail: its answer is thrown away, or it compares the models with tables that the models
 * made themselves.
 */
import type { Migrator } from '../model/migrator.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'vacuous-drift-check',
  title: 'a drift check that cannot fail',
  severity: 'warning',
  needs: ['config', 'declared'],
  docs: {
    problem:
      'CI runs `alembic check` and its answer is thrown away (`|| true`, `continue-on-error`), or the database it looks at was made by create_all(), from the very models that it is compared with.',
    consequence: 'The check is green whatever the revisions lack, and everybody relies on it.',
    repair:
      'Let its exit code through, and run it on a database that `alembic upgrade head` made; accept old findings by a baseline instead.',
  },
  *check({ config, declared }) {
    const checks = config.migrators.filter(({ act }) => act === 'check');
    const baseline = declared.replay.blindSpots.find((spot) => /\bcreate_all\b/.test(spot.reason));
    const told = new Set<string>();
    for (const check of checks) {
      const { file, line, text, failure } = check;
      const evidence = [{ origin: 'config' as const, text, file, line }];
      const subject = { kind: 'file' as const, name: file, file, line };
      if (told.has(file)) continue;
      if (failure.kind !== 'told' && !file.endsWith('.py')) {
        told.add(file);
        yield {
          subject,
          message: `${file}:${line} throws the answer of \`alembic check\` away (${failure.how}); it is green whatever the revisions lack.`,
          evidence,
          remedy: advice(
            `${failure.remedy}: let the exit code of \`alembic check\` through (${file}:${line})`,
            'file-edit',
          ),
        };
        continue;
      }
      const made = madeByModels(check, config.migrators);
      if (made !== null) {
        told.add(file);
        yield {
          subject,
          certainty: 'suspected',
          message: `${file}:${line} compares the models with tables that no upgrade made (line ${made.line}); it is green whatever the revisions lack.`,
          evidence: [...evidence, { origin: 'config', text: made.text, file, line: made.line }],
          remedy: advice(`Make that database with \`alembic upgrade head\` in ${file}`, 'file-edit'),
        };
      } else if (baseline !== undefined) {
        told.add(file);
        yield {
          subject,
          certainty: 'suspected',
          causedBy: ['create-all-bypass'],
          message: `${file}:${line} compares the models with tables that ${baseline.file}:${baseline.line} made from them by create_all(); a model that no revision adds is never missed.`,
          evidence: [
            ...evidence,
            { origin: 'declared', text: baseline.reason, file: baseline.file, line: baseline.line },
          ],
          remedy: advice(`Write the DDL of ${baseline.revision ?? baseline.file} out, as op.create_table`, 'file-edit'),
        };
      }
    }
  },
});

/** create_all(), or a stamp in its place, before the check in the same file, and no upgrade in it. */
function madeByModels(check: Migrator, all: readonly Migrator[]): Migrator | null {
  const before = all.filter(({ file, line }) => file === check.file && line < check.line);
  if (before.some(({ act }) => act === 'upgrade')) return null;
  return before.find(({ act }) => act === 'create-all') ?? before.find(({ act }) => act === 'stamp') ?? null;
}
