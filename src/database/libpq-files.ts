/**
 * The two files that libpq reads beside a connection string: pg_service.conf and the password file.
 * Formats: manual, "The Connection Service File" and "The Password File". Refuses to connect.
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ChainError } from '../errors.ts';
import type { Environment } from './target.ts';

/** The settings of one service; throws ChainError('bad-database-url') where no file defines it. */
export function readService(name: string, environment: Environment): Map<string, string> {
  const home = environment.HOME ?? homedir();
  const files = [
    environment.PGSERVICEFILE ?? join(home, '.pg_service.conf'),
    join(environment.PGSYSCONFDIR ?? '/etc/postgresql-common', 'pg_service.conf'),
  ];
  for (const file of files) {
    const settings = serviceIn(readText(file), name);
    if (settings) return settings;
  }
  throw new ChainError('bad-database-url', `The service "${name}" is defined in none of ${files.join(', ')}.`, {
    hint: `Add a section [${name}] there, set PGSERVICEFILE, or pass --url.`,
  });
}

function serviceIn(text: string | null, name: string): Map<string, string> | null {
  let settings: Map<string, string> | null = null;
  for (const raw of (text ?? '').split(/\r?\n/)) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(.*)\]$/.exec(line);
    if (header) {
      if (settings) return settings;
      if (header[1] === name) settings = new Map();
      continue;
    }
    const equals = line.indexOf('=');
    if (settings && equals > 0) settings.set(line.slice(0, equals).trim(), line.slice(equals + 1).trim());
  }
  return settings;
}

/** The first matching line's password, null without one. As in libpq, a file that others may read is not used. */
export function passwordFromFile(
  wanted: { file: string | null; host: string; port: number; database: string; user: string },
  environment: Environment,
): string | null {
  const file = wanted.file ?? join(environment.HOME ?? homedir(), '.pgpass');
  if (process.platform !== 'win32' && isOpenToOthers(file)) return null;
  const host = wanted.host.startsWith('/') ? 'localhost' : wanted.host;
  const fields = [host, String(wanted.port), wanted.database, wanted.user];
  for (const line of (readText(file) ?? '').split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const parts = splitLine(line);
    const password = parts[4];
    if (parts.length < 5 || password === undefined) continue;
    const fits = fields.every((field, index) => {
      const part = parts[index];
      return part === '*' || part === field || (index === 0 && part === wanted.host);
    });
    if (fits) return password;
  }
  return null;
}

/** Splits at colons that no backslash escapes; a password ends at one too (libpq, fe-connect.c, passwordFromFile). */
function splitLine(line: string): string[] {
  const parts = [''];
  for (let index = 0; index < line.length; index++) {
    const char = line[index] as string;
    if (char === '\\' && index + 1 < line.length) parts[parts.length - 1] += line[++index] ?? '';
    else if (char === ':') parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts;
}

function isOpenToOthers(file: string): boolean {
  try {
    return (statSync(file).mode & 0o077) !== 0;
  } catch {
    return false;
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
