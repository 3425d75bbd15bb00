/**
 * A name over PostgreSQL's 63 bytes: cut silently, so that the code and the database call one thing by two names.
 */
import { truncateIdentifier } from '../model/name.ts';
import { advice, defineRule } from './rule.ts';

export default defineRule({
  id: 'identifier-too-long',
  title: 'a name is longer than 63 bytes',
  severity: 'error',
  needs: ['declared'],
  docs: {
    problem: 'A name in a revision has more than 63 bytes (bytes, not letters).',
    consequence:
      'PostgreSQL cuts it with a NOTICE; two names may become one, and autogenerate drops and adds the object on every run. SQLAlchemy refuses it.',
    repair: 'Give it a shorter name.',
  },
  *check({ declared }) {
    const told = new Set<string>();
    for (const note of declared.replay.notes) {
      if (note.kind !== 'name-too-long' || told.has(note.name)) continue;
      told.add(note.name);
      const { file, line } = note.operation.origin;
      const bytes = Buffer.byteLength(note.name, 'utf8');
      yield {
        subject: { kind: 'revision', name: note.revision, revision: note.revision, file, line },
        detail: note.name,
        severity: note.operation.condition === undefined ? 'error' : 'warning',
        message: `${note.name} (${file}:${line}) has ${bytes} bytes; PostgreSQL cuts it to ${truncateIdentifier(note.name)}, and whatever names it in full no longer finds it.`,
        evidence: [{ origin: 'declared', text: `${bytes} bytes, 63 are kept`, file, line }],
        remedy: advice(`Give ${note.object} a name of at most 63 bytes in ${note.revision}`, 'file-edit'),
      };
    }
  },
});
