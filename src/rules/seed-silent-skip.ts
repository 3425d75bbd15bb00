/**
 * A seed asks whether a table exists and skips what it should do when it does not.
 */
import type { Evidence } from '../model/finding.ts';
import { placeOf, plainSearchPath, resolveTable } from '../model/lookup.ts';
import { nameOfKey, quoteLiteral } from '../model/name.ts';
import type { TextEdit } from '../model/remedy.ts';
import { withoutPasswords } from '../model/secrets.ts';
import type { SeedGuard, SeedReading } from '../model/seed.ts';
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'seed-silent-skip',
  title: 'a seed skips a section when a table is absent',
  severity: 'warning',
  needs: ['declared', 'seeds', 'config'],
  wants: ['live'],
  docs: {
    problem:
      'A section of the seed stands behind a question whether its table exists, and does nothing, or only raises a notice, when it does not. A question without a schema also sees a table of that name elsewhere.',
    consequence:
      'The seed reports success with data missing; where another schema has such a table, the INSERT after the probe fails.',
    repair: 'Create the table by a revision, ask with the schema, and raise an exception instead of a notice.',
  },
  *check({ declared, seeds, config, live }) {
    const schema = live?.schema ?? declared.heads;
    const searchPath = plainSearchPath(live?.searchPath ?? config.env.searchPath);
    for (const reading of seeds.readings) {
      const told = new Set<number>();
      for (const statement of reading.statements) {
        for (const guard of statement.guards) {
          if (guard.table === null || !guard.skipsSilently || told.has(guard.span.from)) continue;
          told.add(guard.span.from);
          const key = resolveTable(schema, guard.table, searchPath) ?? placeOf(guard.table, searchPath);
          const isThere = schema.tables.has(key);
          const evidence: Evidence[] = [
            { origin: 'seed', text: `IF ${shorten(guard.condition)}`, file: reading.file, line: guard.line },
          ];
          if (guard.elseRaise)
            evidence.push({
              origin: 'seed',
              text: `else only RAISE ${guard.elseRaise.level}`,
              file: reading.file,
              line: guard.elseRaise.line,
            });
          if (guard.isUnqualified)
            evidence.push({
              origin: 'seed',
              text: `asks for ${guard.table.name} in any schema`,
              file: reading.file,
              line: guard.line,
            });
          evidence.push({
            origin: live ? 'live' : 'declared',
            text: isThere ? `${key} is there now` : `${key} is not there: the section is skipped`,
          });
          yield {
            subject: { kind: 'seed', name: reading.file, file: reading.file, line: guard.line },
            detail: key,
            message: `${reading.file}:${guard.line} writes ${key} only where it exists${isThere ? '' : ', which it does not'}; otherwise the section is skipped and the seed still reports success.`,
            evidence,
            causedBy: [`found-in-other-schema:${key}`, `table-never-migrated:${key}`, `declared-table-missing:${key}`],
            remedy: remedyFor(reading, guard, key),
          };
        }
      }
    }
  },
});

function remedyFor(reading: SeedReading, guard: SeedGuard, key: string) {
  const namespace = nameOfKey(key).schema ?? '';
  const summary = `Make ${reading.file}:${guard.line} ask for ${key} by its schema and stop with an exception where it is absent`;
  const edits: TextEdit[] = [];
  const block = reading.text.slice(guard.span.from, guard.span.to);
  const name = guard.table?.name ?? '';
  if (guard.isUnqualified) {
    const probe = new RegExp(
      `\\b(table_name|tablename|relname)\\s*=\\s*'${name.replace(/[\\^$.|?+()[\]{}*]/g, '\\$&')}'`,
      'i',
    ).exec(block);
    const column = { table_name: 'table_schema', tablename: 'schemaname' }[probe?.[1]?.toLowerCase() ?? ''];
    if (probe && column) {
      const at = guard.span.from + probe.index + probe[0].length;
      edits.push({ from: at, to: at, text: ` AND ${column} = ${quoteLiteral(namespace)}` });
    }
  }
  if (guard.elseRaise) {
    const raise = reading.text.slice(guard.elseRaise.span.from, guard.elseRaise.span.to);
    const level = /^(\s*RAISE\s+)(NOTICE|WARNING|INFO|LOG|DEBUG)\b/i.exec(raise);
    if (level?.[1] !== undefined && level[2] !== undefined) {
      const from = guard.elseRaise.span.from + level[1].length;
      edits.push({ from, to: from + level[2].length, text: 'EXCEPTION' });
    }
  } else {
    const end = /\bEND\s+IF\s*;?\s*$/i.exec(block);
    if (end) {
      const at = guard.span.from + end.index;
      edits.push({
        from: at,
        to: at,
        text: `ELSE\n        RAISE EXCEPTION ${quoteLiteral(`${key} does not exist`)};\n    `,
      });
    }
  }
  return edits.length > 0
    ? patch(summary, [{ action: 'edit-file', file: reading.file, edits }])
    : advice(summary, 'file-edit');
}

function shorten(text: string): string {
  const line = withoutPasswords(text).replace(/\s+/g, ' ').trim();
  return line.length <= 120 ? line : `${line.slice(0, 117)}…`;
}
