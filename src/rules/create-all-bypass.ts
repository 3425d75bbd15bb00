/**
 * `create_all()` beside the chain: at start-up it races the revisions, in a revision it replays today's models, in tests it
 * hides what the chain lacks.
 */
import type { Migrator } from '../model/migrator.ts';
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
    const calls = config.migrators.filter(({ act }) => act === 'create-all');
    const told = new Set<string>();
    for (const call of calls.filter(({ occasion }) => occasion !== 'test')) {
      if (told.has(call.file)) continue;
      told.add(call.file);
      const startsUp = call.occasion === 'start-up';
      const when =
        call.file === config.env.file ? ' whenever Alembic runs' : startsUp ? ' when the application starts' : '';
      // Alembic's cookbook builds fresh databases so: no upgrade meets tables that stand already.
      const isStamped = config.migrators.some(({ act, file }) => act === 'stamp' && file === call.file);
      yield {
        subject: place(call),
        severity: startsUp && !isStamped ? 'error' : 'warning',
        message: `${call.file}:${call.line} calls create_all()${when}${
          isStamped
            ? ' and stamps the database: it has the tables of the models, and nothing else that revisions do.'
            : ': tables stand before their revision runs, and the upgrade dies on "already exists".'
        }`,
        evidence: [evidence(call)],
        remedy: advice(`Take create_all() out of ${call.file} and run \`alembic upgrade head\` instead`, 'file-edit'),
      };
    }
    const tests = calls.filter(({ occasion }, index, all) => occasion === 'test' && firstOfFile(all, index));
    const [first, ...others] = tests;
    if (first === undefined) return;
    yield {
      subject: place(first),
      severity: 'warning',
      message: `${first.file}:${first.line}${others.length === 0 ? ' builds' : ` and ${others.length} more ${others.length === 1 ? 'file build' : 'files build'}`} the schema of tests with create_all(); they never see what the chain lacks.`,
      evidence: tests.slice(0, 5).map(evidence),
      remedy: advice(`Build the test database with \`alembic upgrade head\` in ${first.file}`, 'file-edit'),
    };
  },
});

function place({ file, line }: Migrator) {
  return { kind: 'file' as const, name: file, file, line };
}

function evidence({ text, file, line }: Migrator) {
  return { origin: 'config' as const, text, file, line };
}

function firstOfFile(all: readonly Migrator[], index: number): boolean {
  return all.findIndex(({ file }) => file === all[index]?.file) === index;
}
