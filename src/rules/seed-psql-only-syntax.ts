/**
 * A seed in psql's own language that something else than psql runs.
 */
import type { PsqlDirective } from '../model/seed.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'seed-psql-only-syntax',
  title: 'a seed needs psql to run',
  severity: 'warning',
  needs: ['seeds'],
  docs: {
    problem: 'The seed uses backslash commands or inline COPY data, which psql understands and the server does not.',
    consequence: 'Run through a driver, it stops with `syntax error at or near "\\"`.',
    repair: 'Run it through psql, or with `chain seed`, which expands what it knows.',
  },
  *check({ seeds }) {
    for (const reading of seeds.readings) {
      // Whoever comes to an included file is psql.
      if (reading.inclusion !== null) continue;
      const first = reading.directives[0];
      if (first === undefined) continue;
      const runs = seeds.runners.flatMap((runner) =>
        runner.runs.filter((run) => run.resolved === reading.file).map((run) => ({ ...run, file: runner.file })),
      );
      if (runs.some((run) => run.withPsql)) continue;
      const names = [...new Set(reading.directives.map(wordOf))];
      yield {
        subject: { kind: 'seed', name: reading.file, file: reading.file, line: first.line },
        severity: runs.length > 0 ? 'error' : 'warning',
        certainty: runs.length > 0 ? 'proven' : 'suspected',
        message: `${reading.file}:${first.line} uses ${names.join(', ')}, which only psql understands${runs.length > 0 ? `, and ${runs.map((run) => run.file).join(', ')} runs it without psql` : ''}.`,
        evidence: reading.directives.slice(0, 10).map((directive) => ({
          origin: 'seed' as const,
          text: (directive.command.startsWith('\\') ? `${directive.command} ${directive.text}` : wordOf(directive))
            .trim()
            .slice(0, 120),
          file: reading.file,
          line: directive.line,
        })),
        remedy: advice(`Run it through psql: psql -v ON_ERROR_STOP=1 -f ${reading.file}`, 'file-edit'),
      };
    }
  },
});

/** As its author calls it. */
function wordOf({ command, text }: PsqlDirective): string {
  if (command === 'copy-data') return 'the data of COPY … FROM stdin';
  return command === 'variable' ? `the variable ${text}` : command;
}
