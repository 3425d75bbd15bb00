import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChainError } from '../src/errors.ts';
import editorSchema from '../src/settings.schema.json' with { type: 'json' };
import { defaultFileSettings, type Flags, loadSettings, settingsDocs } from '../src/settings.ts';

let project: string;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'chain-settings-'));
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const load = (flags: Flags = {}, environment: NodeJS.ProcessEnv = {}) =>
  loadSettings({ project, ...flags }, environment, { color: true });

async function failure(promise: Promise<unknown>): Promise<ChainError> {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof ChainError)) throw new Error(`expected a ChainError, got ${String(error)}`);
  return error;
}

describe('where the URL comes from', () => {
  const everything = { CHAIN_DATABASE_URL: 'postgresql://chain', DATABASE_URL: 'postgresql://app', PGHOST: 'host' };

  it('takes the flag before all', async () => {
    expect((await load({ url: 'postgresql://flag' }, everything)).url).toEqual({
      text: 'postgresql://flag',
      from: '--url',
    });
  });
  it('then CHAIN_DATABASE_URL, DATABASE_URL, libpq', async () => {
    expect((await load({}, everything)).url?.from).toBe('CHAIN_DATABASE_URL');
    expect((await load({}, { ...everything, CHAIN_DATABASE_URL: '' })).url?.from).toBe('DATABASE_URL');
    expect((await load({}, { PGSERVICE: 'production' })).url?.from).toBe('libpq');
    expect((await load({}, { PGUSER: 'me' })).url).toBeNull();
  });
  it('refuses an empty one, since a variable that is not set looks like that', async () => {
    expect((await failure(load({ url: '' }))).exitCode).toBe(2);
  });
});

describe('the settings file', () => {
  it('is optional', async () => {
    const settings = await load();
    expect(settings.stepsFolder).toBe('migrations');
    expect(settings.timeouts).toEqual(defaultFileSettings.timeouts);
    expect(Object.isFrozen(settings)).toBe(true);
  });
  it('is read as JSON or YAML, and keeps the defaults beside it', async () => {
    writeFileSync(join(project, 'chain.config.yaml'), 'stepsFolder: steps\ntimeouts:\n  lockMs: 100\n');
    const settings = await load();
    expect(settings.stepsFolder).toBe('steps');
    expect(settings.timeouts).toEqual({ ...defaultFileSettings.timeouts, lockMs: 100 });
  });
  it('names an unknown setting and the known ones', async () => {
    writeFileSync(join(project, 'chain.config.json'), '{"seed": ["a.sql"]}');
    const error = await failure(load());
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('"seed"');
    expect(error.hint).toContain('seeds');
  });
  it.each([
    ['{"seeds": "a.sql"}', '"seeds" must be a list of texts'],
    [
      '{"severity": {"multiple-heads": "fatal"}}',
      '"severity" must be an object whose values are each one of error, warning, info',
    ],
    ['{"ignore": [{"object": "public.t"}]}', 'and a reason'],
    ['{"expectations": [{"name": "x", "kind": "magic"}]}', 'each with a name and a kind'],
    ['{"timeouts": {"lockMs": 0}}', 'a number above zero'],
    ['[]', 'must hold an object'],
    ['{', 'is not valid JSON'],
  ])('says what is wrong with %s', async (text, message) => {
    writeFileSync(join(project, 'chain.config.json'), text);
    expect((await failure(load())).message).toContain(message);
  });
  it('must be there when it is named', async () => {
    expect((await failure(load({ settings: 'absent.json' }))).message).toContain('absent.json');
  });
  it('has a sentence for each setting, and editors know them all', () => {
    expect(Object.keys(settingsDocs).sort()).toEqual(Object.keys(defaultFileSettings).sort());
    const { $schema, ...properties } = editorSchema.properties;
    const sentences = Object.entries(properties).map(([key, { description }]) => [key, description]);
    expect(Object.fromEntries(sentences)).toEqual(settingsDocs);
  });
});

it('says which folder is not there', async () => {
  const error = await failure(load({ project: join(project, 'nowhere') }));
  expect([error.code, error.exitCode]).toEqual(['no-project', 2]);
});

it('NO_COLOR and --no-color both switch colour off', async () => {
  expect((await load()).color).toBe(true);
  expect((await load({ color: false })).color).toBe(false);
  expect((await load({}, { NO_COLOR: '1' })).color).toBe(false);
});
