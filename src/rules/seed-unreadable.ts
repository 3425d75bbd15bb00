/**
 * PostgreSQL's own parser refuses a part of a seed.
 */
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'seed-unreadable',
  title: 'a seed has a statement that PostgreSQL cannot parse',
  severity: 'warning',
  needs: ['seeds'],
  docs: {
    problem: "PostgreSQL's own parser refuses a statement of the seed.",
    consequence: 'The seed stops there, and what the statement would do could not be looked at.',
    repair: 'Mend the statement at the line that is named.',
  },
  *check({ seeds }) {
    for (const { file, reason } of seeds.unread ?? []) yield { notChecked: `${file}: ${reason}` };
    for (const reading of seeds.readings) {
      const needsPsql = reading.directives.length > 0 || reading.inclusion !== null;
      for (const error of reading.errors) {
        yield {
          subject: { kind: 'seed', name: reading.file, file: reading.file, line: error.line },
          // psql fills in variables before the server sees them.
          severity: needsPsql ? 'warning' : 'error',
          certainty: needsPsql ? 'suspected' : 'proven',
          message: `${reading.file}:${error.line} cannot be ${error.message.startsWith('\\') ? 'read' : 'parsed'} (${error.message}); the seed stops there.`,
          evidence: [{ origin: 'seed', text: error.message, file: reading.file, line: error.line }],
          remedy: advice(`Mend the statement at ${reading.file}:${error.line}`, 'file-edit'),
        };
      }
    }
  },
});
