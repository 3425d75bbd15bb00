/** SARIF that code scanning takes: of every rule, of hostile names, of a project below the top of its repository. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../support/in-process.ts';
import { type SarifLog, sarifFaults } from '../support/sarif.ts';

const fixtures = new URL('../../fixtures/', import.meta.url).pathname;
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'chain-sarif-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function gateOf(project: string, more: object = {}): Promise<{ text: string; log: SarifLog }> {
  const { out } = await run('gate', { project, format: 'sarif', offline: true, ...more });
  return { text: out, log: JSON.parse(out) as SarifLog };
}

const ofIncident = gateOf(join(fixtures, 'incident'));

describe('SARIF', () => {
  it.each(['healthy', 'incident', 'multiple-heads', 'seed-missing-relation', 'unreadable-revision'])(
    'of the fixture %s',
    async (name) => {
      const { text } = await gateOf(join(fixtures, name));
      expect(sarifFaults(text)).toEqual([]);
    },
  );

  it('names files from the top of the repository, and escapes what a URI must not hold', async () => {
    const project = join(folder, 'services', 'my app #1');
    cpSync(join(fixtures, 'multiple-heads'), project, { recursive: true });
    execFileSync('git', ['init', '-q'], { cwd: folder });
    execFileSync('git', ['add', '-A'], { cwd: folder });
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'all'], { cwd: folder });
    const { text, log } = await gateOf(project);
    expect(sarifFaults(text)).toEqual([]);
    const uris = log.runs[0]?.results.map(({ locations }) => locations[0]?.physicalLocation.artifactLocation.uri) ?? [];
    expect(uris.length).toBeGreaterThan(0);
    for (const uri of uris) expect(uri).toMatch(/^services\/my%20app%20%231\/alembic/);
    const { out } = await run('gate', { project, format: 'github', offline: true });
    expect(out).toContain('file=services/my app #1/alembic/versions/');
  });

  it('tells each result by a fingerprint that stays when lines move', async () => {
    const printsOf = ({ log }: { log: SarifLog }) =>
      log.runs[0]?.results.map(({ partialFingerprints }) => partialFingerprints.primaryLocationLineHash).sort() ?? [];
    const project = join(folder, 'moved');
    cpSync(join(fixtures, 'incident'), project, { recursive: true });
    const before = printsOf(await gateOf(project));
    expect(before.length).toBeGreaterThan(3);
    const versions = join(project, 'alembic', 'versions');
    for (const file of readdirSync(versions).filter((name) => name.endsWith('.py')))
      writeFileSync(join(versions, file), `# a line more\n${readFileSync(join(versions, file), 'utf8')}`);
    expect(printsOf(await gateOf(project))).toEqual(before);
  });

  it.each<[fault: string, from: RegExp, to: string]>([
    ['no message', /"text": "(?:[^"\\]|\\.)*"/g, '"text": ""'],
    ['a line 0', /"startLine": \d+/, '"startLine": 0'],
    ['a path of the machine', /"uri": "/, '"uri": "/'],
    ['a way out of the repository', /"uri": "/, '"uri": "../'],
    ['a URL', /"uri": "/, '"uri": "file:'],
    ['a blank in a URI', /"uri": "/, '"uri": "my '],
    ['another level', /"level": "error"/, '"level": "fatal"'],
    ['a property that nobody knows', /"ruleId":/, '"rule": "x", "ruleId":'],
    ['a rule of another place', /"ruleIndex": \d+/, '"ruleIndex": 70'],
    ['the same fingerprint', /"primaryLocationLineHash": "\w+:1"/g, '"primaryLocationLineHash": "0123456789abcdef:1"'],
  ])('is held to it: %s', async (_fault, from, to) => {
    const { text } = await ofIncident;
    expect(sarifFaults(text.replace(from, to))).not.toEqual([]);
  });
});
