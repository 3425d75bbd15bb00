import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkExpectations, deriveExpectations, type RowImage, runSeed, undoRows } from '../../src/seeds/index.ts';
import { testDatabase } from '../support/postgres.ts';
import { rowsOf } from '../support/rows.ts';
import { patched, read, worldOf } from './support.ts';

const incident = new URL('../../fixtures/incident/', import.meta.url);
const database = readFileSync(new URL('database.sql', incident), 'utf8');
const seed = readFileSync(new URL('scripts/seed_demo_data.sql', incident), 'utf8');
const missing = `
  CREATE TABLE tenant_roles (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES tenants (id) ON DELETE CASCADE, name varchar(100) NOT NULL, permissions json NOT NULL, is_system_role boolean DEFAULT false);
  CREATE TABLE platform_connections (id varchar(36) PRIMARY KEY, tenant_id varchar(36) REFERENCES tenants (id), brand_id varchar(36) REFERENCES brands (id), user_id varchar(36) REFERENCES users (id), platform text, account_id text, account_name text, status text, created_at timestamp, updated_at timestamp);
`;

describe('the incident seed', () => {
  it('fails as it is, says where, and leaves nothing behind', async () => {
    await using db = await testDatabase({ sql: database + missing });
    const before = await rowsOf(db.target);
    await expect(runSeed(db.connection, read(seed))).rejects.toMatchObject({
      code: 'seed-failed',
      message: expect.stringMatching(
        /^scripts\/seed\.sql:71: insert or update on table "tenant_users".*\n {2}Key \(user_id\)=\(user-demo-main\).*\n {2}71 \| .*\n +\| +\^$/,
      ),
    });
    expect(await rowsOf(db.target)).toEqual(before);
  });

  it('runs once patched, fulfils what it promises, changes nothing more the second time, and is taken back row by row', async () => {
    await using db = await testDatabase({ sql: database + missing });
    const world = worldOf(database + missing);
    const { text, refused } = patched(seed, world, {
      resolveIds: true,
      makeSkipsLoud: true,
      fillColumns: [{ table: 'public.brand_members', column: 'id' }],
    });
    expect(refused).toEqual([]);
    const reading = read(text);
    const before = await rowsOf(db.target);
    const kept: RowImage[] = [];
    const notices: string[] = [];
    const run = await runSeed(db.connection, reading, {
      onNotice: ({ message }) => notices.push(message),
      onRowImages: async (images) => void kept.push(...images),
    });
    expect(notices[0]).toBe('🌱 Starting Demo Data Seeding - Version 1.1.0');
    expect(notices.at(-1)).toBe('✅ Demo Data Seeding Completed Successfully!');
    const summary = Object.fromEntries(
      run.summary.map(({ table, inserted, updated, unchanged, deleted }) => [
        table,
        [inserted, updated, unchanged, deleted],
      ]),
    );
    expect(summary).toEqual({
      'public.brand_members': [11, 0, 0, 0],
      'public.brands': [4, 4, 0, 0],
      'public.platform_connections': [4, 0, 0, 0],
      'public.seed_versions': [1, 0, 0, 0],
      'public.tenant_roles': [5, 0, 0, 0],
      'public.tenant_users': [7, 0, 1, 0],
      'public.tenants': [4, 1, 0, 0],
      'public.users': [3, 1, 0, 0],
    });
    const promised = deriveExpectations(reading, world);
    expect(promised.map(({ name, expected }) => [name, expected])).toContainEqual([
      'brands and users joined by public.brand_members',
      11,
    ]);
    expect((await checkExpectations(db.connection, promised)).filter(({ isMet }) => isMet !== true)).toEqual([]);

    const again = await runSeed(db.connection, reading);
    expect(again.summary.every(({ inserted, deleted }) => inserted === 0 && deleted === 0)).toBe(true);
    await db.connection.transaction(async () => {
      expect(await undoRows(db.connection, again.images)).toMatchObject({ conflicts: [] });
      expect(await undoRows(db.connection, kept)).toMatchObject({ removed: 39, restored: 6, conflicts: [] });
    });
    expect(await rowsOf(db.target)).toEqual(before);
  });
});
