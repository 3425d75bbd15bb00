/**
 * Several replicas or workers of one service each run the upgrade when they start, without a lock that would let one go
 * first; or a lock would mean nothing, since the connection goes through a transaction-mode pooler.
 */
import type { Migrator } from '../model/migrator.ts';
import type { ProjectFacts } from '../model/project.ts';
import { advice, defineRule } from './rule.ts';

/** `gunicorn -w 4`, `uvicorn --workers 4`, `WEB_CONCURRENCY=4`. */
const workers =
  /\b(?:gunicorn|uvicorn|hypercorn|granian|fastapi)\b[^\n#]*?[\s"'](?:-w|--workers)["',=\s]+(\d+)|\bWEB_CONCURRENCY\s*[=:]\s*"?(\d+)/;

export default defineRule({
  id: 'concurrent-migrators',
  title: 'several replicas run the upgrade at once',
  severity: 'warning',
  needs: ['config'],
  docs: {
    problem:
      'A service that is started in several replicas or workers runs `alembic upgrade` when it starts, or Alembic connects through a pooler in transaction mode, where a session lock means nothing.',
    consequence: 'Two upgrades at once: one of them dies with a duplicate key in pg_type, or both half-way.',
    repair:
      'Run the upgrade once, as a job before the deploy; or take an advisory lock in env.py, on a direct connection.',
  },
  *check({ config }) {
    const upgrades = config.migrators.filter(({ act, occasion }) => act === 'upgrade' && occasion === 'start-up');
    const env = config.env.file;
    const isLocked = config.migrators.some(({ file, takesLock }) => file === env && takesLock);
    const advised = advice(
      `Run the upgrade once before the replicas start, or take pg_advisory_lock in ${env ?? 'env.py'}`,
      'file-edit',
    );
    const told = new Set<string>();
    for (const upgrade of upgrades) {
      const { file, line, text, replicas, takesLock } = upgrade;
      // env.py itself is what the others run.
      if (isLocked || takesLock || file === env || told.has(file)) continue;
      const many = replicas !== null && replicas > 1 ? { count: replicas, what: 'replicas', file, line, text } : null;
      const started = many ?? (file.endsWith('.py') ? workersOf(config) : null);
      if (started === null) continue;
      told.add(file);
      yield {
        subject: { kind: 'file', name: file, file, line },
        certainty: 'suspected',
        message: `${file}:${line} runs the upgrade in each of ${started.count} ${started.what}; two at once fail on each other.`,
        evidence: [
          { origin: 'config', text, file, line },
          ...(started.file === file
            ? []
            : [{ origin: 'config' as const, text: started.text, file: started.file, line: started.line }]),
        ],
        remedy: advised,
      };
    }
    for (const { url, file, line } of pooledUrls(config)) {
      yield {
        subject: { kind: 'file', name: file, file, ...(line === null ? {} : { line }) },
        detail: 'pooler',
        certainty: 'suspected',
        message: `${file} lets Alembic connect to ${url}, a pooler in transaction mode by its look: session locks and SET mean nothing there.`,
        evidence: [{ origin: 'config', text: url, file, ...(line === null ? {} : { line }) }],
        remedy: advice(`Give Alembic a URL of the server itself in ${file}`, 'file-edit'),
      };
    }
  },
});

function workersOf({ surroundings }: ProjectFacts) {
  for (const { file, kind, text } of surroundings) {
    if (kind === 'python' || kind === 'ci' || kind === 'package') continue;
    const found = workers.exec(text);
    const count = Number(found?.[1] ?? found?.[2] ?? 0);
    if (found === null || count < 2) continue;
    const line = text.slice(0, found.index).split('\n').length;
    const shown = (text.split(/\r?\n/)[line - 1] ?? '').trim().slice(0, 160);
    return { count, what: 'workers', file, line, text: shown };
  }
  return null;
}

/** Host and port alone: a URL may hold a password. Supabase's transaction mode is port 6543, `pgbouncer=true` Prisma's word for it. */
function pooledUrls({ config, migrators }: ProjectFacts): { url: string; file: string; line: number | null }[] {
  const given: { url: string; file: string; line: number | null }[] = migrators
    .filter((one): one is Migrator & { url: string } => one.url !== null && one.act === 'upgrade')
    .map(({ url, file, line }) => ({ url, file, line }));
  if (config.url !== null && config.file !== null) given.push({ url: config.url, file: config.file, line: null });
  const seen = new Set<string>();
  return given.flatMap(({ url, file, line }) => {
    const place = /^[^:]+:\/\/(?:[^/]*@)?([^/?#@]+)/.exec(url)?.[1] ?? '';
    const isPooled =
      /:6543$/.test(place) || /[?&]pgbouncer=true\b/.test(url) || /^(?:pgbouncer|pgcat|odyssey)(?::|$)/.test(place);
    if (!isPooled || seen.has(file)) return [];
    seen.add(file);
    return [{ url: place, file, line }];
  });
}
