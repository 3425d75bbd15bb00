import { defineConfig } from 'vitest/config';

/** What these change reaches beyond them: modules put in the place of Node's, the environment. */
const alone = ['test/fixtures.test.ts', 'test/generated.test.ts', 'test/history/history.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/postgres-global.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'alone', include: alone } },
      // A worker imports the code once for all its files: half of their time otherwise.
      { extends: true, test: { name: 'together', include: ['test/**/*.test.ts'], exclude: alone, isolate: false } },
    ],
  },
});
