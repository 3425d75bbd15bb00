/**
 * Introspection of 10,000 tables with 100,000 columns beside `pg_dump --schema-only` of the same server.
 * Run: npm run build && node test/bench/introspect.mjs [tables]. Wants a PostgreSQL installation that has pg_dump: the newest
 * of Debian's, or the folder in PG_BIN.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect, introspect, startEmbeddedServer, urlOf } from '../../dist/database.js';

const count = Number(process.argv[2] ?? 10_000);
const debian = '/usr/lib/postgresql';
const installed = existsSync(debian)
  ? readdirSync(debian)
      .sort()
      .map((major) => join(debian, major, 'bin'))
  : [];
const folder = process.env.PG_BIN ?? installed.findLast((bin) => existsSync(join(bin, 'pg_dump')));
if (!folder) throw new Error('No PostgreSQL installation with pg_dump: set PG_BIN.');

const table = (n) => `
  create table t${n} (id serial primary key, parent integer references t${Math.max(0, n - 1)} (id), a varchar(40) not null default 'x' check (a <> ''),
    b numeric(10, 2), c timestamptz default now(), d text, e jsonb default '{}', f boolean not null default false, g integer, h text);
  create index on t${n} (lower(a));
  create index on t${n} (g, h desc) where f`;

const server = await startEmbeddedServer({
  binaries: { folder, key: `bench-${folder.replace(/\W+/g, '-')}` },
  tcp: true,
});
try {
  const timeouts = { connectMs: 10_000, statementMs: 0, lockMs: 0 };
  const writer = await connect(server.target, { readOnly: false, timeouts });
  for (let from = 0; from < count; from += 100) {
    await writer.query(
      Array.from({ length: Math.min(100, count - from) }, (_, place) => table(from + place)).join(';'),
    );
  }
  await writer.query('vacuum analyze');
  await writer.close();
  const rounds = [];
  for (let round = 0; round < 3; round++) {
    let started = performance.now();
    execFileSync(join(folder, 'pg_dump'), ['--schema-only', '-f', '/dev/null', urlOf(server.target)]);
    const dumpMs = Math.round(performance.now() - started);
    started = performance.now();
    const reader = await connect(server.target, { readOnly: true, timeouts });
    const { schema } = await introspect(reader);
    await reader.close();
    rounds.push({
      tables: schema.tables.size,
      'pg_dump ms': dumpMs,
      'introspect ms': Math.round(performance.now() - started),
    });
  }
  console.table(rounds);
  console.log(`Most memory: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
} finally {
  await server.stop();
}
