/** Passwords of URLs in texts of any kind, and texts that are too long to be looked through twice. */
import { describe, expect, it } from 'vitest';
import { passwordsIn, statesPassword, withoutPasswords, withoutUrlPasswords } from '../../src/model/secrets.ts';

describe('withoutUrlPasswords', () => {
  it.each([
    [
      'a token of kilobytes',
      `postgresql+psycopg2://me:${'x'.repeat(20_000)}@host/db`,
      'postgresql+psycopg2://me:***@host/db',
    ],
    ['a raw @', 'at postgres://me:p@ss@host/db now', 'at postgres://me:***@host/db now'],
    ['a raw quote', `postgres://me:it's@host/db`, 'postgres://me:***@host/db'],
    ['a long name before it', `x://${'u'.repeat(2_000)}:secret@h`, `x://${'u'.repeat(2_000)}:***@h`],
    ['quoted ones side by side', `{"a":"x://u:one@h","b":"y://v:two@i"}`, `{"a":"x://u:***@h","b":"y://v:***@i"}`],
    ['no user', 'redis://:secret@h', 'redis://:***@h'],
  ])('covers %s', (_, text, clean) => {
    expect(withoutUrlPasswords(text)).toBe(clean);
  });

  it.each(['postgres://host:5432/db', 'mail me@host', 'http://host/a:b', 'x://u:p and y@z', ''])(
    'leaves %j',
    (text) => {
      expect(withoutUrlPasswords(text)).toBe(text);
    },
  );

  it.each([
    ['letters', 'a'.repeat(3_000_000)],
    ['beginnings of URLs', 'a://b:'.repeat(300_000)],
    ['beginnings of URLs in quotes', `@${"a://b:'".repeat(300_000)}`],
  ])('gets through megabytes of %s', (_, text) => {
    expect(withoutUrlPasswords(text)).toBe(text);
  });

  it('gets through megabytes of URLs', () => {
    expect(withoutUrlPasswords(`a://b:c'@`.repeat(300_000))).toBe('a://b:***@'.repeat(300_000));
  });
});

describe('withoutPasswords', () => {
  it.each([
    [`PGPASSWORD='a b' psql`, `PGPASSWORD='***' psql`],
    [`export PGPASSWORD="a b" && x`, `export PGPASSWORD="***" && x`],
    ['host=h password=secret dbname=d', 'host=h password=*** dbname=d'],
    [`host=h password = 'it\\'s' dbname=d`, `host=h password = '***' dbname=d`],
    [`ALTER ROLE app PASSWORD 'it''s' VALID UNTIL 'x'`, `ALTER ROLE app PASSWORD '***' VALID UNTIL 'x'`],
    [`EXECUTE 'ALTER ROLE app PASSWORD ''secret''' || x`, `EXECUTE 'ALTER ROLE app PASSWORD ''***''' || x`],
    [`op.execute('ALTER ROLE a PASSWORD \\'secret\\'')`, `op.execute('ALTER ROLE a PASSWORD \\'***\\'')`],
    [`PASSWORD E'a\\'b'`, `PASSWORD E'***'`],
    ['PASSWORD $$secret$$;', 'PASSWORD $$***$$;'],
    ['PASSWORD $a$sec$b$ret$a$;', 'PASSWORD $a$***$a$;'],
    [`OPTIONS (user 'u', password 'secret')`, `OPTIONS (user 'u', password '***')`],
    [`CONNECTION 'host=h password=secret' PUBLICATION`, `CONNECTION 'host=h password=***' PUBLICATION`],
    ['POSTGRES_PASSWORD: secret', 'POSTGRES_PASSWORD: ***'],
    ['{"db_password": "secret"}', '{"db_password": "***"}'],
    [`ALTER ROLE a PASSWORD 'cut o…`, `ALTER ROLE a PASSWORD '***`],
    ['psql --password=secret; true', 'psql --password=***; true'],
  ])('covers the one in %s', (text, clean) => {
    expect(withoutPasswords(text)).toBe(clean);
    expect(withoutPasswords(clean)).toBe(clean);
  });

  it.each([
    'PGPASSWORD=$PASS psql',
    `PGPASSWORD="$\{PASS}" psql`,
    'password = EXCLUDED.password',
    'hashed_password = NULL',
    'ALTER ROLE a PASSWORD NULL',
    `sa.Column('password', sa.Text())`,
    'the password of the role',
  ])('leaves %s', (text) => {
    expect(withoutPasswords(text)).toBe(text);
    expect(passwordsIn(text)).toEqual([]);
  });

  it.each([
    "password '",
    'password $a$',
    'PASSWORD=',
    "password=''a",
    'A_',
    'pwd  = ',
    `"password" : `,
    `password \\'`,
  ])('gets through megabytes of %j', (text) => {
    const began = performance.now();
    withoutPasswords(text.repeat(200_000));
    withoutPasswords(`password=${text.repeat(200_000)}`);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('statesPassword', () => {
  it.each([
    `CREATE USER MAPPING FOR me SERVER far OPTIONS (user 'u', password 'secret')`,
    `CREATE SUBSCRIPTION s CONNECTION 'host=h password=secret' PUBLICATION p`,
    'ALTER ROLE me PASSWORD $$secret$$',
    `CREATE FUNCTION f() RETURNS text AS $$ SELECT 'postgres://me:secret@h/db' -- it's theirs\n $$ LANGUAGE sql`,
    `ALTER TABLE t ALTER c SET DEFAULT '{"password": "secret"}'`,
  ])('finds it in %s', (sql) => {
    expect(statesPassword(sql)).toBe(true);
  });

  it.each([
    `CREATE TABLE users (password text NOT NULL DEFAULT '', kind text CHECK (kind IN ('password', 'token')))`,
    'CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN UPDATE u SET password=NEW.password; RETURN NEW; END $$',
    `CREATE FUNCTION f() RETURNS void AS $$ BEGIN RAISE NOTICE USING MESSAGE = 'the password ' || name || ' is weak'; END $$`,
    `CREATE VIEW v AS SELECT "it's password" FROM u WHERE password = crypt($1, salt)`,
  ])('finds none in %s', (sql) => {
    expect(statesPassword(sql)).toBe(false);
  });
});
