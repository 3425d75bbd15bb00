/** A restored revision declares objects of its own: they are in the same plan. */
import { execFileSync } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openScratch } from '../../src/database/index.ts';
import { diagnose } from '../../src/diagnose.ts';
import { type Foreseen, foresee } from '../../src/repair/index.ts';
import { gitEnvironment, hasGit } from '../support/fixture.ts';
import { testDatabase } from '../support/postgres.ts';
import { makeProject } from '../support/revision-files.ts';
import { settingsFor } from './settings.ts';

const revision = (id: string, parent: string | null, body: string) =>
  `from alembic import op\n\nrevision = "${id}"\ndown_revision = ${parent === null ? 'None' : `"${parent}"`}\n\n\ndef upgrade():\n    op.execute("${body}")\n\n\ndef downgrade():\n    pass\n`;
const table = (name: string, more = '') => `CREATE TABLE ${name} (id int PRIMARY KEY${more})`;

describe.skipIf(!hasGit())('foresee', () => {
  it('restores files one behind the other, and creates what they declare', async () => {
    const project = makeProject({
      'a.py': revision('aaaa11112222', null, table('boats')),
      'b.py': revision('bbbb11112222', 'aaaa11112222', table('berths')),
      'c.py': revision('cccc11112222', 'bbbb11112222', table('moorings', ', berth_id int')),
      'd.py': revision('dddd11112222', 'cccc11112222', table('bills', ', mooring_id int REFERENCES moorings (id)')),
    });
    const git = (...words: string[]) =>
      execFileSync('git', words, { cwd: project.dir, env: gitEnvironment, stdio: 'ignore' });
    git('init', '-q', '-b', 'main');
    git('add', '.');
    git('commit', '-q', '-m', 'one');
    for (const file of ['b.py', 'c.py']) unlinkSync(join(project.dir, 'alembic/versions', file));
    git('commit', '-q', '-a', '-m', 'two');
    await using database = await testDatabase({
      sql: `${table('boats')}; ${table('bills', ', mooring_id int')};
        CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY); INSERT INTO alembic_version VALUES ('dddd11112222')`,
    });
    const settings = { ...settingsFor(project.dir), url: { text: database.url, from: '--url' as const } };
    const scratch = await openScratch({ scratchUrl: database.url });
    let foreseen: Foreseen | null = null;
    try {
      const diagnosis = await diagnose(settings);
      const options = { stepsFolder: 'migrations', allow: [], mergeDuplicates: false, seed: true };
      const live = database.connection;
      foreseen = await foresee(diagnosis, options, { settings, scratch, live });
      const { plan } = foreseen;
      const restored = plan.patches.filter(({ file }) => /[bc]\.py$/.test(file));
      expect(restored.map(({ file, before }) => [file, before])).toEqual([
        ['alembic/versions/b.py', null],
        ['alembic/versions/c.py', null],
      ]);
      expect(restored.map(({ after }) => after)).toEqual([
        revision('bbbb11112222', 'aaaa11112222', table('berths')),
        revision('cccc11112222', 'bbbb11112222', table('moorings', ', berth_id int')),
      ]);
      expect(plan.steps.map(({ name }) => name.replace(/^\d+_/, ''))).toEqual(
        expect.arrayContaining(['create_berths', 'create_moorings', 'add_bills_mooring_id_fkey']),
      );
      expect(foreseen.diagnosis.graph.faults).toEqual([]);
      expect(foreseen.diagnosis.projectDir).toBe(project.dir);
    } finally {
      await foreseen?.close();
      await scratch.stop();
      project.remove();
    }
  });
});
