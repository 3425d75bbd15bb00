/**
 * A drift check in CI that cannot fail: it compares the models with nothing, or with tables that the models made.
 */
import { advice, defineRule } from './rule.ts';
import { commandsOf } from './shell-lines.ts';

export default defineRule({
  id: 'vacuous-drift-check',
  title: 'a drift check that cannot fail',
  severity: 'warning',
  needs: ['config'],
  wants: ['models'],
  docs: {
    problem: 'CI runs `alembic check`, and its answer is thrown away (`|| true`, `continue-on-error`).',
    consequence: 'The check is green whatever the revisions lack, and everybody relies on it.',
    repair: 'Let its exit code through; accept old findings by a baseline instead.',
  },
  *check({ config }) {
    for (const { file, kind, text } of config.surroundings) {
      if (kind !== 'ci' && kind !== 'shell' && kind !== 'make') continue;
      for (const command of commandsOf(text)) {
        if (!/\balembic\b[^|&;]*\bcheck\b[^|&;]*\|\|\s*(true|:|echo)\b/.test(command.text)) continue;
        yield {
          subject: { kind: 'file', name: file, file, line: command.line },
          message: `${file}:${command.line} throws the answer of \`alembic check\` away; it is green whatever the revisions lack.`,
          evidence: [{ origin: 'config', text: command.text.slice(0, 160), file, line: command.line }],
          remedy: advice(`Let the exit code of \`alembic check\` through in ${file}:${command.line}`, 'file-edit'),
        };
      }
    }
  },
});
