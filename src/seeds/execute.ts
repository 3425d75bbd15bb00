/**
 * Carries a script's statements out in order in the caller's transaction, as psql would with ON_ERROR_STOP; those whose
 * answers nobody needs are sent together. A failure names file, line and statement. Refuses to know tables and images.
 */
import { ChainError } from '../errors.ts';
import type { SeedReading } from '../model/seed.ts';
import { seedFailure } from './failure.ts';
import { refuse, type ScriptStatement, scriptOf } from './script.ts';
import type { ReadScriptFile } from './script-files.ts';
import type { SeedSession } from './session.ts';
import { roleOf } from './statement-role.ts';

export interface SeedNotice {
  severity: string;
  message: string;
}

export interface Executed {
  /** Settings of the session that the file changed, with what they were. */
  settings: Map<string, string | null>;
  /** Every other file that was read, each once. */
  files: { file: string; bytes: Uint8Array }[];
  /** Triggers were switched off for a while, and foreign keys with them. */
  disabledTriggers: boolean;
}

/** Sent without waiting for answers, in statements and in characters. */
const together = { statements: 500, characters: 500_000 };

export async function execute(
  session: SeedSession,
  reading: SeedReading,
  read: ReadScriptFile,
  tell: (notice: SeedNotice) => void,
  hooks: { onStart?: (act: ScriptStatement) => void; onRan?: (act: ScriptStatement) => Promise<void> } = {},
): Promise<Executed> {
  const variables = await builtInVariables(session);
  const done: Executed = { settings: new Map(), files: [], disabledTriggers: false };
  const readKept: ReadScriptFile = (file, asker) => {
    const known = done.files.find((each) => each.file === file);
    const bytes = known?.bytes ?? read(file, asker);
    if (bytes && !known) done.files.push({ file, bytes });
    return bytes;
  };
  const toldOf = new Set<string>();
  const waiting: ScriptStatement[] = [];
  let characters = 0;
  const settle = async (): Promise<void> => {
    characters = 0;
    await runTogether(session, waiting.splice(0), reading, variables);
  };
  for (const act of scriptOf(reading.file, reading.text, readKept, variables)) {
    if (act.kind !== 'statement') {
      await settle();
      if (act.kind === 'message') tell({ severity: 'ECHO', message: act.text });
      continue;
    }
    hooks.onStart?.(act);
    const { role, settings, disablesTriggers, encoding, writesRows } = roleOf(act.sql);
    // By the extended protocol `$1` would be a parameter.
    if (writesRows && settings.length === 0 && !hooks.onRan && act.sentBy === null && !/\$\d/.test(act.sql)) {
      waiting.push(act);
      characters += act.sql.length;
      if (waiting.length >= together.statements || characters >= together.characters) await settle();
      continue;
    }
    await settle();
    const line = act.file.lineAt(act.from);
    if (encoding !== null)
      refuse(act.fileName, line, `client_encoding ${encoding}`, 'chain reads and sends seeds as UTF-8: take it out.');
    done.disabledTriggers ||= disablesTriggers;
    for (const name of settings) {
      if (done.settings.has(name)) continue;
      const { rows } = await session.query<{ value: string | null }>('SELECT current_setting($1, true) AS value', [
        name,
      ]);
      done.settings.set(name, rows[0]?.value ?? null);
    }
    if (role === 'transaction') {
      if (!toldOf.has(act.fileName)) {
        const message = `${act.fileName}:${line}: BEGIN, COMMIT and the like are left out: the seed runs in one transaction, whole or not at all`;
        tell({ severity: 'NOTE', message });
      }
      toldOf.add(act.fileName);
    } else if (role === 'maintenance') {
      const message = `${act.fileName}:${line}: left out, since PostgreSQL refuses it in a transaction: ${act.sql.trim()}`;
      tell({ severity: 'WARNING', message });
    } else if (role === 'ends') {
      const word = act.sql.trim().split(/[\s;]/)[0]?.toUpperCase();
      throw new ChainError(
        'seed-failed',
        `${act.fileName}:${line}: ${word} would undo or end the seed that it stands in.`,
        {
          hint: 'Take it out: chain runs the file in one transaction of its own.',
        },
      );
    } else {
      try {
        await runStatement(session, act, variables);
      } catch (error) {
        throw seedFailure(error, act, reading);
      }
      await hooks.onRan?.(act);
    }
  }
  await settle();
  return done;
}

async function runTogether(
  session: SeedSession,
  acts: readonly ScriptStatement[],
  reading: SeedReading,
  variables: Map<string, string>,
): Promise<void> {
  let ran = 0;
  let rows = 0;
  if (acts.length === 0) return;
  try {
    await session.scripts(
      acts.map(({ sql }) => sql),
      (rowCount) => {
        ran++;
        rows = rowCount;
      },
    );
  } catch (error) {
    throw seedFailure(error, acts[ran] ?? null, reading);
  }
  variables.set('ROW_COUNT', String(rows));
}

/** What psql itself sets at connection. */
async function builtInVariables(session: SeedSession): Promise<Map<string, string>> {
  const { columns, rows } = await session.script(
    `SELECT pg_catalog.current_database() AS "DBNAME", session_user AS "USER", 'UTF8' AS "ENCODING",
            current_setting('server_version') AS "SERVER_VERSION_NAME", current_setting('server_version_num') AS "SERVER_VERSION_NUM"`,
  );
  const variables = columns.map((name, i): [string, string] => [name, rows[0]?.[i] ?? '']);
  return new Map([
    ...variables,
    ['ERROR', 'false'],
    ['SQLSTATE', '00000'],
    ['ROW_COUNT', '0'],
    ['ON_ERROR_STOP', 'on'],
  ]);
}

async function runStatement(session: SeedSession, act: ScriptStatement, variables: Map<string, string>): Promise<void> {
  const { columns, rows, rowCount } = await session.script(act.sql, act.data?.bytes);
  variables.set('ROW_COUNT', String(rowCount));
  if (act.sentBy?.command === '\\gset') {
    const [row] = rows;
    if (rows.length !== 1 || !row) throw new Error(`\\gset wants one row, and there are ${rows.length}`);
    columns.forEach((column, i) => {
      const name = (act.sentBy?.argument ?? '') + column;
      if (!/^[\w\u0080-\uffff]+$/.test(name)) throw new Error(`\\gset: "${name}" is no name of a psql variable`);
      const value = row[i] ?? null;
      if (value === null) variables.delete(name);
      else variables.set(name, value);
    });
  } else if (act.sentBy?.command === '\\gexec') {
    for (const sql of rows.flat()) if (sql !== null) await session.script(sql);
  }
}
