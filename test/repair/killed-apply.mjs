/** Applies a plan with the built program and ends itself with SIGKILL at the point its environment names. */
import { readFileSync } from 'node:fs';

const { DIST, PLAN, SETTINGS, DATABASE, POINT } = process.env;
const { parseDatabaseUrl } = await import(`${DIST}/database.js`);
const { applyPlan, parsePlan } = await import(`${DIST}/repair.js`);

await applyPlan(parsePlan(readFileSync(PLAN, 'utf8'), PLAN), {
  settings: JSON.parse(SETTINGS),
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
