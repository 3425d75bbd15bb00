/** The graph drawn: text, JSON, and for other tools. */
import { describe, expect, it } from 'vitest';
import { graphToJson, renderGraph } from '../../src/report/graph.ts';
import { graphOf, revisionText } from '../support/revision-files.ts';

const broken = graphOf({
  'a.py': revisionText('a', null),
  'b.py': revisionText('b', 'a'),
  'c.py': revisionText('c', 'a', { labels: ['side'] }),
  'd.py': revisionText('d', ['b', 'c']),
  'e.py': revisionText('e', 'ghost'),
  'f.py': revisionText('f', 'e', { dependsOn: ['side'] }),
  'g.py': revisionText('g', 'ghost'),
});

describe('renderGraph', () => {
  it('draws lanes and the ghost of a missing revision', () => {
    expect(renderGraph(broken, 'text', { color: false })).toBe(`*  g (head) step g
| *  f (head, depends on side) step f
| *  e step e
|/
x  ghost (missing: no file defines it)
*  d (head, merge point) step d
|\\
| *  c (label side) step c
* |  b step b
|/
*  a (base, branch point) step a

7 revisions · 3 heads d, f, g · base a

1 fault:
  missing-parent-revision  Revisions e, g name 'ghost' as down_revision, which no file defines.
    alembic/versions/e.py:6
`);
  });

  it('gives JSON by the contract', () => {
    const json = graphToJson(broken);
    expect(json).toMatchObject({
      heads: ['d', 'f', 'g'],
      effectiveHeads: ['d', 'f', 'g'],
      bases: ['a'],
      branchPoints: ['a'],
      mergePoints: ['d'],
      order: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
      faults: [
        {
          rule: 'missing-parent-revision',
          revisions: ['e', 'g'],
          files: ['alembic/versions/e.py', 'alembic/versions/g.py'],
          missing: 'ghost',
        },
      ],
    });
    expect((json.revisions as unknown[])[2]).toEqual({
      id: 'c',
      downRevisions: ['a'],
      dependsOn: [],
      branchLabels: ['side'],
      file: 'alembic/versions/c.py',
      line: 5,
      message: 'step c',
    });
    expect(JSON.parse(renderGraph(broken, 'json', { color: false }))).toEqual(JSON.parse(JSON.stringify(json)));
  });

  it('lets no text of a file break another tool or a terminal', () => {
    const nasty = graphOf({
      'a.py': `"""x "y" </text>\\x1b[31m {z}|&"""\nrevision = 'a"b'\ndown_revision = 'no<such>'\n`,
    });
    expect(renderGraph(nasty, 'text', { color: false })).not.toContain('\u001b');
    expect(renderGraph(nasty, 'svg', { color: false })).toContain('x &quot;y&quot; &lt;/text&gt;');
    expect(renderGraph(nasty, 'dot', { color: false })).toContain('label="a\\"b');
    expect(renderGraph(nasty, 'mermaid', { color: false })).toContain('a#34;b');
    for (const format of ['svg', 'dot', 'mermaid'] as const)
      expect(renderGraph(nasty, format, { color: false })).toMatch(/missing/);
  });

  it('draws a cycle and an unreadable file without an end', () => {
    const graph = graphOf({
      'a.py': revisionText('a', 'c'),
      'b.py': revisionText('b', 'a'),
      'c.py': revisionText('c', 'b'),
      'd.py': 'revision = "d"\ndown_revision = "x" if y else "z"\n',
      'e.py': revisionText('e', 'd'),
    });
    const text = renderGraph(graph, 'text', { color: false });
    expect(text).toContain('a cycle');
    expect(text).toMatch(/\? {2}d \(unreadable: alembic\/versions\/d\.py: /);
    expect(renderGraph(graph, 'svg', { color: false })).toContain('class="cycle"');
  });

  it('says so of nothing', () => {
    expect(renderGraph(graphOf({}), 'text', { color: false })).toBe('0 revisions\n');
    for (const format of ['json', 'svg', 'dot', 'mermaid'] as const)
      expect(renderGraph(graphOf({}), format, { color: false })).not.toBe('');
  });
});
