/**
 * A chain that began on a database that was there already: its revisions alter or reference tables that none of them
 * creates. What it never creates may have stood from the start (a dump, `create_all`, an older tool), so that many such
 * objects have one cause and are told as one finding.
 */
import type { ReplayNote } from '../model/replay.ts';
import type { RevisionId } from '../model/revision.ts';
import type { FindingDraft } from './rule.ts';

/** Up to this many each keep a finding of their own. */
const fewObjects = 3;

/** Tables that revisions work on and none creates, first met first; those behind a missing parent tell nothing. */
export function tablesOfOutsideBase(notes: readonly ReplayNote[], behind: ReadonlySet<RevisionId>): string[] {
  const found = new Set<string>();
  for (const note of notes)
    if (
      note.kind === 'target-missing' &&
      note.objectKind === 'table' &&
      note.operation.kind !== 'dropTable' &&
      !behind.has(note.revision)
    )
      found.add(note.object);
  return [...found];
}

/**
 * Few drafts as they are; many as one on the subject of the first: its certainty is that of the surest, its evidence a
 * line for each object.
 */
export function* asOneWhereMany(
  drafts: readonly FindingDraft[],
  tell: (first: FindingDraft, names: string[]) => Pick<FindingDraft, 'message' | 'remedy'>,
): Generator<FindingDraft> {
  const [first] = drafts;
  if (first === undefined || drafts.length <= fewObjects) {
    yield* drafts;
    return;
  }
  const surest = drafts.find((draft) => draft.certainty === 'proven') ?? first;
  yield {
    ...first,
    ...(surest.severity === undefined ? {} : { severity: surest.severity }),
    ...(surest.certainty === undefined ? {} : { certainty: surest.certainty }),
    evidence: drafts.flatMap((draft) => draft.evidence?.slice(0, 1) ?? []),
    ...tell(
      first,
      drafts.map((draft) => draft.subject.name),
    ),
  };
}
