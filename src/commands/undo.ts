/**
 * `chain undo`: the last applied repair taken back.
 */
import { type ExitCode, exitCodes } from '../errors.ts';
import { packageVersion } from '../package.ts';
import { undo as takeBack, type Undone } from '../repair/index.ts';
import { jsonText, oneLine } from '../report/index.ts';
import type { Settings } from '../settings.ts';
import { findAlembicConfig, readProjectFacts } from '../sources/alembic/index.ts';
import type { Terminal } from '../terminal.ts';

export async function undo(
  settings: Settings,
  terminal: Terminal,
  own: { urlFromConfig?: boolean },
): Promise<ExitCode> {
  const projectDir = settings.project;
  const config = findAlembicConfig({ ...settings, projectDir });
  const { env } = (await readProjectFacts({ ...settings, projectDir, config })).facts;
  const text = settings.offline ? null : (settings.url?.text ?? (own.urlFromConfig ? config.url : null));
  const { parseDatabaseUrl } = await import('../database/index.ts');
  const undone = await takeBack({
    settings,
    env,
    target: text === null ? null : parseDatabaseUrl(text),
    toolVersion: packageVersion(),
    signal: terminal.signal,
    onEvent: ({ event, unit }) => terminal.progress(`${event} ${oneLine(unit)}`),
  });
  // All of them or none: told once the transaction that took them back is over.
  for (const step of undone?.steps ?? []) terminal.say(`  took back ${oneLine(step)}`);
  if (settings.format === 'json') terminal.out(jsonText({ version: 1, undone }));
  else terminal.out(told(undone, text !== null));
  return exitCodes.ok;
}

function told(undone: Undone | null, hadDatabase: boolean): string {
  if (undone === null) {
    return `There is nothing to undo${hadDatabase ? '' : ' in the files; no database was given (--url)'}.\n`;
  }
  const lines = [
    `Took plan ${undone.planId.slice(0, 12)} back: ${undone.steps.length} steps, ${undone.files.length} files.`,
  ];
  for (const step of undone.stays) lines.push(`  ${oneLine(step)} cannot be taken back by SQL: what it made stays.`);
  return `${lines.join('\n')}\n`;
}
