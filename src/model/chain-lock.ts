/**
 * The text of `chain.lock`: what each revision did when it was locked, by hash, for projects without release tags and for
 * repairs that must edit what was released. One line an entry, sorted, so that two branches conflict only where they disagree.
 */
import type { ChainLock } from './history.ts';
import { compareText } from './name.ts';
import type { ContentHash } from './revision-code.ts';

const header = `# What each revision does, by hash: upgrade, downgrade, id. Made by \`chain gate --write-lock\`; commit it.
# A comment, a docstring or a new layout changes no hash; nor does a new parent.
`;

/** Each chain of a project has its own: sections of an ini other than Alembic's default are named. */
export function lockFileOf(section: string): string {
  return section === 'alembic' ? 'chain.lock' : `chain.${section.replace(/[^\w.-]/g, '_')}.lock`;
}

export function parseLock(file: string, text: string): ChainLock {
  const hashById = new Map<string, ContentHash>();
  const refuse = (line: number, reason: string): ChainLock => ({ file, hashById: new Map(), fault: { line, reason } });
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const match = /^([0-9a-f]{32}) ([0-9a-f]{32}) (.+)$/.exec(line);
    if (match === null) {
      const isConflict = /^(?:<{7}|={7}|>{7}|\|{7})/.test(line);
      return refuse(index + 1, isConflict ? 'an unresolved merge conflict' : 'no entry of a lock');
    }
    const [, upgrade, downgrade, id] = match as unknown as [string, string, string, string];
    if (hashById.has(id)) return refuse(index + 1, `${id} stands there twice`);
    hashById.set(id, { upgrade, downgrade });
  }
  return { file, hashById, fault: null };
}

export function writeLock(hashById: ReadonlyMap<string, ContentHash>): string {
  const lines = [...hashById]
    .sort(([a], [b]) => compareText(a, b))
    .map(([id, { upgrade, downgrade }]) => `${upgrade} ${downgrade} ${id}\n`);
  return header + lines.join('');
}
