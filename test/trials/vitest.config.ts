import { defineConfig } from 'vitest/config';

/** Trials: the same assertions as tests, many more times. `CHAIN_TRIALS=full` runs all of each; else a sample. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/trials/**/*.trial.ts'],
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    passWithNoTests: true,
  },
});
