/**
 * One `doctor` on the incident, something done at a chosen message of its session, and what every such run must keep: an end
 * in time, no trace of a stack, no password, one JSON document, no file written.
 */
import { writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { DatabaseTarget } from '../../src/database/index.ts';
import { type ChainRun, type RunningChain, startChain } from './chain.ts';
import { copyFixture } from './fixture.ts';
import { testServer } from './postgres.ts';
import { type Relay, relayTo } from './relay.ts';

export interface AdverseRun {
  run: ChainRun;
  /** False: the session was over before that message. */
  isHeld: boolean;
  /** Messages that the session sent. */
  messages: number;
}

export async function doctorWhile(
  server: DatabaseTarget,
  holds: (text: string, nth: number) => boolean,
  act: (relay: Relay, chain: RunningChain) => void | Promise<void>,
  settings: object = {},
): Promise<AdverseRun> {
  const project = copyFixture('incident');
  writeFileSync(project.path('chain.config.json'), JSON.stringify(settings));
  const before = project.snapshot();
  await using relay = await relayTo(server, holds);
  const scratch = (await testServer()).url;
  const chain = startChain(
    ['doctor', '--format', 'json', '--project', project.dir, '--scratch-url', scratch, '--url', relay.url],
    { timeoutMs: 60_000 },
  );
  try {
    const isHeld = await Promise.race([relay.held.then(() => true), chain.finished.then(() => false)]);
    if (isHeld) await act(relay, chain);
    const run = await chain.finished;
    expect(project.snapshot()).toEqual(before);
    expect(run.signal).toBeNull();
    expect([0, 1, 3, 130], run.stderr).toContain(run.exitCode);
    expect(`${run.stdout}${run.stderr}`).not.toMatch(/\n\s+at .*:\d+:\d+|a bug in chain/);
    if (server.password !== null) expect(`${run.stdout}${run.stderr}`).not.toContain(server.password);
    const messages = run.stderr.match(/^chain: /gm) ?? [];
    // Stopped when all was said already: the report is whole, and there is nothing to say.
    const isWhole = run.exitCode === 1 || (run.exitCode === 130 && run.stdout !== '');
    expect(messages).toHaveLength(isWhole ? 0 : 1);
    if (run.exitCode !== 130 || isWhole) run.json();
    return { run, isHeld, messages: relay.count() };
  } finally {
    project.remove();
  }
}
