/** What the graph says of broken projects: one fault each, with its files and lines, and no head invented. */
import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RevisionGraph } from '../../src/model/revision-graph.ts';
import { graphOf, makeProject, readGraph, revisionText } from '../support/revision-files.ts';

const rules = (graph: RevisionGraph): string[] => graph.faults.map((fault) => fault.rule);

describe('parents', () => {
  it('names a missing parent once, with every child', () => {
    const graph = graphOf({
      'a.py': revisionText('a', null),
      'b.py': revisionText('b', 'ghost'),
      'c.py': revisionText('c', ['a', 'ghost']),
    });
    expect(rules(graph)).toEqual(['missing-parent-revision']);
    expect(graph.faults[0]).toMatchObject({
      revisions: ['b', 'c'],
      files: ['alembic/versions/b.py', 'alembic/versions/c.py'],
      line: 6,
      missing: 'ghost',
    });
    expect([...graph.missingById]).toEqual([['ghost', ['b', 'c']]]);
    expect(graph.revisions.has('ghost')).toBe(false);
    expect(graph.bases).toEqual(['a']);
    expect(graph.order).toEqual(['a', 'b', 'c']);
  });

  it('asks for the id of the file that a parent names', () => {
    const graph = graphOf({
      '20260621_merge_041_064.py': revisionText('7bcf07ee658e', null),
      'b.py': revisionText('b', '20260621_merge_041_064'),
    });
    expect(graph.faults[0]).toMatchObject({ rule: 'missing-parent-revision', likely: '7bcf07ee658e' });
    expect(graph.faults[0]!.message).toContain('did you mean 7bcf07ee658e?');
  });

  it.each([
    ['a partial id', 'abcdef', 'abcdef123456'],
    ['another case', 'ABCDEF123456', 'abcdef123456'],
    ['two letters swapped', 'abcdfe123456', 'abcdef123456'],
  ])('asks after %s', (_name, named, likely) => {
    const graph = graphOf({ 'a.py': revisionText('abcdef123456', null), 'b.py': revisionText('b', named) });
    expect(graph.faults[0]).toMatchObject({ missing: named, likely });
  });

  it("takes '' and 'None' for what they are: texts, no bases", () => {
    for (const parent of ['', 'None']) {
      const graph = graphOf({ 'a.py': revisionText('a', parent) });
      expect(rules(graph)).toEqual(['unreadable-revision']);
      expect(graph.faults[0]!.message).toContain(`the text '${parent}'`);
      expect(graph.bases).toEqual([]);
    }
  });
});

describe('ids and labels', () => {
  it('names both files of a duplicate id, keeps the last, and does not call the cycle that it closes a cycle', () => {
    const graph = graphOf({
      '1.py': revisionText('a1', null),
      '2.py': revisionText('b1', 'a1'),
      '3.py': revisionText('a1', 'b1'),
    });
    expect(rules(graph)).toEqual(['duplicate-revision-id']);
    expect(graph.faults[0]).toMatchObject({
      revisions: ['a1'],
      files: ['alembic/versions/1.py', 'alembic/versions/3.py'],
    });
    expect(graph.revisions.get('a1')!.file).toBe('alembic/versions/3.py');
    expect(graph.duplicates.get('a1')).toHaveLength(2);
  });

  it('refuses the characters that Alembic refuses, and keeps the children', () => {
    const graph = graphOf({ 'a.py': revisionText('a-1', null), 'b.py': revisionText('b', 'a-1') });
    expect(rules(graph)).toEqual(['unreadable-revision']);
    expect(graph.faults[0]!.reason).toContain("'-'");
    expect(graph.heads).toEqual(['b']);
  });

  it('resolves depends_on by id and label, never by part of an id', () => {
    const graph = graphOf({
      'a.py': revisionText('aaaa', null, { labels: ['core'] }),
      'b.py': revisionText('bbbb', null, { dependsOn: ['core'] }),
      'c.py': revisionText('cccc', null, { dependsOn: ['aaa'] }),
      'd.py': revisionText('dddd', null, { labels: ['core'] }),
    });
    expect(rules(graph)).toEqual(['dangling-depends-on', 'dangling-depends-on']);
    expect(graph.faults.map((fault) => fault.missing)).toEqual(['aaa', undefined]);
    expect(graph.faults[1]!.files).toEqual(['alembic/versions/d.py', 'alembic/versions/a.py']);
    expect(graph.predecessorsById.get('bbbb')).toEqual(['aaaa']);
    expect(graph.heads).toEqual(['aaaa', 'bbbb', 'cccc', 'dddd']);
    expect(graph.effectiveHeads).toEqual(['bbbb', 'cccc', 'dddd']);
  });
});

