/**
 * A script, image, pipeline or program that goes on when the upgrade failed, or stamps instead: the stamp lies from then on.
 */
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'migration-failure-swallowed',
  title: 'a failed upgrade is swallowed',
  severity: 'error',
  needs: ['config'],
  docs: {
    problem:
      'What runs `alembic upgrade` goes on when it fails (`|| true`, a `;`, no `set -e`, an exception that is only logged), or stamps the database instead (`|| alembic stamp head`).',
    consequence:
      'The application starts on a schema that it does not fit, or the version table says that revisions ran which never did.',
    repair: 'Let the failure end the start-up: no `||` after the upgrade, `set -e` above it, `raise` in the handler.',
  },
  *check({ config }) {
    for (const { file, line, text, act, failure, occasion } of config.migrators) {
      if (act !== 'upgrade' || failure.kind === 'told' || occasion === 'test') continue;
      // A helper that somebody runs and watches is no start of an application: its author must have meant to go on.
      const isWatched = occasion === 'unknown' && failure.kind === 'ignored';
      if (isWatched && !failure.isDeliberate) continue;
      yield {
        subject: { kind: 'file', name: file, file, line },
        severity: isWatched ? 'warning' : 'error',
        message:
          failure.kind === 'stamped'
            ? `${file}:${line} stamps the database when the upgrade fails; the version table then says that revisions ran which never did.`
            : `${file}:${line} goes on when the upgrade fails (${failure.how}); ${occasion === 'pipeline' ? 'the deploy after it meets a schema that it does not fit' : 'what comes after it meets a schema that it does not fit'}.`,
        evidence: [{ origin: 'config', text, file, line }],
        remedy:
          failure.mend === undefined
            ? advice(`${failure.remedy}, so that a failed upgrade ends the run (${file}:${line})`, 'file-edit')
            : patch(`Let a failed upgrade end the script (${file}:${line}: \`${failure.mend.text.trim()}\`)`, [
                { action: 'edit-file', file, edits: [failure.mend] },
              ]),
      };
    }
  },
});
