/**
 * The baseline as a file that a team commits.
 */
import { readFile } from 'node:fs/promises';
import { ChainError } from '../errors.ts';
import { type Baseline, readBaseline } from './baseline.ts';

/** @throws ChainError `bad-settings` where it cannot be read or is no baseline */
export async function loadBaseline(path: string): Promise<Baseline> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new ChainError('bad-settings', `The baseline ${path} cannot be read: ${(cause as Error).message}`, {
      hint: 'Write one with `chain gate --write-baseline FILE`.',
      cause,
    });
  }
  return readBaseline(text, path);
}
