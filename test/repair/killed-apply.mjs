/** Applies a plan with the built program and ends itself with SIGKILL at the point its environment names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const { DIST, PLAN, SETTINGS, DATABASE, POINT } = process.env;
const { parseDatabaseUrl } = await import(`${DIST}/database.js`);
const { applyPlan, parsePlan } = await import(`${DIST}/repair.js`);

const settings = JSON.parse(SETTINGS);
const textOf = (file) => readFileSync(join(settings.project, file), 'utf8');

await applyPlan(parsePlan(readFileSync(PLAN, 'utf8'), PLAN, textOf), {
  settings,
  env: { versionTable: 'alembic_version', versionTableSchema: null },
  target: parseDatabaseUrl(DATABASE, {}),
  allow: ['not-transactional'],
  withoutRehearsal: false,
  toolVersion: '0',
  faults: {
    at: (point) => {
      if (point === POINT) process.kill(process.pid, 'SIGKILL');
    },
  },
});
