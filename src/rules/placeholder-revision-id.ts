/**
 * An id that nobody generated: counted up letters and digits, which the next hand (or machine) will type again.
 */
import { ancestorsOf } from '../model/ancestry.ts';
import type { Revision } from '../model/revision.ts';
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
    problem:
      'The id follows a pattern such as a1b2c3d4e5f6 that people and coding agents type again and again, or ids are counted by hand (001, 002, …). As an info: the file name or the docstring says another id than the code.',
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
    const numbered = [...graph.revisions.values()].filter(({ id }) => number.test(id)).sort(byNumber);
    const [first] = numbered;
    const last = numbered.at(-1);
    if (first !== undefined && last !== undefined && numbered.length >= 3) {
      const next = String(Number(numberOf(last.id)) + 1).padStart(numberOf(last.id).length, '0');
      yield {
        subject: placeOf(first),
        detail: 'numbered',
        message: `${numbered.length} ids are counted by hand (${first.id} to ${last.id}); two branches will both take ${next}, and Alembic then drops one of the two.`,
        evidence: [first, last].map((one) => ({
          origin: 'declared' as const,
          text: `revision = '${one.id}'`,
          file: one.file,
          line: one.line,
        })),
        remedy: advice('Let `alembic revision` make the next ids, and order the files by file_template'),
      };
    }
    for (const revision of graph.revisions.values()) {
      const named = prefix.exec(revision.file.slice(revision.file.lastIndexOf('/') + 1))?.[1];
      if (named !== undefined && named !== revision.id && /^[0-9a-f]{12}$/.test(revision.id)) {
        yield {
          subject: placeOf(revision),
          severity: 'info',
          detail: 'file-name',
          message: `${revision.file} bears the id ${named} in its name, and defines ${revision.id}; a revision that takes its parent from the file name names one that does not exist.`,
          evidence: [
            { origin: 'declared', text: `revision = '${revision.id}'`, file: revision.file, line: revision.line },
          ],
          remedy: advice(`Rename the file to ${revision.file.replace(named, revision.id)}`, 'file-edit'),
        };
      }
      const said = parentsSaid(revision.docstringRevises);
      if (said === null || sameIds(said, revision.downRevisions)) continue;
      yield {
        subject: { ...placeOf(revision), line: revision.downRevisionLine },
        severity: 'info',
        detail: 'docstring',
        message: `The docstring of ${revision.id} says that it revises ${said.join(', ') || 'nothing'}, and down_revision is ${revision.downRevisions.join(', ') || 'None'}; Alembic goes by the latter.`,
        evidence: [
          {
            origin: 'declared',
            text: `Revises: ${revision.docstringRevises}`,
            file: revision.file,
            line: revision.downRevisionLine,
          },
        ],
        remedy: advice(
          `Write \`Revises: ${revision.downRevisions.join(', ')}\` into the docstring of ${revision.file}`,
          'file-edit',
        ),
      };
    }
  },
});

/** `001`, `0042_add_users`: counted by hand. Dates (eight digits and more) are no counting. */
const number = /^v?(\d{1,5})(?:[_-][a-z]\w*)?$/i;
/** Alembic's own file template puts the id first. */
const prefix = /^([0-9a-f]{12})_/;

function numberOf(id: string): string {
  return number.exec(id)?.[1] ?? '0';
}

function byNumber(a: Revision, b: Revision): number {
  return Number(numberOf(a.id)) - Number(numberOf(b.id)) || (a.id < b.id ? -1 : 1);
}

function placeOf({ id, file, line }: Revision) {
  return { kind: 'revision' as const, name: id, revision: id, file, line };
}

/** Null where the docstring says nothing, or no ids. */
function parentsSaid(text: string | null): string[] | null {
  if (text === null) return null;
  const ids = text.split(/[\s,()'"]+/).filter((word) => word !== '' && word !== 'None');
  return ids.every((id) => /^[\w.]+$/.test(id)) ? ids : null;
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

function isTyped(id: string): boolean {
  if (id.length < 8) return false;
  const first = patterns[0]?.test(id) === true || patterns[1]?.test(id) === true;
  // Letters and digits in turn are typed only where both count up.
  if (first) return countsUp(id.replace(/\d/g, '')) && countsUp(id.replace(/[a-f]/g, ''));
  return patterns.slice(2).some((pattern) => pattern.test(id));
}

function countsUp(text: string): boolean {
  return [...text].every((character, index) => index === 0 || character === successor(text.charAt(index - 1)));
}

/** The next of 0–9 or a–f, from the beginning after the last. */
function successor(character: string): string {
  if (character === '9') return '0';
  return character === 'f' ? 'a' : String.fromCharCode(character.charCodeAt(0) + 1);
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
