/**
 * A script or image that goes on when `alembic upgrade` failed, or stamps instead: the stamp lies from then on.
 */
import { advice, defineRule } from './rule.ts';
import { commandsOf } from './shell-lines.ts';

export default defineRule({
  id: 'migration-failure-swallowed',
  title: 'a failed upgrade is swallowed',
  severity: 'error',
  needs: ['config'],
  docs: {
    problem:
      'A start-up script, image or pipeline goes on when `alembic upgrade` fails (`|| true`, `|| echo`), or stamps the database instead (`|| alembic stamp head`).',
    consequence:
      'The application starts on a schema that it does not fit, or the version table says that revisions ran which never did.',
    repair: 'Let the failure end the start-up: no `||` after the upgrade, `set -e` above it.',
  },
  *check({ config }) {
    for (const surrounding of config.surroundings) {
      if (surrounding.kind === 'python') continue;
      for (const { text, line } of commandsOf(surrounding.text)) {
        const found = /\b(alembic|flask\s+db)\b[^|&;]*\bupgrade\b[^|&;]*\|\|\s*(.+)$/.exec(text);
        const answer = found?.[2]?.trim();
        if (
          found === null ||
          answer === undefined ||
          /^\(?\s*\{?\s*(exit|return|false|die|fail|abort|kill)\b/.test(answer) ||
          /\bexit\s+[1-9]/.test(answer)
        )
          continue;
        const stamps = /\bstamp\b/.test(answer);
        const isHarmless = !stamps && !/^(true|:|echo|printf)\b/.test(answer);
        if (isHarmless) continue;
        yield {
          subject: { kind: 'file', name: surrounding.file, file: surrounding.file, line },
          message: stamps
            ? `${surrounding.file}:${line} stamps the database when the upgrade fails; the version table then says that revisions ran which never did.`
            : `${surrounding.file}:${line} goes on when the upgrade fails; the application starts on a schema that it does not fit.`,
          evidence: [{ origin: 'config', text: text.slice(0, 160), file: surrounding.file, line }],
          remedy: advice(
            `Take \`|| ${answer.slice(0, 60)}\` out of ${surrounding.file}:${line}, so that a failed upgrade ends the run`,
            'file-edit',
          ),
        };
      }
    }
  },
});
