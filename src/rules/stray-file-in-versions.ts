/**
 * A Python file in the version location that is no revision: one helper module there ends every command.
 */
import { advice, defineRule, patch } from './rule.ts';

export default defineRule({
  id: 'stray-file-in-versions',
  title: 'a file among the revisions is none',
  severity: 'error',
  needs: ['graph'],
  wants: ['config'],
  docs: {
    problem: 'A Python file stands in the version location and defines no `revision`.',
    consequence: 'Alembic ends every command with "Could not determine revision id from filename".',
    repair: 'Move it out of the folder, and mend the imports of those that use it.',
  },
  *check({ graph, config }) {
    for (const fault of graph.faults) {
      if (fault.rule !== 'stray-file-in-versions') continue;
      const file = fault.files[0];
      if (file === undefined) continue;
      const name = file.slice(file.lastIndexOf('/') + 1);
      const folder = file.slice(0, Math.max(0, file.lastIndexOf('/')));
      const target = config?.config.scriptLocation ?? folder.slice(0, Math.max(0, folder.lastIndexOf('/')));
      const to = target === '' ? name : `${target}/${name}`;
      const isApart = target !== folder && config?.config.scriptLocation != null;
      const summary = `Move ${file} to ${to}, and mend the imports of what uses it`;
      yield {
        subject: { kind: 'file', name: file, file, line: fault.line },
        certainty: fault.isSuspected ? 'suspected' : 'proven',
        message: `${file} stands among the revisions and is none (${fault.reason ?? 'it defines no revision'}); Alembic ends every command on it.`,
        evidence: [{ origin: 'declared', text: fault.reason ?? fault.message, file, line: fault.line }],
        remedy: isApart ? patch(summary, [{ action: 'move-file', file, to }]) : advice(summary, 'file-edit'),
      };
    }
  },
});
