/**
 * This package's own files: its version, and the path of what it ships beside its code. One level below the package's folder
 * both as source and as built.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export function packageVersion(): string {
  return (JSON.parse(readFileSync(packagePath('package.json'), 'utf8')) as { version: string }).version;
}

/** Absolute, of a path relative to the package's folder. */
export function packagePath(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
