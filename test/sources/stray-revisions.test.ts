/** Revision files where Alembic does not look. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { findStrayRevisions } from '../../src/sources/alembic/index.ts';

it('finds the files of ids outside the version locations, and locations that are not there', () => {
  const dir = mkdtempSync(join(tmpdir(), 'chain-stray-'));
  const write = (file: string, id: string) => {
    mkdirSync(dirname(join(dir, file)), { recursive: true });
    writeFileSync(join(dir, file), `revision = '${id}'\ndown_revision = None\n\ndef upgrade():\n    pass\n`);
  };
  try {
    write('plugin/versions/one.py', 'aaaa1111');
    write('alembic/versions/two.py', 'bbbb2222');
    write('node_modules/x/versions/three.py', 'cccc3333');
    writeFileSync(join(dir, 'app.py'), `known = ['aaaa1111', 'dddd4444']\n`);
    const locations = ['alembic/versions', 'gone/versions'];
    const ids = ['aaaa1111', 'bbbb2222', 'cccc3333', 'dddd4444'];
    const found = findStrayRevisions(dir, locations, ids);
    expect([...found.strayFileById]).toEqual([['aaaa1111', 'plugin/versions/one.py']]);
    expect(found.absentLocations).toEqual(['gone/versions']);
    expect(findStrayRevisions(dir, locations, [])).toEqual({ strayFileById: new Map(), absentLocations: [] });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
