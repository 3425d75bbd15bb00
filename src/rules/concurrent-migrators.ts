/**
 * Several replicas of one service each run the upgrade when they start.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'concurrent-migrators',
  title: 'several replicas run the upgrade at once',
  severity: 'warning',
  needs: ['config'],
  docs: {
    problem: 'A service that is started in several replicas runs `alembic upgrade` when it starts.',
    consequence: 'Two upgrades at once: one of them dies with a duplicate key in pg_type, or both half-way.',
    repair: 'Run the upgrade once, as a job before the deploy; or take an advisory lock in env.py.',
  },
  *check({ config }) {
    for (const { file, kind, text } of config.surroundings) {
      if (kind !== 'container') continue;
      const lines = text.split(/\r?\n/);
      const at = lines.findIndex((line) => /\balembic\b.*\bupgrade\b/.test(line) && !/^\s*#/.test(line));
      const replicas = /^\s*(?:replicas|scale):\s*([2-9]|\d{2,})\s*$/m.exec(text);
      // One service, so that the replicas are those of the upgrade.
      const services = text.match(/^\s*image:|^\s*build:/gm)?.length ?? 0;
      if (at < 0 || replicas === null || services > 1) continue;
      yield {
        subject: { kind: 'file', name: file, file, line: at + 1 },
        certainty: 'suspected',
        message: `${file}:${at + 1} runs the upgrade in each of ${replicas[1]} replicas; two at once fail on each other.`,
        evidence: [{ origin: 'config', text: (lines[at] as string).trim().slice(0, 160), file, line: at + 1 }],
        remedy: advice(
          `Run the upgrade once before the replicas start, or take pg_advisory_lock in ${config.env.file ?? 'env.py'}`,
          'file-edit',
        ),
      };
    }
  },
});
