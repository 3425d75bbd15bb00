/**
 * The project's folder as the place that may be written to: what lies in it by name must lie in it in truth, whatever
 * symbolic links a project brings along. Refuses to know what is written.
 */
import { lstat, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { ChainError } from './errors.ts';

/** Where `path` leads by its links, if that is outside of the project; the link itself where it leads nowhere. Else null. */
export async function leadsOutOf(projectDir: string, path: string): Promise<string | null> {
  const root = await realpath(projectDir);
  let existing = resolve(projectDir, path);
  while (!(await exists(existing))) existing = dirname(existing);
  const real = await realpath(existing).catch(() => null);
  if (real === null) return existing;
  return real === root || real.startsWith(root + sep) ? null : real;
}

/**
 * For a file that the user named: elsewhere is where they want it, in the project it must not be led out by a link.
 * @throws ChainError `cannot-write`
 */
export async function refuseLedOut(projectDir: string, path: string): Promise<void> {
  const inProject = relative(resolve(projectDir), resolve(projectDir, path));
  if (inProject.split(sep)[0] === '..' || isAbsolute(inProject)) return;
  const real = await leadsOutOf(projectDir, inProject);
  if (real !== null) throw ledOut(inProject, real);
}

export function ledOut(file: string, real: string): ChainError {
  return new ChainError('cannot-write', `${file} leads outside the project (a symbolic link to ${real}).`, {
    hint: 'Nothing outside the project folder is written. Nothing was changed.',
  });
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
