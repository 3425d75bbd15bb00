/** Every spelling of a database's address, and that its password stays out of sight. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasLibpqEnvironment, parseDatabaseUrl, redact, urlOf } from '../../src/database/index.ts';
import type { ChainError } from '../../src/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'chain-test-'));
const bare = { HOME: folder };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('parseDatabaseUrl', () => {
  it.each([
    ['postgresql://u:p@h:5433/d', 'h', 5433, 'd', 'u', 'p'],
    ['postgres://u@h/d', 'h', 5432, 'd', 'u', null],
    ['postgresql+psycopg2://u:p%40ss%2Fw%3Ard@h/d', 'h', 5432, 'd', 'u', 'p@ss/w:rd'],
    ['postgresql+asyncpg://u:p@ss@h/d', 'h', 5432, 'd', 'u', 'p@ss'],
    ['postgresql+psycopg://u:100%@h/d', 'h', 5432, 'd', 'u', '100%'],
    ['postgresql://u:p+q@h/d', 'h', 5432, 'd', 'u', 'p+q'],
    ['postgresql://u:a/b?c#d@h/d', 'h', 5432, 'd', 'u', 'a/b?c#d'],
    ['postgresql://u:p@[::1]:6000/d', '::1', 6000, 'd', 'u', 'p'],
    ['postgresql://u@/d?host=/var/run/x&port=6001', '/var/run/x', 6001, 'd', 'u', null],
    ['postgresql://u@%2Ftmp%2Fsock/d', '/tmp/sock', 5432, 'd', 'u', null],
    ['postgresql://?host=h&user=u&dbname=d&password=p', 'h', 5432, 'd', 'u', 'p'],
    ['postgresql://u:p@h', 'h', 5432, 'u', 'u', 'p'],
    ['postgresql://ü%20ser@h/d%C3%A4ta', 'h', 5432, 'däta', 'ü ser', null],
    ["host=h port=7000 dbname='my db' user=u password='it\\'s'", 'h', 7000, 'my db', 'u', "it's"],
  ])('reads %s', (text, host, port, database, user, password) => {
    expect(parseDatabaseUrl(text, bare)).toMatchObject({ host, port, database, user, password });
  });

  it('reads what stands behind the question mark', () => {
    const target = parseDatabaseUrl(
      'postgresql://u@h/d?sslmode=verify-full&sslrootcert=/ca.pem&options=-csearch_path%3Dapp,public&connect_timeout=3&application_name=a%20b&prepared_statement_cache_size=0',
      bare,
    );
    expect(target).toMatchObject({
      ssl: { mode: 'verify-full', rootCertificate: '/ca.pem' },
      options: '-csearch_path=app,public',
      connectTimeoutMs: 3000,
      applicationName: 'a b',
    });
    expect(parseDatabaseUrl('postgresql+asyncpg://u@h/d?ssl=require', bare).ssl.mode).toBe('require');
    expect(parseDatabaseUrl('postgresql://u@h/d', bare).ssl.mode).toBe('prefer');
  });

  it('reads several hosts in libpq’s and in SQLAlchemy’s way', () => {
    const hosts = [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ];
    expect(parseDatabaseUrl('postgresql://u@a:1,b:2/d?target_session_attrs=read-write', bare)).toMatchObject({
      hosts,
      requiresPrimary: true,
    });
    expect(parseDatabaseUrl('postgresql+psycopg2://u@/d?host=a:1&host=b:2', bare)).toMatchObject({ hosts });
    expect(parseDatabaseUrl('host=a,b port=1,2 user=u', bare)).toMatchObject({ hosts });
  });

  it('fills what the text leaves open from the environment, a service and the password file', () => {
    writeFileSync(
      join(folder, 'services'),
      '# none\n[other]\nhost=x\n\n[mine]\nhost=sh\nport=7777\nuser=su\ndbname=sd\n',
    );
    writeFileSync(join(folder, '.pgpass'), 'h:*:d:u:wrong:one\n#sh:7777:sd:su:no\nsh:7777:*:su:pa\\:ss\\\\word\n', {
      mode: 0o600,
    });
    const environment = {
      ...bare,
      PGSERVICE: 'mine',
      PGSERVICEFILE: join(folder, 'services'),
      PGHOST: 'ignored',
      PGSSLMODE: 'require',
    };
    expect(parseDatabaseUrl('', environment)).toMatchObject({
      host: 'sh',
      port: 7777,
      user: 'su',
      database: 'sd',
      password: 'pa:ss\\word',
      ssl: { mode: 'require' },
    });
    expect(
      parseDatabaseUrl('postgresql:///d', { ...bare, PGHOST: 'eh', PGUSER: 'eu', PGPASSWORD: 'ep' }),
    ).toMatchObject({ host: 'eh', user: 'eu', password: 'ep', database: 'd' });
    expect(hasLibpqEnvironment({ PGDATABASE: 'd' })).toBe(true);
    expect(hasLibpqEnvironment({ PGUSER: 'd' })).toBe(false);
  });

  it('does not use a password file that others may read, as libpq', () => {
    const file = join(folder, 'open');
    writeFileSync(file, '*:*:*:*:p\n', { mode: 0o644 });
    expect(parseDatabaseUrl('postgresql://u@h/d', { ...bare, PGPASSFILE: file }).password).toBeNull();
  });

  it.each([
    ['mysql://u:secret@h/d', 'is not PostgreSQL'],
    ['postgresql://u:secret@h:port/d', '"port" as the port'],
    ['postgresql://u:secret@h:99999/d', '"99999" as the port'],
    ['postgresql://u:secret@h/d?sslmode=maybe', 'sslmode=maybe'],
    ['just words secret', 'neither a URL nor'],
    ['postgresql//u:secret@h/d', 'neither a URL nor'],
    ['u:secret@h/d', 'neither a URL nor'],
    ["host=h password='secret@", 'neither a URL nor'],
    ['hots=h password=secret@', '"hots" is no keyword'],
    ['', ''],
  ])('refuses %s with a hint and without the password', (text, part) => {
    if (text === '') return expect(parseDatabaseUrl(text, { ...bare, PGSERVICE: undefined }).user).not.toBe('');
    try {
      parseDatabaseUrl(text, bare);
      expect.unreachable();
    } catch (error) {
      const { code, message, hint } = error as ChainError;
      expect(code).toBe('bad-database-url');
      expect(message).toContain(part);
      expect(hint).toMatch(/\w/);
      if (text.includes('@')) expect(message).not.toContain('secret');
    }
  });

  it('names a service that nobody defines', () => {
    expect(() => parseDatabaseUrl('', { ...bare, PGSERVICE: 'nowhere', PGSERVICEFILE: '/nonexistent' })).toThrow(
      /service "nowhere" is defined in none of/,
    );
  });
});

describe('passwords', () => {
  it('are masked in the printed address and come back in the URL for a child process', () => {
    const target = parseDatabaseUrl('postgresql+psycopg2://u:s%40cret@h/d?sslmode=require', bare);
    expect(target.redacted).toBe('postgresql://u:***@h:5432/d?sslmode=require');
    expect(parseDatabaseUrl(urlOf(target), bare)).toMatchObject({
      password: 's@cret',
      user: 'u',
      host: 'h',
      ssl: { mode: 'require' },
    });
    const socket = parseDatabaseUrl('postgresql://u@/d?host=/tmp/x&port=7', bare);
    expect(parseDatabaseUrl(urlOf(socket), bare)).toMatchObject({ host: '/tmp/x', port: 7, database: 'd' });
  });

  it('are masked in any text', () => {
    expect(redact('at postgresql://u:s3cret@h/d now')).toBe('at postgresql://u:***@h/d now');
    expect(redact('postgresql://u:s@cr@t@h/d')).toBe('postgresql://u:***@h/d');
    expect(redact('host=h password=s3cret user=u')).toBe('host=h password=*** user=u');
    expect(redact("host=h password='a b' user=u")).toBe('host=h password=*** user=u');
    expect(redact('?user=u&password=s3cret&x=y')).toBe('?user=u&password=***&x=y');
    expect(redact('said s3cret/x and s3cret%2Fx', 's3cret/x')).toBe('said *** and ***');
    expect(redact('password authentication failed for user "u"')).toBe('password authentication failed for user "u"');
  });
});
