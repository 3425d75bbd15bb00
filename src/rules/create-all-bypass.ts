/**
 * `create_all()` beside the chain: at start-up it races the revisions, in a revision it replays today's models.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'create-all-bypass',
  title: 'create_all() goes past the chain',
  severity: 'error',
  needs: ['config', 'declared'],
  docs: {
    problem:
      '`metadata.create_all()` makes tables beside the revisions: when the application starts, in an entry point, or inside a revision.',
    consequence:
      'Tables stand before their revision runs, which then dies on "already exists"; inside a revision it makes today\'s models, not those of then.',
    repair: 'Leave the schema to the chain; in a revision, write the DDL out.',
  },
  *check({ config, declared }) {
    for (const spot of declared.replay.blindSpots) {
      if (!/\bcreate_all\b/.test(spot.reason)) continue;
      yield {
        subject: {
          kind: 'revision',
          name: spot.revision ?? spot.file,
          ...(spot.revision ? { revision: spot.revision } : {}),
          file: spot.file,
          line: spot.line,
        },
        message: `${spot.file}:${spot.line} calls create_all(): it makes the tables of today's models, not those that this revision was written for.`,
        evidence: [{ origin: 'declared', text: spot.reason, file: spot.file, line: spot.line }],
        remedy: advice(`Write the DDL of ${spot.revision ?? spot.file} out, as op.create_table`, 'file-edit'),
      };
    }
    for (const { file, kind, text } of config.surroundings) {
      const isTest = /(^|\/)(tests?|conftest)/.test(file);
      const lines = text.split(/\r?\n/);
      const at = lines.findIndex((line) => /\.create_all\s*\(/.test(line) && !/^\s*#/.test(line));
      if (at < 0) continue;
      const startsUp =
        kind === 'container' || kind === 'shell' || /(^|\/)(entrypoint|start|prestart|run)\w*\./.test(file);
      yield {
        subject: { kind: 'file', name: file, file, line: at + 1 },
        severity: startsUp && !isTest ? 'error' : 'warning',
        message: `${file}:${at + 1} calls create_all()${isTest ? '; tests that build the schema so never see what the chain lacks' : ': tables stand before their revision runs, and the upgrade dies on "already exists"'}.`,
        evidence: [{ origin: 'config', text: (lines[at] as string).trim().slice(0, 160), file, line: at + 1 }],
        remedy: advice(
          isTest
            ? `Build the test database with \`alembic upgrade head\` in ${file}`
            : `Take create_all() out of ${file} and run \`alembic upgrade head\` instead`,
          'file-edit',
        ),
      };
    }
  },
});
