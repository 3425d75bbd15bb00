/**
 * What running a seed twice has shown, beside what reading it tells. Refuses to read the seed.
 */
import type { Evidence } from '../model/finding.ts';
import type { SeedChange, SeedRerun } from '../model/seed.ts';
import { changeText, type SeedInsert } from '../model/seed-view.ts';
import { advice, type FindingDraft, type NotLookedAt, type SeedReruns } from './rule.ts';

/** What was read, by what running it twice has shown: confirmed, refuted, or left as it was where that did not come to it. */
export function* asSeen(
  draft: FindingDraft,
  insert: SeedInsert,
  reruns: SeedReruns | undefined,
  told: Set<SeedChange | SeedRerun>,
): Generator<FindingDraft> {
  const { file } = insert.reading;
  const run = reruns?.runs.find((each) => each.file === file);
  if (!reruns || !run || run.outcome === 'unknown') return yield draft;
  const { line, span } = insert.statement;
  // A refusal stands at the row that it means.
  const end = line + insert.reading.text.slice(span.from, span.to).split('\n').length - 1;
  const isHere = (at: { file: string; line: number }) => at.file === file && at.line >= line && at.line <= end;
  const change = run.changes.find((each) => each.table === insert.table && isHere(each));
  const isRefused = run.failure !== null && isHere(run.failure);
  if (change || isRefused) {
    told.add(change ?? run);
    const seen = change ? seenIn(reruns, changeText(change)) : refusedIn(reruns, run);
    return yield { ...draft, evidence: [...(draft.evidence ?? []), seen] };
  }
  if (run.outcome === 'refused') return yield draft;
  // A SELECT may have found nothing to insert here, and finds it elsewhere.
  if (insert.rows.length === 0 && insert.statement.verb === 'insert') yield { ...draft, certainty: 'suspected' };
}

/** What exists already is a row with its key (23505), an object (42710 and its like), or what only the message says. */
function remedyOf({ file, line, sqlState, metRow }: NonNullable<SeedRerun['failure']>): string {
  if (metRow || sqlState === '23505')
    return `Let ${file}:${line} meet the rows ${metRow ? 'that are there' : 'of the first run'}: ON CONFLICT on their key`;
  return /^42(?:P0[3-7]|710|723|701)$/.test(sqlState ?? '')
    ? `Let ${file}:${line} make it only where it is absent`
    : `Let ${file}:${line} take what the first run left`;
}

function seenIn(reruns: SeedReruns, what: string): Evidence {
  const lacks = reruns.lacks === null ? '' : `, without ${reruns.lacks}`;
  return { origin: 'data', text: `run twice on ${reruns.on}${lacks}: the second run ${what}` };
}

function refusedIn(reruns: SeedReruns, { failure }: SeedRerun): Evidence {
  if (!failure?.metRow) return seenIn(reruns, `is refused: ${failure?.message}`);
  const lacks = reruns.lacks === null ? '' : `, without ${reruns.lacks}`;
  return { origin: 'data', text: `run on ${reruns.on}${lacks}: it is refused: ${failure.message}` };
}

/** What running it twice shows and reading it does not. */
export function* seenAlone(
  reruns: SeedReruns,
  told: ReadonlySet<SeedChange | SeedRerun>,
): Generator<FindingDraft | NotLookedAt> {
  if (reruns.reason !== null) yield { notChecked: `that a second run changes nothing: ${reruns.reason}` };
  for (const run of reruns.runs) {
    const { failure } = run;
    if (run.outcome === 'unknown') {
      yield {
        notChecked: `that a second run of ${run.file} changes nothing: ${failure ? `the first one fails at ${failure.file}:${failure.line}, ${failure.message}` : 'it writes more rows than are compared'}`,
      };
    } else if (run.outcome === 'refused' && failure && !told.has(run)) {
      const { file, line, message } = failure;
      yield {
        subject: { kind: 'seed', name: run.file, file, line },
        detail: 'second-run',
        message: failure.metRow
          ? `${file}:${line} is refused on the database as it stands, where its row is already: ${message}.`
          : `${file}:${line} is refused in a second run: ${message}.`,
        evidence: [refusedIn(reruns, run)],
        remedy: advice(remedyOf(failure), 'file-edit'),
      };
    }
    for (const change of run.changes) {
      if (told.has(change)) continue;
      const { file, line, table, isByTrigger, otherStatements } = change;
      const others =
        otherStatements > 0
          ? ` (and ${otherStatements} more ${otherStatements === 1 ? 'statement' : 'statements'})`
          : '';
      yield {
        subject: { kind: 'seed', name: run.file, file, line },
        detail: `${table}:second-run`,
        // A log that a trigger keeps grows with every run, as it should.
        severity: isByTrigger ? 'info' : 'warning',
        message: `${file}:${line}${others} ${changeText(change)} when the seed runs a second time.`,
        evidence: [seenIn(reruns, changeText(change))],
        remedy: advice(
          isByTrigger
            ? `Look at the triggers of the table that ${file}:${line} writes to`
            : `Let ${file}:${line} find the rows of the first run, by a key that stays`,
          isByTrigger ? 'report' : 'file-edit',
        ),
      };
    }
  }
}
