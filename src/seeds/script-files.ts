/**
 * Files that a seed may read: those of its project, as bytes; and the hash of all that a run was made of.
 * Refuses what lies outside, also behind a symbolic link.
 */
import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { ChainError } from '../errors.ts';

/** Null: there is none. `asker`: the place that names it. @throws ChainError `seed-failed` where it may not be read */
export type ReadScriptFile = (file: string, asker: string) => Uint8Array | null;

/** A text is held as a whole, several times over. */
export const maxScriptBytes = 256_000_000;

export function projectFiles(projectDir: string): ReadScriptFile {
  return (file, asker) => {
    const fail = (what: string, hint: string, cause?: unknown): never => {
      throw new ChainError('seed-failed', `${asker}: ${file} ${what}`, { hint, cause });
    };
    const isOutside = (path: string) => path === '..' || path.startsWith(`..${sep}`) || path.startsWith('../');
    const hint = 'Copy it into the project: a seed reads no other files.';
    if (file.startsWith('/') || file.startsWith('~') || /^[A-Za-z]:[\\/]/.test(file) || isOutside(file))
      fail('lies outside of the project.', hint);
    let real: string;
    try {
      real = realpathSync(join(projectDir, file));
    } catch {
      return null;
    }
    if (isOutside(relative(realpathSync(projectDir), real))) fail('is a link that leads out of the project.', hint);
    try {
      const stat = statSync(real);
      if (!stat.isFile()) return null;
      if (stat.size > maxScriptBytes)
        fail(
          `is larger than ${maxScriptBytes / 1_000_000} MB.`,
          'Load data of this size with psql or pg_restore, beside the seed.',
        );
      return readFileSync(real);
    } catch (cause) {
      if (cause instanceof ChainError) throw cause;
      return fail(
        `cannot be read: ${(cause as Error).message}`,
        'Give the user who runs chain the right to it.',
        cause,
      );
    }
  };
}

/** @throws ChainError `seed-failed` with the line where the text is no UTF-8, or holds a NUL */
export function decodeScript(file: string, bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    const line = Buffer.from(bytes.subarray(0, nul)).toString('latin1').split('\n').length;
    throw new ChainError('seed-failed', `${file}:${line}: the file holds a NUL byte, which no statement can.`, {
      hint: 'Take it out; a file full of them is UTF-16: convert it to UTF-8, for instance with iconv.',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ChainError('seed-failed', `${file}:${lineOfFault(bytes)}: the file is not UTF-8.`, {
      hint: 'Convert it, for instance with iconv -f latin1 -t utf8: its letters would come into the database broken.',
      cause,
    });
  }
}

/** Why a run would refuse the file for its bytes; null where it would not, or the file cannot be read at all. */
export function faultOfBytes(file: string, read: ReadScriptFile): { line: number; message: string } | null {
  try {
    const bytes = read(file, file);
    if (bytes !== null) decodeScript(file, bytes);
  } catch (error) {
    const [, line, message] = /:(\d+): (.+?)\.?$/.exec(error instanceof ChainError ? error.message : '') ?? [];
    if (message !== undefined) return { line: Number(line), message };
  }
  return null;
}

function lineOfFault(bytes: Uint8Array): number {
  const lines = Buffer.from(bytes).toString('latin1').split('\n');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (const [index, line] of lines.entries()) {
    try {
      decoder.decode(Buffer.from(line, 'latin1'));
    } catch {
      return index + 1;
    }
  }
  return 1;
}

/** Of the file alone its own hash; else of all files, each once, in the order in which they were first read. */
export function contentHashOf(ownHash: string, files: readonly { file: string; bytes: Uint8Array }[]): string {
  if (files.length === 0) return ownHash;
  const hash = createHash('sha256').update(ownHash);
  for (const { file, bytes } of files) hash.update(`\n${file}\n${createHash('sha256').update(bytes).digest('hex')}`);
  return hash.digest('hex');
}