describe('cycles', () => {
  it('are told as a path, beside a healthy chain too', () => {
    const graph = graphOf({
      'a.py': revisionText('a', null),
      'b.py': revisionText('b', 'c'),
      'c.py': revisionText('c', 'b'),
      'd.py': revisionText('d', 'a'),
    });
    expect(rules(graph)).toEqual(['revision-cycle']);
    expect(graph.faults[0]).toMatchObject({ revisions: ['b', 'c'], message: expect.stringContaining('b → c → b') });
    expect(graph.heads).toEqual(['d']);
    expect(graph.order).toEqual(['a', 'd', 'b', 'c']);
  });

  it('are found through depends_on, and in one revision alone', () => {
    const dependency = graphOf({
      'a.py': revisionText('a', null, { dependsOn: ['b'] }),
      'b.py': revisionText('b', 'a'),
    });
    expect(dependency.faults).toMatchObject([
      { rule: 'revision-cycle', message: expect.stringContaining('depends_on') },
    ]);
    const loop = graphOf({ 'a.py': revisionText('a', 'a') });
    expect(loop.faults).toMatchObject([{ rule: 'revision-cycle', revisions: ['a'], line: 6 }]);
  });
});

describe('what cannot be read', () => {
  const dynamic = 'import os\nrevision = "c"\ndown_revision = sorted(os.listdir("."))[-1]\n';

  it('is named with its id and reason, its parent is not guessed and no head is invented', () => {
    const graph = graphOf({ 'a.py': revisionText('a', null), 'b.py': revisionText('b', 'a'), 'c.py': dynamic });
    expect(graph.faults).toMatchObject([
      {
        rule: 'unreadable-revision',
        revisions: ['c'],
        line: 3,
        reason: expect.stringContaining('only known when it runs'),
      },
    ]);
    expect(graph.revisions.has('c')).toBe(false);
    expect(graph.heads).toEqual([]);
    expect(graph.possibleHeads).toEqual(['b']);
  });

  it('leaves certain what follows it', () => {
    const graph = graphOf({ 'a.py': revisionText('a', null), 'c.py': dynamic, 'd.py': revisionText('d', 'c') });
    expect(graph.heads).toEqual(['d']);
    expect(graph.possibleHeads).toEqual(['a']);
    expect(graph.missingById.size).toBe(0);
  });

  it('says where a merge marker stands, and calls neither side missing nor a head', () => {
    const graph = graphOf({
      'a.py': revisionText('a', null),
      'b.py': '"""x"""\n<<<<<<< HEAD\nrevision = "b1"\n=======\nrevision = "b2"\n>>>>>>> x\ndown_revision = "a"\n',
      'c.py': revisionText('c', 'b1'),
    });
    expect(graph.faults).toMatchObject([
      { rule: 'unreadable-revision', line: 2, reason: 'an unresolved merge marker', files: ['alembic/versions/b.py'] },
    ]);
    expect(graph.heads).toEqual(['c']);
  });

  it('only suspects a parent missing that an unreadable file may define', () => {
    const graph = graphOf({
      'a.py': revisionText('a', null),
      'b.py': Buffer.from([0xff, 0xfe, 0x00]),
      'c.py': revisionText('c', 'x'),
    });
    expect(graph.faults.find((fault) => fault.rule === 'missing-parent-revision')).toMatchObject({ isSuspected: true });
  });

  it('keeps a stray file apart from a broken one', () => {
    const graph = graphOf({ 'a.py': revisionText('a', null), 'helpers.py': 'def f():\n    return 1\n' });
    expect(graph.faults).toMatchObject([{ rule: 'stray-file-in-versions', files: ['alembic/versions/helpers.py'] }]);
    expect(graph.heads).toEqual(['a']);
  });

  it('passes over what Alembic passes over', () => {
    const graph = graphOf({
      'a.py': revisionText('a', null),
      '__init__.py': 'x = ',
      '.#b.py': 'x',
      README: 'x',
      'c.pyc': 'x',
      '__init__x.py': '(',
    });
    expect(graph.faults).toEqual([]);
    expect([...graph.revisions.keys()]).toEqual(['a']);
  });

  it('takes the id from a name of hexadecimal digits, as Alembic 0.1 did', () => {
    const graph = graphOf({ 'abc123.py': 'down_revision = None\n', 'b.py': revisionText('b', 'abc123') });
    expect(graph.faults).toEqual([]);
    expect(graph.bases).toEqual(['abc123']);
  });

  it('never reads more of a file than it may, nor one out of the project', () => {
    const outside = makeProject({ 'o.py': revisionText('o', null) });
    const project = makeProject({
      'a.py': revisionText('a', null),
      'big.py': `${revisionText('big', 'a')}${'# x\n'.repeat(5000)}`,
    });
    try {
      symlinkSync(join(outside.dir, 'alembic/versions/o.py'), join(project.dir, 'alembic/versions/link.py'));
      symlinkSync(join(project.dir, 'alembic/versions/a.py'), join(project.dir, 'alembic/versions/same.py'));
      symlinkSync(join(project.dir, 'nowhere.py'), join(project.dir, 'alembic/versions/dangling.py'));
      const graph = readGraph(project.dir, { maxFileBytes: 10_000 });
      expect(graph.faults.map((fault) => [fault.files[0], fault.reason])).toEqual([
        ['alembic/versions/big.py', 'larger than the 10000 bytes that are read of one file'],
        ['alembic/versions/dangling.py', 'cannot be read (ENOENT)'],
        ['alembic/versions/link.py', 'a symbolic link that leads out of the project'],
      ]);
      expect([...graph.revisions.keys()]).toEqual(['a']);
      expect(graph.heads).toEqual([]);
    } finally {
      outside.remove();
      project.remove();
    }
  });

  it.skipIf(process.getuid?.() === 0)('says which file it may not read', () => {
    const project = makeProject({ 'a.py': revisionText('a', null) });
    try {
      chmodSync(join(project.dir, 'alembic/versions/a.py'), 0o000);
      expect(readGraph(project.dir).faults).toMatchObject([{ reason: 'cannot be read (EACCES)' }]);
    } finally {
      project.remove();
    }
  });

  it('survives nesting that no parser gets through', () => {
    const graph = graphOf({
      'a.py': `revision = 'a'\ndown_revision = ${'-'.repeat(5000)}1\n`,
      'b.py': `x = ${'('.repeat(300)}${')'.repeat(300)}\n`,
    });
    expect(graph.faults).toHaveLength(2);
  });
});

it('does not hang on the order in which files are listed', () => {
  const files = {
    'a.py': revisionText('a', null),
    'b.py': revisionText('b', 'a'),
    'c.py': revisionText('c', ['a', 'b']),
    'd.py': 'x = (',
  };
  const reversed = Object.fromEntries(Object.entries(files).reverse());
  expect(JSON.stringify([...graphOf(files).revisions])).toBe(JSON.stringify([...graphOf(reversed).revisions]));
});
