/**
 * `chain demo`, as the README's first command runs it: to its end, and cut off. It leaves nothing behind either way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));

// A temporary folder of its own: what is left in it afterwards is what the demo left. Short, for the socket's path.
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cd-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function startDemo(): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
  const { CHAIN_DATABASE_URL, DATABASE_URL, CHAIN_SCRATCH_URL, ...environment } = process.env;
  const child = spawn(process.execPath, [cli, 'demo'], { env: { ...environment, TMPDIR: folder, NO_COLOR: '1' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = new Promise<number | null>((done) => child.on('close', (code) => done(code)));
  return { child, output: () => output, ended };
}

it('heals the incident, takes it back and leaves nothing', async () => {
  const demo = startDemo();
  expect([await demo.ended, demo.output()]).toEqual([0, expect.stringContaining('byte for byte')]);
  expect(demo.output()).toMatch(/demo@engarde\.com +5 brands/);
  expect(demo.output()).toContain('Plan: nothing to do.');
  expect(readdirSync(folder)).toEqual([]);
}, 120_000);

it('stops at Ctrl-C and leaves nothing', async () => {
  const demo = startDemo();
  const isUnderWay = new Promise<void>((done) => {
    demo.child.stdout?.on('data', () => {
      if (demo.output().includes('(exit 1)')) done();
    });
  });
  await isUnderWay;
  demo.child.kill('SIGINT');
  expect(await demo.ended).not.toBe(0);
  expect(demo.output()).toContain('interrupted');
  expect(readdirSync(folder)).toEqual([]);
}, 60_000);
