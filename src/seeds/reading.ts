/**
 * A seed read with the files that it includes, found as a run would find them. Refuses to run anything.
 */
import { posix } from 'node:path';
import { ChainError } from '../errors.ts';
import type { SeedReading } from '../model/seed.ts';
import { metaArguments, type ReadIncluded, readSeedSql } from '../sql/index.ts';
import { decodeScript, type ReadScriptFile } from './script-files.ts';

/** `loadSqlParser()` must have been awaited. Never throws: what cannot be read is an error of the reading. */
export function readSeed(file: string, text: string, read: ReadScriptFile): SeedReading {
  return readSeedSql(file, text, { include: includedBy(read) });
}

function includedBy(read: ReadScriptFile): ReadIncluded {
  return (command, asker) => {
    const { values, fault } = metaArguments(command.text);
    const [target] = values;
    // What a variable or a program gives is known only when it runs.
    if (fault !== null || target === undefined || target.includes(':')) return null;
    const beside = posix.normalize(posix.join(posix.dirname(asker), target));
    const isRelative = command.command.startsWith('\\ir') || command.command.endsWith('_relative');
    // psql's \i is relative to where psql was started, which is often the seed's own folder.
    const places = isRelative ? [beside] : [posix.normalize(target), beside];
    try {
      for (const name of places) {
        const bytes = read(name, `${asker}:${command.line}`);
        if (bytes) return { file: name, text: decodeScript(name, bytes) };
      }
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      const [, why = error.message] = error.message.split(`${asker}:${command.line}: `);
      return { problem: `${command.command} ${target}: ${why.replace(/\.$/, '')}` };
    }
    return { problem: `${command.command} ${target}: no such file` };
  };
}
