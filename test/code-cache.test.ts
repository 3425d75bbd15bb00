/** The bytecode beside the built files: taken where it fits, and never in the place of what a file says. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../dist', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'chain-code-cache-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Notes of each script by its file's name whether V8 took the cache; null where there was none. */
const noting = `
  const vm = require('node:vm');
  const taken = {};
  vm.Script = class extends vm.Script {
    constructor(text, options) {
      super(text, options);
      taken[require('node:path').basename(options.filename)] =
        options.cachedData === undefined ? null : !this.cachedDataRejected;
    }
  };
  process.on('exit', () => process.stderr.write(JSON.stringify(taken)));
`;

function node(code: string, options: { args?: string[]; env?: Record<string, string> } = {}) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const run = spawnSync(process.execPath, ['--eval', code, '--', ...(options.args ?? [])], {
    encoding: 'utf8',
    env: { ...env, ...options.env },
  });
  expect(run.status, run.stderr).toBe(0);
  return run;
}

const cacheModule = JSON.stringify(join(dist, 'code-cache.js'));
const load = `${noting} require(${cacheModule}).loaderOf(${JSON.stringify(folder)})('main.js');`;

describe('the code cache', () => {
  beforeEach(() => {
    rmSync(join(folder, 'code-cache'), { recursive: true, force: true });
    writeFileSync(join(folder, 'package.json'), '{}');
    // Each requires the other, as files of a build may.
    writeFileSync(
      join(folder, 'main.js'),
      `exports.word = () => 'one'; const other = require('./other.js'); console.log(other.say(), require('node:path').sep, __filename.length);`,
    );
    writeFileSync(
      join(folder, 'other.js'),
      `const main = require('./main.js'); exports.say = () => 'say ' + main.word();`,
    );
    node(`require(${cacheModule}).writeCodeCache(${JSON.stringify(folder)})`);
  });
  const said = (word: string) => `say ${word} / ${join(folder, 'main.js').length}\n`;
  const cacheOf = (name: string) => {
    const [machine] = readdirSync(join(folder, 'code-cache'));
    return join(folder, 'code-cache', machine!, `${name}.cache`);
  };

  it('is taken for each file that a run loads', () => {
    const { stdout, stderr } = node(load);
    expect(stdout).toBe(said('one'));
    expect(JSON.parse(stderr)).toEqual({ 'main.js': true, 'other.js': true });
  });

  it('of another source of the same length is not taken', () => {
    const text = readFileSync(join(folder, 'main.js'), 'utf8');
    writeFileSync(join(folder, 'main.js'), text.replace("'one'", "'two'"));
    const { stdout, stderr } = node(load);
    expect(stdout).toBe(said('two'));
    expect(JSON.parse(stderr)).toEqual({ 'main.js': null, 'other.js': true });
  });

  it.each([
    ['behind the source', 0.9],
    ['in the source', 0.01],
    ['at the start', 0],
  ])('torn %s is not taken', (_, part) => {
    const file = cacheOf('other.js');
    const data = readFileSync(file);
    writeFileSync(file, data.subarray(0, Math.floor(data.length * part)));
    const { stdout, stderr } = node(load);
    expect(stdout).toBe(said('one'));
    expect(JSON.parse(stderr)).toEqual({ 'main.js': true, 'other.js': part === 0.9 ? false : null });
  });

  it('is refused by a V8 under other flags, which compiles the file', () => {
    const { stdout, stderr } = node(load, { env: { NODE_OPTIONS: '--stack-trace-limit=7' } });
    expect(stdout).toBe(said('one'));
    expect(Object.values(JSON.parse(stderr) as Record<string, boolean>)).toEqual([false, false]);
  });

  it('need not be there', () => {
    rmSync(join(folder, 'code-cache'), { recursive: true });
    expect(node(load).stdout).toBe(said('one'));
  });

  it('is there for every file of the build, and V8 takes it', () => {
    const start = `${noting} process.argv.splice(1, 1, 'chain'); require(${JSON.stringify(join(dist, 'cli.js'))});`;
    const { stderr } = node(start, {
      args: [
        '',
        'schema',
        'declared',
        '--no-scratch',
        '--project',
        fileURLToPath(new URL('../fixtures/incident', import.meta.url)),
      ],
    });
    const taken = JSON.parse(stderr) as Record<string, boolean>;
    expect(Object.keys(taken).length).toBeGreaterThan(10);
    expect(Object.entries(taken).filter(([, isTaken]) => isTaken !== true)).toEqual([]);
  });
});
