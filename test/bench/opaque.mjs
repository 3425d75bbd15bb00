/**
 * How much of any history is not read: per project the operations, the opaque ones and what had to be assumed, and over all of
 * them the reasons by frequency, names taken out.
 * `npm run build && node test/bench/opaque.mjs [--each] PROJECT…`; a PROJECT is a folder, or `FOLDER:INI`; with `--each`, each
 * opaque operation with its place.
 */
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const isEach = process.argv.includes('--each');
const projects = process.argv.slice(2).filter((one) => !one.startsWith('--'));
const all = { total: 0, opaque: 0 };
const reasons = new Map();
for (const project of projects) {
  const [folder, ini] = project.split(':');
  const started = performance.now();
  const args = ['schema', 'declared', '--no-scratch', '--format', 'json', '--project', folder];
  const config = ini ? ['--config', join(folder, ini)] : [];
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, ...config], {
    encoding: 'utf8',
    maxBuffer: 1e9,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status !== 0) console.log(`${project}: ${stderr.trim().split('\n').slice(0, 3).join(' ')}`);
  else tell(project, JSON.parse(stdout), seconds);
}
console.log(`\n${all.opaque} of ${all.total} operations opaque (${percent(all)})`);
for (const [reason, { count, where }] of [...reasons].sort(([, a], [, b]) => b.count - a.count)) {
  console.log(`${String(count).padStart(5)}  ${reason}  (${[...where].slice(0, 4).join(', ')})`);
}

function tell(project, { operations, blindSpots }, seconds) {
  const assumed = blindSpots.filter((spot) => spot.isAssumption);
  console.log(
    `${project}: ${operations.total} operations, ${operations.opaque} opaque (${percent(operations)}), ${assumed.length} assumptions, ${seconds} s`,
  );
  all.total += operations.total;
  all.opaque += operations.opaque;
  for (const { file, line, reason, objects, isAssumption } of blindSpots) {
    if (isEach)
      console.log(`  ${isAssumption ? 'assumed' : 'opaque'} ${file}:${line}  ${reason}  [${objects.join(', ')}]`);
    if (isAssumption) continue;
    const kind = reason.replaceAll(/`[^`]*`|'[^']*'|"[^"]*"/g, '…').replaceAll(/\d+/g, 'N');
    const entry = reasons.get(kind) ?? { count: 0, where: new Set() };
    entry.count++;
    entry.where.add(basename(project.split(':')[0]));
    reasons.set(kind, entry);
  }
}

function percent({ total, opaque }) {
  return `${((100 * opaque) / Math.max(1, total)).toFixed(2)} %`;
}
