/** Unified diffs: what `patch` makes of them is the text after. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from '../../src/repair/unified-diff.ts';

describe('unifiedDiff', () => {
  it('shows three lines of context and a new file from nothing', () => {
    const before = 'a\nb\nc\nd\ne\nf\ng\n';
    expect(unifiedDiff('x.py', before, before.replace('d', 'D'))).toBe(
      '--- a/x.py\n+++ b/x.py\n@@ -1,7 +1,7 @@\n a\n b\n c\n-d\n+D\n e\n f\n g\n',
    );
    expect(unifiedDiff('x.sql', null, 'one\n')).toBe('--- /dev/null\n+++ b/x.sql\n@@ -0,0 +1 @@\n+one\n');
    expect(unifiedDiff('x', 'a', 'a\n')).toContain('\\ No newline at end of file');
    expect(unifiedDiff('x', 'a', 'a')).toBe('');
  });

  it('is what git applies to reach the text after', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chain-diff-'));
    try {
      const lines = fc.array(fc.constantFrom('a', 'b', 'c', '', 'd e'), { maxLength: 30 });
      fc.assert(
        fc.property(lines, lines, fc.boolean(), fc.boolean(), (left, right, leftEnds, rightEnds) => {
          const before = left.join('\n') + (leftEnds ? '\n' : '');
          const after = right.join('\n') + (rightEnds ? '\n' : '');
          fc.pre(before !== after && before !== '' && after !== '');
          writeFileSync(join(folder, 'f'), before);
          const run = spawnSync('git', ['apply', '--unsafe-paths', '--whitespace=nowarn', '-'], {
            cwd: folder,
            input: unifiedDiff('f', before, after),
            encoding: 'utf8',
          });
          expect(run.stderr).toBe('');
          expect(readFileSync(join(folder, 'f'), 'utf8')).toBe(after);
        }),
        { numRuns: 60 },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
