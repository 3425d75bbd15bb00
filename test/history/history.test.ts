/** What git tells of the revisions, in repositories made for it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readHistory } from '../../src/history/index.ts';
import { revisionText } from '../support/revision-files.ts';

const hasGit = spawnSync('git', ['--version']).status === 0;
if (!hasGit && process.env.CI) throw new Error('No git on this CI machine');
const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

class Repository {
  readonly dir = mkdtempSync(join(tmpdir(), 'chain-history-'));
  private clock = 1_700_000_000;

  constructor() {
    made.push(this.dir);
    this.git('init', '-q', '-b', 'main');
  }

  git(...args: string[]): void {
    const date = `${this.clock++} +0000`;
    execFileSync(
      'git',
      ['-c', 'user.name=A B', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false', '-c', 'tag.gpgsign=false', ...args],
      {
        cwd: this.dir,
        env: { ...process.env, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
        stdio: 'ignore',
      },
    );
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.dir, file)), { recursive: true });
    writeFileSync(join(this.dir, file), text);
  }

  commit(subject: string): void {
    this.git('add', '-A');
    this.git('commit', '-q', '-m', subject);
  }
}

const request = { versionLocations: ['alembic/versions'], releaseTags: 'v*' };

describe.skipIf(!hasGit)('readHistory', () => {
  it('tells released, deleted and other ids, by trees and not by ancestry', async () => {
    const repository = new Repository();
    const versions = 'backend/alembic/versions';
    repository.write(`${versions}/a.py`, revisionText('aaaa', null));
    repository.write(`${versions}/b.py`, revisionText('bbbb', 'aaaa'));
    repository.commit('first');
    repository.git('tag', 'v1.0');
    // A release that main never contains.
    repository.git('checkout', '-q', '-b', 'release');
    repository.write(`${versions}/r.py`, revisionText('rrrr', 'bbbb'));
    repository.commit('released from a branch');
    repository.git('tag', '-a', 'v1.1', '-m', 'x');
    repository.git('tag', 'other-1');
    repository.git('checkout', '-q', 'main');
    repository.git('rm', '-q', `${versions}/b.py`);
    repository.write(`${versions}/c ö.py`, revisionText('cccc', 'aaaa'));
    repository.commit('drop b, add c');
    repository.write(`${versions}/d.py`, revisionText('dddd', 'cccc'));
    const history = await readHistory({ ...request, projectDir: join(repository.dir, 'backend') });
    expect(history.reason).toBeNull();
    expect([...history.releasedById]).toEqual([
      ['aaaa', 'v1.0'],
      ['bbbb', 'v1.0'],
      ['rrrr', 'v1.1'],
    ]);
    expect([...history.deletedById.keys()]).toEqual(['bbbb']);
    expect(history.deletedById.get('bbbb')).toMatchObject({
      path: 'alembic/versions/b.py',
      subject: 'drop b, add c',
      isBefore: true,
      author: 'A B',
      content: revisionText('bbbb', 'aaaa'),
    });
    expect(history.elsewhereById.get('rrrr')).toEqual(['other-1', 'release', 'v1.1']);
    expect(history.addedByFile.get('alembic/versions/c ö.py')).toMatchObject({ subject: 'drop b, add c' });
    expect(history.addedByFile.get('alembic/versions/a.py')).toMatchObject({ subject: 'first' });
    expect(history.addedByFile.has('alembic/versions/d.py')).toBe(false);
  });

  it('finds an id that was changed in place', async () => {
    const repository = new Repository();
    repository.write('alembic/versions/a.py', revisionText('old1', null));
    repository.commit('first');
    repository.write('alembic/versions/a.py', revisionText('new1', null));
    repository.commit('second');
    const history = await readHistory({ ...request, projectDir: repository.dir });
    expect([...history.deletedById.keys()]).toEqual(['old1']);
    expect(history.deletedById.get('old1')).toMatchObject({ subject: 'first', isBefore: false });
  });

  it('does not take an outer repository that does not know the project', async () => {
    const repository = new Repository();
    repository.write('README', 'x');
    repository.write('.gitignore', 'inner/\n');
    repository.commit('first');
    repository.write('inner/alembic/versions/a.py', revisionText('aaaa', null));
    const history = await readHistory({ ...request, projectDir: join(repository.dir, 'inner') });
    expect(history).toMatchObject({ isAvailable: false, reason: 'the repository does not track the revision files' });
  });

  it('is not led elsewhere by the environment, and needs a repository', async () => {
    const repository = new Repository();
    repository.write('alembic/versions/a.py', revisionText('aaaa', null));
    repository.commit('first');
    const outside = mkdtempSync(join(tmpdir(), 'chain-history-'));
    made.push(outside);
    process.env.GIT_DIR = join(repository.dir, '.git');
    try {
      const history = await readHistory({ ...request, projectDir: outside });
      expect(history.isAvailable).toBe(false);
      expect(history.reason).toContain('not a git repository');
    } finally {
      delete process.env.GIT_DIR;
    }
  });

  it('runs no program that the repository names', async () => {
    const repository = new Repository();
    repository.write('alembic/versions/a.py', revisionText('aaaa', null));
    repository.commit('first');
    repository.write('alembic/versions/a.py', revisionText('aaaa', null).replace('down', '# edited\ndown'));
    repository.commit('second');
    const ask = (args: string[], input?: string) =>
      execFileSync('git', args, {
        cwd: repository.dir,
        encoding: 'utf8',
        ...(input === undefined ? {} : { input }),
      }).trim();
    const signature = ['-----BEGIN PGP SIGNATURE-----', '', 'none', '-----END PGP SIGNATURE-----'].join('\n ');
    const [first, ...rest] = ask(['cat-file', 'commit', 'HEAD']).split('\n\n');
    const signed = ask(
      ['hash-object', '-t', 'commit', '-w', '--stdin'],
      `${first}\ngpgsig ${signature}\n\n${rest.join('\n\n')}\n`,
    );
    repository.git('reset', '-q', '--hard', signed);
    const program = join(repository.dir, 'evil.sh');
    writeFileSync(program, `#!/bin/sh\necho "$0 $*" >> ${join(repository.dir, 'ran')}\n`, { mode: 0o755 });
    const lost = ask(['rev-parse', 'HEAD~:alembic/versions/a.py']);
    rmSync(join(repository.dir, '.git/objects', lost.slice(0, 2), lost.slice(2)));
    writeFileSync(join(repository.dir, '.git/objects/pack/x.promisor'), '');
    for (const [name, value] of [
      ['core.fsmonitor', program],
      ['core.pager', program],
      ['core.sshCommand', program],
      ['diff.external', program],
      ['log.showSignature', 'true'],
      ['gpg.program', program],
      ['core.repositoryformatversion', '1'],
      ['extensions.partialClone', 'x'],
      ['remote.x.promisor', 'true'],
      ['remote.x.url', join(repository.dir, '.git')],
      ['remote.x.uploadpack', program],
      ['remote.x.fetch', '+refs/heads/*:refs/remotes/x/*'],
      ['protocol.file.allow', 'always'],
      ['log.showRoot', 'false'],
    ] as const)
      ask(['config', name, value]);
    const history = await readHistory({ projectDir: repository.dir, ...request });
    expect(history.isAvailable).toBe(true);
    expect(history.addedByFile.get('alembic/versions/a.py')?.subject).toBe('first');
    expect(existsSync(join(repository.dir, 'ran'))).toBe(false);
  });

  it('says where there is no git, no commit, no time', async () => {
    const repository = new Repository();
    repository.write('alembic/versions/a.py', revisionText('aaaa', null));
    expect((await readHistory({ ...request, projectDir: repository.dir })).reason).toBe(
      'the repository has no commit yet',
    );
    repository.commit('first');
    expect((await readHistory({ ...request, projectDir: repository.dir, timeLimitMs: 0 })).reason).toBe(
      'git took too long',
    );
    const path = process.env.PATH;
    process.env.PATH = '/nonexistent';
    try {
      expect((await readHistory({ ...request, projectDir: repository.dir })).reason).toBe('git is not installed');
    } finally {
      process.env.PATH = path;
    }
  });
});
