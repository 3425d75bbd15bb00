/**
 * An id that nobody generated: counted up letters and digits, which the next hand (or machine) will type again.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import { advice, defineRule, patch } from './rule.ts';

/** Runs that people and language models type: a1b2c3d4e5f6, 123456789abc, abcdef123456, 000000000000. */
const patterns = [
  /^(?:([a-f])(\d)){4,6}[a-f]?$/,
  /^(?:(\d)([a-f])){4,6}\d?$/,
  /^0?1234567890?(?:ab|abc|abcd|abcde|abcdef)?$/,
  /^(?:abcdef|abcd)(?:0?123456|1234)(?:7890?|78)?$/,
  /^([0-9a-f])\1{9,}$/,
  /^(?:deadbeef|cafebabe)[0-9a-f]*$/,
];

export default defineRule({
  id: 'placeholder-revision-id',
  title: 'a revision id was typed, not generated',
  severity: 'warning',
  needs: ['graph'],
  wants: ['history', 'stamp'],
  docs: {
    problem: 'The id follows a pattern such as a1b2c3d4e5f6 that people and coding agents type again and again.',
    consequence:
      'It will collide with the next one that is typed, in another branch or in a fork, and Alembic then drops one of the two.',
    repair: 'Give it a generated id while nothing carries it; let `alembic revision` make ids.',
  },
  *check({ graph, history, stamp }) {
    // Where one database has passed it, another may stand at it.
    const passed = ancestorsOf(graph, stamp?.known ?? []);
    for (const revision of graph.revisions.values()) {
      if (!isTyped(revision.id)) continue;
      const tag = history?.releasedById.get(revision.id);
      const isCarried = history === undefined || tag !== undefined || passed.has(revision.id);
      const to = fresh(revision.file);
      yield {
        subject: {
          kind: 'revision',
          name: revision.id,
          revision: revision.id,
          file: revision.file,
          line: revision.line,
        },
        message: `The id ${revision.id} (${revision.file}) was typed, not generated; the next one who types it collides with it.`,
        evidence: [
          { origin: 'declared', text: `revision = '${revision.id}'`, file: revision.file, line: revision.line },
          ...(tag ? [{ origin: 'git' as const, text: `released with ${tag}` }] : []),
        ],
        remedy: isCarried
          ? advice('Leave this one, since databases may carry it, and let `alembic revision` make the next ids')
          : patch(`Give ${revision.file} a generated id, ${to}`, [
              { action: 'rename-revision', revision: revision.id, file: revision.file, to },
            ]),
      };
    }
  },
});

function isTyped(id: string): boolean {
  if (id.length < 8) return false;
  const first = patterns[0]?.test(id) === true || patterns[1]?.test(id) === true;
  // Letters and digits in turn are typed only where both count up.
  if (first) return countsUp(id.replace(/\d/g, '')) && countsUp(id.replace(/[a-f]/g, ''));
  return patterns.slice(2).some((pattern) => pattern.test(id));
}

function countsUp(text: string): boolean {
  return [...text].every(
    (character, index) => index === 0 || character.charCodeAt(0) === text.charCodeAt(index - 1) + 1,
  );
}

/** Twelve hexadecimal digits from the file's name: the same on every run. */
function fresh(file: string): string {
  let high = 0x811c9dc5;
  let low = 0x1000193;
  for (const byte of Buffer.from(file)) {
    high = Math.imul(high ^ byte, 0x01000193) >>> 0;
    low = Math.imul(low ^ byte, 0x85ebca6b) >>> 0;
  }
  return `${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`.slice(2, 14);
}
