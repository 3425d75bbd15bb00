/**
 * The command line as a stranger uses it: help, wrong words, no project, a dead server. Each run is a child process.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const incident = fileURLToPath(new URL('../fixtures/incident', import.meta.url));

let folder: string;
let project: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'chain-cli-'));
  project = join(folder, 'project');
  cpSync(incident, project, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function chain(...args: string[]) {
  const { CHAIN_DATABASE_URL, DATABASE_URL, PGHOST, PGSERVICE, PGDATABASE, ...environment } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: environment,
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

describe('usage', () => {
  it('prints help for itself and for each command', () => {
    const { status, stdout } = chain('--help');
    expect(status).toBe(0);
    const commands = [
      'doctor',
      'repair',
      'undo',
      'gate',
      'seed',
      'locate',
      'graph',
      'schema',
      'diff',
      'explain',
      'demo',
    ];
    for (const command of commands) {
      expect(stdout).toContain(`chain ${command}`);
      expect(chain(command, '--help').status).toBe(0);
    }
  });

  it.each([
    [['doctor', '--frobnicate'], '`chain doctor` knows no flag --frobnicate.'],
    [['docter'], 'Did you mean `chain doctor`?'],
    [['doctor', '--fial-on', 'error'], 'knows no flag --fial-on.\n  Did you mean --fail-on?'],
    [['doctor', '--constructor', '1'], 'knows no flag --constructor.'],
    [['schema'], 'declared, live, models'],
    [['doctor', '--url'], 'url'],
    [[], 'Name a command'],
    [['doctor', '--format', 'xml'], 'format'],
    [['doctor', '--fail-on', 'sometimes'], 'fail-on'],
    [['schema', 'imagined'], 'side'],
    [['explain', 'no-such-rule'], 'no-such-rule'],
    [['doctor', '--only', 'no-such-rule'], 'no-such-rule'],
    [['repair', '--plan', 'plan.json'], '--apply'],
    [['repair', '--allow', 'drops,change-rows'], 'Given: "change-rows", Choices: "changes-rows"'],
  ])('refuses %j with exit 2 and a word about it', (args, word) => {
    const { status, stdout, stderr } = chain(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(word);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('takes the flags of all commands in front of the command too', () => {
    const { status, stdout } = chain('--no-color', '--offline', 'doctor', '--project', project);
    expect(status).toBe(1);
    expect(stdout).toContain('missing-parent-revision');
  });

  it('says where there is no project, and how to name one', () => {
    const empty = mkdtempSync(join(tmpdir(), 'chain-empty-'));
    const { status, stderr } = chain('doctor', '--project', empty);
    rmSync(empty, { recursive: true });
    expect(status).toBe(2);
    expect(stderr).toContain('--project');
  });
});

describe('a database that cannot be reached', () => {
  const url = 'postgresql://someone:s3cr3t%2Fword@127.0.0.1:1/nowhere';

  it('ends with 3, the report is printed all the same, and no password is', () => {
    const { status, stdout, stderr } = chain('doctor', '--project', project, '--url', url, '--format', 'json');
    expect(status).toBe(3);
    const report = JSON.parse(stdout);
    expect(report.summary.exitCode).toBe(3);
    expect(report.database).toBeNull();
    expect(report.findings.map((finding: { rule: string }) => finding.rule)).toContain('missing-parent-revision');
    expect(stderr).toContain('127.0.0.1');
    expect(`${stdout}${stderr}`).not.toMatch(/s3cr3t/);
  });

  it.each([['locate'], ['diff'], ['schema', 'live'], ['repair'], ['undo', '--yes'], ['seed']])(
    '%s says so in one message and one JSON document',
    (...args) => {
      const { status, stdout, stderr } = chain(...args, '--project', project, '--url', url, '--format', 'json');
      expect(status).toBe(3);
      expect(() => JSON.parse(stdout)).not.toThrow();
      expect(stderr).toContain('127.0.0.1');
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(`${stdout}${stderr}`).not.toMatch(/s3cr3t/);
    },
  );

  it('a wrong URL is a usage error', () => {
    const { status, stderr } = chain('doctor', '--project', project, '--url', 'mysql://u:s3cr3t@h/d');
    expect(status).toBe(2);
    expect(stderr).not.toContain('s3cr3t');
  });
});

describe('a hostile name', () => {
  it('in an argument gives the terminal no order', () => {
    const { stderr } = chain('explain', 'x\u001b[31m\u0007');
    expect(stderr).toContain('x\\x1b[31m\\x07');
  });
  it('of a table begins no line of its own, which a CI log would take for a command', () => {
    const dir = join(folder, 'hostile');
    mkdirSync(join(dir, 'alembic/versions'), { recursive: true });
    writeFileSync(join(dir, 'alembic.ini'), '[alembic]\nscript_location = alembic\n');
    writeFileSync(
      join(dir, 'alembic/versions/a.py'),
      `from alembic import op\nrevision = 'c4d1e0aa92b7'\ndown_revision = None\n\n\ndef upgrade():\n    op.execute('CREATE TABLE "t\\n::error::x" ("c\\n::error::y" int)')\n`,
    );
    const { status, stdout } = chain('schema', 'declared', '--no-scratch', '--project', dir);
    expect(status).toBe(0);
    expect(stdout).toContain('::error::x');
    expect(stdout).not.toMatch(/^\s*::/m);
  });
});
