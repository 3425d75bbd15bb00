/**
 * Unified diffs, as `diff -u` and git print them, of two texts of one file. Refuses to read files.
 */

type Edit = { kind: ' ' | '-' | '+'; line: string };

const contextLines = 3;

/** `before` null: the file is new; `after` null: it goes. Empty text where nothing differs. */
export function unifiedDiff(file: string, before: string | null, after: string | null): string {
  if (before === after) return '';
  const edits = editScript(linesOf(before ?? ''), linesOf(after ?? ''));
  const hunks = hunksOf(edits);
  const head = [
    `--- ${before === null ? '/dev/null' : `a/${file}`}`,
    `+++ ${after === null ? '/dev/null' : `b/${file}`}`,
  ];
  return `${[...head, ...hunks].join('\n')}\n`;
}

/** Each line with its end, so that CRLF and a missing last newline show. */
function linesOf(text: string): string[] {
  return text === '' ? [] : (text.match(/[^\n]*\n|[^\n]+$/g) ?? []);
}

/** Myers' O(ND) script over the lines between the common start and the common end. */
function editScript(before: string[], after: string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end++;
  }
  const same = (line: string): Edit => ({ kind: ' ', line });
  return [
    ...before.slice(0, start).map(same),
    ...myers(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(same),
  ];
}

function myers(before: string[], after: string[]): Edit[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  const most = before.length + after.length;
  search: for (let depth = 0; depth <= most; depth++) {
    trail.push(new Map(furthest));
    for (let k = -depth; k <= depth; k += 2) {
      const goesDown = k === -depth || (k !== depth && at(furthest, k - 1) < at(furthest, k + 1));
      let x = goesDown ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x++;
      furthest.set(k, x);
      if (x >= before.length && x - k >= after.length) break search;
    }
  }
  const edits: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let depth = trail.length - 1; depth >= 0; depth--) {
    const known = trail[depth] as Map<number, number>;
    const k = x - y;
    const cameDown = k === -depth || (k !== depth && at(known, k - 1) < at(known, k + 1));
    const previousX = depth === 0 ? 0 : cameDown ? at(known, k + 1) : at(known, k - 1);
    const previousY = depth === 0 ? 0 : previousX - (cameDown ? k + 1 : k - 1);
    while (x > previousX && y > previousY) {
      x--;
      y--;
      edits.push({ kind: ' ', line: before[x] as string });
    }
    if (depth === 0) break;
    if (cameDown) edits.push({ kind: '+', line: after[--y] as string });
    else edits.push({ kind: '-', line: before[--x] as string });
  }
  return edits.reverse();
}

function at(furthest: ReadonlyMap<number, number>, diagonal: number): number {
  return furthest.get(diagonal) ?? -1;
}

function hunksOf(edits: Edit[]): string[] {
  const output: string[] = [];
  let index = 0;
  let oldLine = 1;
  let newLine = 1;
  while (index < edits.length) {
    const change = edits.findIndex((edit, position) => position >= index && edit.kind !== ' ');
    if (change < 0) break;
    const from = Math.max(index, change - contextLines);
    oldLine += from - index;
    newLine += from - index;
    let to = change;
    // A hunk ends where more than twice the context is unchanged.
    for (let position = change; position < edits.length && position <= to + 2 * contextLines; position++) {
      if (edits[position]?.kind !== ' ') to = position;
    }
    const until = Math.min(edits.length, to + 1 + contextLines);
    const hunk = edits.slice(from, until);
    const oldCount = hunk.filter((edit) => edit.kind !== '+').length;
    const newCount = hunk.filter((edit) => edit.kind !== '-').length;
    output.push(`@@ -${range(oldLine, oldCount)} +${range(newLine, newCount)} @@`);
    for (const edit of hunk) {
      const hasEnd = edit.line.endsWith('\n');
      output.push(edit.kind + (hasEnd ? edit.line.slice(0, -1) : edit.line));
      if (!hasEnd) output.push('\\ No newline at end of file');
    }
    oldLine += oldCount;
    newLine += newCount;
    index = until;
  }
  return output;
}

function range(line: number, count: number): string {
  const start = count === 0 ? line - 1 : line;
  return count === 1 ? `${start}` : `${start},${count}`;
}
