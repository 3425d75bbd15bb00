/** `chain gate --base` and `--write-lock`, in repositories made for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseLock, writeLock } from '../../src/model/chain-lock.ts';
import { run } from '../support/in-process.ts';

const hasGit = spawnSync('git', ['--version']).status === 0;
if (!hasGit && process.env.CI) throw new Error('No git on this CI machine');
const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function revision(id: string, parent: string | null, table: string): string {
  return `"""create ${table}"""
from alembic import op
import sqlalchemy as sa

revision = '${id}'
down_revision = ${parent === null ? 'None' : `'${parent}'`}


def upgrade():
    op.create_table('${table}', sa.Column('id', sa.Integer(), primary_key=True))


def downgrade():
    op.drop_table('${table}')
`;
}

const [a, b, c] = ['6f1d0a3c9e27', 'b48e5c7d1f90', 'd29a7b0e4c63'] as const;
const fileA = 'alembic/versions/a.py';
const fileB = 'alembic/versions/b.py';
const fileC = 'alembic/versions/c.py';

class Repository {
  readonly dir = mkdtempSync(join(tmpdir(), 'chain-gate-'));
  private clock = 1_700_000_000;

  constructor() {
    made.push(this.dir);
    this.git('init', '-q', '-b', 'main');
    this.write('alembic.ini', '[alembic]\nscript_location = alembic\n');
    this.write('alembic/env.py', 'target_metadata = None\n');
    this.write(fileA, revision(a, null, 'authors'));
    this.write(fileC, revision(c, a, 'readers'));
    this.commit('released');
    this.git('checkout', '-q', '-b', 'feature');
  }

  git(...args: string[]): void {
    const date = `${this.clock++} +0000`;
    const options = ['-c', 'user.name=A B', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false'];
    execFileSync('git', [...options, '-c', 'protocol.file.allow=always', ...args], {
      cwd: this.dir,
      env: { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
      stdio: 'ignore',
    });
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), text);
  }

  commit(subject: string): void {
    this.git('add', '-A');
    this.git('commit', '-q', '-m', subject);
  }

  gate(flags: Record<string, unknown> = {}) {
    return run('gate', { project: this.dir, format: 'json', offline: true, ...flags });
  }
}

const ofHistory = /^(?:revision-|multiple-|applied-|released-)/;
const keysOf = (gated: Awaited<ReturnType<Repository['gate']>>) =>
  gated
    .report()
    .findings.map(({ key }) => key)
    .filter((key) => ofHistory.test(key));

describe.skipIf(!hasGit)('chain gate --base', () => {
  it('sees a revision inserted behind one of the base ref (torture case 5)', async () => {
    const repository = new Repository();
    repository.write(fileB, revision(b, a, 'awards'));
    repository.write(fileC, revision(c, b, 'readers'));
    repository.commit('put b in between');
    expect(keysOf(await repository.gate())).toEqual([]);
    const gated = await repository.gate({ base: 'main' });
    expect(gated.exitCode).toBe(1);
    expect(keysOf(gated)).toEqual([`revision-inserted-behind:${b}`]);
    expect(gated.report().findings[0]?.remedy?.summary).toContain(`Set ${b}'s parent to ${c}`);
    expect((await repository.gate({ base: 'main' })).out).toBe(gated.out);
  });

  it('sees what was edited, and not what was only laid out anew', async () => {
    const repository = new Repository();
    repository.write(fileA, `# reviewed\n${revision(a, null, 'authors').replaceAll("'", '"')}`);
    repository.write(fileC, revision(c, a, 'members'));
    expect(keysOf(await repository.gate({ base: 'main' }))).toEqual([`applied-revision-edited:${c}`]);
  });

  it('accuses no branch of what the base ref has done since', async () => {
    const repository = new Repository();
    repository.git('checkout', '-q', 'main');
    repository.write(fileB, revision(b, c, 'awards'));
    repository.write(fileC, revision(c, a, 'members'));
    repository.commit('edit c on main, add b');
    repository.git('checkout', '-q', 'feature');
    expect(keysOf(await repository.gate({ base: 'main' }))).toEqual([]);
  });

  it('sees what was removed', async () => {
    const repository = new Repository();
    rmSync(join(repository.dir, fileC));
    repository.commit('drop c');
    expect(keysOf(await repository.gate({ base: 'main' }))).toEqual([`released-revision-removed:${c}`]);
  });

  it('re-parents the side that the base ref does not have', async () => {
    const repository = new Repository();
    repository.write(fileB, revision(b, a, 'awards'));
    const gated = await repository.gate({ base: 'main' });
    expect(keysOf(gated)).toEqual([`multiple-heads:${b}, ${c}`]);
    expect(gated.report().findings[0]?.remedy?.summary).toContain(`Set down_revision of ${b} to ${c}: ${c} is on main`);
  });

  it('takes what only origin has, and says when there is no such ref', async () => {
    const repository = new Repository();
    const clone = mkdtempSync(join(tmpdir(), 'chain-gate-'));
    made.push(clone);
    repository.git('clone', '-q', '-b', 'feature', repository.dir, clone);
    writeFileSync(join(clone, fileC), revision(c, a, 'members'));
    const gated = await run('gate', { project: clone, format: 'json', offline: true, base: 'main' });
    expect(gated.report().findings[0]?.message).toContain('is on origin/main');
    for (const base of ['nowhere', '--all', '']) {
      const refused = await run('gate', { project: clone, format: 'json', offline: true, base });
      expect([refused.error?.code, refused.exitCode]).toEqual(['usage', 2]);
    }
    const hint = (await run('gate', { project: clone, offline: true, base: 'nowhere' })).error?.hint;
    expect(hint).toContain('git fetch --depth=1 origin nowhere');
    const outside = mkdtempSync(join(tmpdir(), 'chain-gate-'));
    made.push(outside);
    mkdirSync(join(outside, 'alembic/versions'), { recursive: true });
    writeFileSync(join(outside, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    expect((await run('gate', { project: outside, offline: true, base: 'main' })).error?.code).toBe('usage');
  });

  it('says what a shallow clone cannot know', async () => {
    const repository = new Repository();
    repository.write(fileB, revision(b, c, 'awards'));
    repository.commit('more');
    const clone = mkdtempSync(join(tmpdir(), 'chain-gate-'));
    made.push(clone);
    repository.git('clone', '-q', '--depth=1', '-b', 'feature', `file://${repository.dir}`, clone);
    const { notChecked } = (await run('gate', { project: clone, format: 'json', offline: true })).report();
    expect(notChecked.find(({ rule }) => rule === 'revision-inserted-behind')?.reason).toContain('--unshallow');
  });
});

describe('chain gate --write-lock', () => {
  it('locks what each revision does, and accuses an edit until it is accepted', async () => {
    const repository = new Repository();
    const locked = await repository.gate({ writeLock: true });
    expect([locked.exitCode, locked.out]).toEqual([0, '']);
    expect(locked.said).toBe('Wrote 2 revisions to chain.lock; commit it.\n');
    const lock = readFileSync(join(repository.dir, 'chain.lock'), 'utf8');
    expect(lock.split('\n').filter((line) => !line.startsWith('#'))).toEqual([
      expect.stringMatching(new RegExp(`^[0-9a-f]{32} [0-9a-f]{32} ${a}$`)),
      expect.stringMatching(new RegExp(`^[0-9a-f]{32} [0-9a-f]{32} ${c}$`)),
      '',
    ]);
    expect(keysOf(await repository.gate())).toEqual([]);
    // A new parent is no edit: that is how unreleased revisions are put in line.
    repository.write(fileB, revision(b, a, 'awards'));
    repository.write(fileC, revision(c, b, 'readers'));
    expect(keysOf(await repository.gate())).toEqual([]);
    repository.write(fileC, revision(c, b, 'members'));
    expect(keysOf(await repository.gate())).toEqual([`applied-revision-edited:${c}`]);
    expect((await repository.gate({ writeLock: true })).said).toContain(`Accepted as edited: ${c}.`);
    expect(keysOf(await repository.gate())).toEqual([]);
    // What was accepted is accepted against a ref too.
    expect(keysOf(await repository.gate({ base: 'main' }))).toEqual([`revision-inserted-behind:${b}`]);
  });
});

describe('chain.lock', () => {
  const hash = { upgrade: 'a'.repeat(32), downgrade: 'b'.repeat(32) };

  it('is read as it was written, sorted', () => {
    const text = writeLock(
      new Map([
        ['z 1', hash],
        ['b', hash],
      ]),
    );
    expect([...parseLock('chain.lock', text).hashById]).toEqual([
      ['b', hash],
      ['z 1', hash],
    ]);
    expect(parseLock('chain.lock', text.replaceAll('\n', '\r\n')).hashById.size).toBe(2);
  });

  it.each([
    ['an unresolved merge conflict', '<<<<<<< HEAD'],
    ['no entry of a lock', 'b 1234'],
    ['b stands there twice', `${hash.upgrade} ${hash.downgrade} b`],
  ])('believes nothing of a file with %s', (reason, line) => {
    const lock = parseLock('chain.lock', `${writeLock(new Map([['b', hash]]))}${line}\n`);
    expect(lock).toEqual({ file: 'chain.lock', hashById: new Map(), fault: { line: 4, reason } });
  });
});

describe('rules by name', () => {
  it.each([
    ['only', ['revision-cycel'], 'Did you mean revision-cycle?'],
    ['skip', ['xyz'], '`chain explain` lists all rules.'],
  ])('--%s refuses a rule that is none', async (flag, ids, hint) => {
    const { error } = await run('gate', { project: tmpdir(), offline: true, [flag]: ids });
    expect([error?.code, error?.hint]).toEqual(['usage', expect.stringContaining(hint)]);
  });

  it('so do the settings', async () => {
    const repository = new Repository();
    for (const settings of [
      { severity: { 'revision-cycel': 'info' } },
      { ignore: [{ rule: 'revision-cycel', reason: 'x' }] },
    ]) {
      repository.write('chain.config.json', JSON.stringify(settings));
      expect((await repository.gate()).error?.code).toBe('usage');
    }
  });
});
