/**
 * Reads `chain.lock` where the project has one. Refuses to know what its text means.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFileOf, parseLock } from '../model/chain-lock.ts';
import type { ChainLock } from '../model/history.ts';

/** Null: there is none. */
export function readLock(projectDir: string, section: string): ChainLock | null {
  const file = lockFileOf(section);
  let text: string;
  try {
    text = readFileSync(join(projectDir, file), 'utf8');
  } catch {
    return null;
  }
  return parseLock(file, text);
}
