/** Ids looked up by natural key in shapes of seeds: the patched seed runs twice, on an empty database and beside other ids. */
import { describe, expect, it } from 'vitest';
import { testDatabase } from '../support/postgres.ts';
import { patched, worldOf } from './support.ts';

const schema = `CREATE TABLE tenants (id int PRIMARY KEY, slug text NOT NULL UNIQUE);
CREATE TABLE users (id uuid PRIMARY KEY, email text NOT NULL UNIQUE, tenant_id int NOT NULL REFERENCES tenants (id));
CREATE TABLE places (id text PRIMARY KEY, land text, town text, UNIQUE (land, town));
CREATE TABLE members (user_id uuid REFERENCES users (id), tenant_id int REFERENCES tenants (id), place text REFERENCES places (id), PRIMARY KEY (user_id, tenant_id));`;
const other = `INSERT INTO tenants VALUES (77, 'acme'); INSERT INTO places VALUES ('live', 'DE', 'Ulm');
INSERT INTO users VALUES ('00000000-0000-0000-0000-0000000000aa', 'a@x', 77);`;
const user = '11111111-1111-1111-1111-111111111111';

const seeds: Record<string, string> = {
  'statements of several rows, an integer, a uuid, a key of two columns': `INSERT INTO tenants (id, slug) VALUES
  (1, 'acme'),   -- first
  (2, 'beta') ON CONFLICT (slug) DO NOTHING;
INSERT INTO users (id, email, tenant_id) VALUES ('${user}'::uuid, 'a@x', 1) ON CONFLICT (email) DO NOTHING;
INSERT INTO places (id, land, town) VALUES ('seed', 'DE', 'Ulm') ON CONFLICT (land, town) DO NOTHING;
INSERT INTO members (user_id, tenant_id, place) VALUES
  ('${user}', 1, 'seed') /* 🌱 */ ON CONFLICT (user_id, tenant_id) DO NOTHING;
`,
  'INSERT … SELECT': `INSERT INTO tenants (id, slug) SELECT 1, 'acme' ON CONFLICT (slug) DO NOTHING;
INSERT INTO users (id, email, tenant_id) SELECT '${user}', 'a@x', 1 ON CONFLICT (email) DO NOTHING;
INSERT INTO places (id, land, town) VALUES ('seed', 'DE', 'Ulm') ON CONFLICT (land, town) DO NOTHING;
INSERT INTO members (user_id, tenant_id, place) SELECT '${user}', t.id, 'seed' FROM tenants t WHERE t.id = 1 ON CONFLICT (user_id, tenant_id) DO NOTHING;
`,
  'a block, and a statement after it': `DO $$
BEGIN
  INSERT INTO tenants (id, slug) VALUES (1, 'acme') ON CONFLICT (slug) DO NOTHING;
  INSERT INTO users (id, email, tenant_id) VALUES ('${user}', 'a@x', 1) ON CONFLICT (email) DO NOTHING;
  INSERT INTO places (id, land, town) VALUES ('seed', 'DE', 'Ulm') ON CONFLICT (land, town) DO NOTHING;
END $$;
INSERT INTO members (user_id, tenant_id, place) VALUES ('${user}', 1, 'seed') ON CONFLICT (user_id, tenant_id) DO NOTHING;
`,
};

describe.each(Object.entries(seeds))('%s', (_, text) => {
  it.each([
    ['an empty database', '', ['11111111', 1, 'seed']],
    ['other ids', other, ['00000000', 77, 'live']],
  ])('on %s', async (_name, rows, expected) => {
    await using db = await testDatabase({ sql: `${schema} ${rows}` });
    const world = worldOf(schema);
    const { text: sql, refused } = patched(text, world, { resolveIds: true });
    expect(refused).toEqual([]);
    expect(patched(sql, world, { resolveIds: true }).edits).toEqual([]);
    for (let run = 0; run < 2; run++) {
      await db.connection.query(sql);
      const found = await db.connection.query<{ u: string; t: number; p: string }>(
        'SELECT left(user_id::text, 8) AS u, tenant_id AS t, place AS p FROM members',
      );
      expect(found.rows.map(({ u, t, p }) => [u, t, p])).toEqual([expected]);
    }
  });
});
