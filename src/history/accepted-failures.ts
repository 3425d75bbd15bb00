/**
 * Steps and jobs of a pipeline that may fail without a word: `continue-on-error`, `allow_failure`. Read by indentation, as
 * people write them; refuses to judge.
 */
import type { Span } from '../model/seed.ts';

export interface AcceptedFailure {
  /** The step or the job. */
  within: Span;
  /** `continue-on-error: true` */
  at: Span;
  /** Its value, where the step alone hangs on it. */
  value: Span | null;
}

interface Line {
  from: number;
  text: string;
  /** Where its key stands, after `- `; null: blank or a comment. */
  column: number | null;
  beginsItem: boolean;
}

const accepts =
  /^([ \t]*(?:- +)?)(["']?)(?:continue-on-error|allow_failure|ignore_error)\2[ \t]*:[ \t]*(true)[ \t]*(?:#.*)?$/;

/** Nothing where it is false, or an expression that only a run can tell. */
export function acceptedFailures(text: string): AcceptedFailure[] {
  const lines = linesOf(text);
  return lines.flatMap((line, index) => {
    const found = accepts.exec(line.text);
    if (!found) return [];
    const column = line.column as number;
    const isOfMap = ({ column: at }: Line) => at === null || at >= column;
    let first = index;
    while (
      first > 0 &&
      !(lines[first]?.beginsItem && lines[first]?.column === column) &&
      isOfMap(lines[first - 1] as Line)
    )
      first--;
    let last = index;
    for (
      let next = lines[last + 1];
      next && isOfMap(next) && !(next.beginsItem && next.column === column);
      next = lines[last + 1]
    )
      last++;
    const end = lines[last] as Line;
    const value = line.from + line.text.indexOf(found[3] as string, (found[1] as string).length + 1);
    const isStep = lines
      .slice(first, last + 1)
      .some((one) => one.column === column && /^[ \t]*(?:- +)?run[ \t]*:/.test(one.text));
    return [
      {
        within: { from: (lines[first] as Line).from, to: end.from + end.text.length },
        at: { from: line.from + column, to: value + 4 },
        value: isStep ? { from: value, to: value + 4 } : null,
      },
    ];
  });
}

function linesOf(text: string): Line[] {
  let from = 0;
  return text.split('\n').map((whole) => {
    const line = whole.replace(/\r$/, '');
    const blanks = /^[ \t]*(- +)?/.exec(line) as RegExpExecArray;
    const rest = line.slice(blanks[0].length);
    const column = rest === '' || rest.startsWith('#') ? null : blanks[0].length;
    const read = { from, text: line, column, beginsItem: blanks[1] !== undefined };
    from += whole.length + 1;
    return read;
  });
}
