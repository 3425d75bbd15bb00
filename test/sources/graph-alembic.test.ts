/**
 * The graph held to a real Alembic: random projects, sound and broken, and every way to write a header.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { requireInterop } from '../support/alembic.ts';
import { alembicGraphs } from '../support/alembic-graph.ts';
import { type MadeProject, makeProject, readGraph, revisionText } from '../support/revision-files.ts';

const made: MadeProject[] = [];
afterAll(() => {
  for (const project of made) project.remove();
});

function project(versions: Record<string, string | Buffer>): MadeProject {
  const one = makeProject(versions);
  made.push(one);
  return one;
}

const ids = ['a1', 'b2', 'c3', 'd4', 'e5', 'f6', 'g7'];
/** Files of random revisions: mostly parents that come before, at times any name at all. */
const files = fc
  .array(
    fc.record({
      down: fc.array(fc.nat({ max: 9 }), { maxLength: 2 }),
      wild: fc.nat({ max: 30 }),
      depends: fc.array(fc.nat({ max: 9 }), { maxLength: 1 }),
      label: fc.nat({ max: 12 }),
    }),
    { minLength: 1, maxLength: ids.length },
  )
  .map((shapes) => {
    const versions: Record<string, string> = {};
    shapes.forEach((shape, index) => {
      const earlier = (n: number): string | null => (index === 0 || n >= 8 ? null : (ids[n % index] as string));
      const down = [...new Set(shape.down.map(earlier).filter((id) => id !== null))];
      if (shape.wild === 0) down.push(ids[(index + 1) % ids.length] as string);
      if (shape.wild === 1) down.push('ghost');
      const id = shape.wild === 2 ? (ids[0] as string) : (ids[index] as string);
      const depends = shape.depends
        .filter((n) => n < 3)
        .map((n) => (shape.wild === 3 ? 'nobody' : shape.wild < 8 ? 'label1' : (earlier(n) ?? '')))
        .filter((name) => name !== '');
      const labels = shape.label < 2 ? [`label${shape.label}`] : undefined;
      versions[`${index}_${id}.py`] = revisionText(
        id,
        down.length === 0 ? null : down.length === 1 ? (down[0] as string) : down,
        {
          ...(depends.length > 0 ? { dependsOn: depends } : {}),
          ...(labels === undefined ? {} : { labels }),
        },
      );
    });
    return versions;
  });

describe.skipIf(!requireInterop())('the graph and a real Alembic', () => {
  it('agree on random projects, sound and broken', () => {
    const samples = fc.sample(files, { seed: 20260101, numRuns: 400 });
    const projects = samples.map(project);
    const theirs = alembicGraphs(projects.map(({ dir }) => `${dir}/alembic`));
    let loaded = 0;
    projects.forEach(({ dir }, index) => {
      const their = theirs[index]!;
      const ours = readGraph(dir);
      const shown = JSON.stringify(samples[index], null, 1);
      if (their.error !== null) {
        expect(ours.faults.length, `Alembic: ${their.error}\n${shown}`).toBeGreaterThan(0);
        return;
      }
      loaded++;
      const { heads, effectiveHeads, bases, branchPoints, mergePoints } = ours;
      expect({ heads, effectiveHeads, bases: [...bases], branchPoints, mergePoints }, shown).toEqual({
        heads: their.heads,
        effectiveHeads: their.realHeads.filter((id) => their.heads.includes(id)),
        bases: their.bases,
        branchPoints: their.branchPoints,
        mergePoints: their.mergePoints,
      });
      // What Alembic loads may have a duplicate id, and a cycle that its own look for cycles misses.
      expect(
        ours.faults.filter((fault) => !/duplicate|cycle/.test(fault.rule)),
        shown,
      ).toEqual([]);
    });
    expect(loaded).toBeGreaterThan(150);
    expect(loaded).toBeLessThan(390);
  });

  it('agree on every way to write a header', () => {
    const dirs = Object.entries(zoo).map(([name, text]) => ({
      name,
      text,
      dir: project({ 'aaaa_base.py': revisionText('aaaa', null), 'x_y.py': text }).dir,
    }));
    const theirs = alembicGraphs(dirs.map(({ dir }) => `${dir}/alembic`));
    dirs.forEach(({ name, dir }, index) => {
      const their = theirs[index]!;
      const ours = readGraph(dir);
      expect(their.error, name).toBeNull();
      if (their.error !== null) return;
      const revisions = Object.fromEntries(
        [...ours.revisions.values()].map((revision) => [
          revision.id,
          {
            down: revision.downRevisions,
            dependsOn: revision.dependsOn,
            labels: [...revision.branchLabels].sort(),
            doc: revision.message,
          },
        ]),
      );
      expect(ours.faults, name).toEqual([]);
      expect(revisions, name).toEqual(their.revisions);
      expect(ours.heads, name).toEqual(their.heads);
    });
  });

  it('agree on what cannot be loaded', () => {
    const dirs = Object.entries(unloadable).map(([name, text]) => ({
      name,
      dir: project({ 'aaaa_base.py': revisionText('aaaa', null), 'x_y.py': text }).dir,
    }));
    const theirs = alembicGraphs(dirs.map(({ dir }) => `${dir}/alembic`));
    dirs.forEach(({ name, dir }, index) => {
      expect(theirs[index]!.error, name).not.toBeNull();
      expect(
        readGraph(dir).faults.map((fault) => fault.rule),
        name,
      ).not.toEqual([]);
    });
  });
});

const body = '\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n';

/** Sound headers, each beside a base `aaaa`. */
const zoo: Record<string, string | Buffer> = {
  plain: `revision = 'bbbb'\ndown_revision = 'aaaa'${body}`,
  annotated: `from typing import Sequence, Union\nrevision: str = 'bbbb'\ndown_revision: Union[str, Sequence[str], None] = 'aaaa'\nbranch_labels: Union[str, None] = 'one'${body}`,
  'annotated without a value': `revision: str\nrevision = 'bbbb'\ndown_revision: str\ndown_revision = 'aaaa'${body}`,
  chained: `revision = __revision__ = rev = 'bbbb'\ndown_revision = parent = 'aaaa'${body}`,
  tuple: `revision = 'bbbb'\ndown_revision = ('aaaa',)${body}`,
  'bare tuple': `revision = 'bbbb'\ndown_revision = 'aaaa',${body}`,
  list: `revision = 'bbbb'\ndown_revision = ['aaaa']${body}`,
  'list over lines with comments': `revision = 'bbbb'\ndown_revision = [\n    'aaaa',  # the 'first'\n]\ndepends_on = (\n    # nothing\n)${body}`,
  'tuple of None': `revision = 'bbbb'\ndown_revision = (None,)${body}`,
  'empty tuple': `revision = 'bbbb'\ndown_revision = ()${body}`,
  parenthesised: `revision = ('bbbb')\ndown_revision = ("aaaa")${body}`,
  concatenated: `revision = 'bb' + 'bb'\ndown_revision = 'a' + ('a' + 'aa')${body}`,
  'implicitly joined': `revision = 'bb' 'bb'\ndown_revision = ('aa'\n    "aa")${body}`,
  'f-string of constants': `prefix = 'aa'\nn = 4\nrevision = f'bbbb{n}'\ndown_revision = f'{prefix}{"aa"}'${body}`,
  'names bound before': `PARENT = 'aaaa'\nME = 'bbbb'\nrevision = ME\ndown_revision = PARENT\ndepends_on = [PARENT]${body}`,
  augmented: `revision = 'bb'\nrevision += 'bb'\ndown_revision = ('aaaa',)\ndown_revision += ()${body}`,
  unpacked: `revision, down_revision = 'bbbb', 'aaaa'${body}`,
  'unpacked in brackets': `[revision, (down_revision, branch_labels)] = ['bbbb', ('aaaa', None)]${body}`,
  'u and r strings': `revision = u'bbbb'\ndown_revision = r'aaaa'${body}`,
  escapes: `revision = 'b\\x62\\u0062\\142'\ndown_revision = '\\141aa\\\na'${body}`,
  'triple quotes': `revision = '''bbbb'''\ndown_revision = """aaaa"""${body}`,
  'last one wins': `revision = 'old'\nrevision = 'bbbb'\ndown_revision = 'nobody'\ndown_revision = 'aaaa'${body}`,
  'one line': `revision = 'bbbb'; down_revision = 'aaaa'; branch_labels = None${body}`,
  'a docstring that lies': `"""Add x\n\nRevision ID: zzzz\nRevises: nobody\n\nrevision = 'zzzz'\ndown_revision = 'nobody'\n"""\nrevision = 'bbbb'\ndown_revision = 'aaaa'${body}`,
  'assignments in functions': `revision = 'bbbb'\ndown_revision = 'aaaa'\n\ndef upgrade():\n    revision = 'no'\n    down_revision = None\n    def f():\n        global other\n        other = 1\n`,
  'assignments in a class': `revision = 'bbbb'\ndown_revision = 'aaaa'\nclass C:\n    revision = 'no'\n    down_revision = None\n`,
  TYPE_CHECKING: `from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    revision = 'no'\n    down_revision: str = 'no'\nelse:\n    revision = 'bbbb'\ndown_revision = 'aaaa'${body}`,
  'conditions that are known': `import typing\nif True:\n    revision = 'bbbb'\nelif x:\n    revision = 'no'\nif not_there if 0 else 0:\n    pass\nif typing.TYPE_CHECKING:\n    down_revision = 'no'\nelse:\n    down_revision = 'aaaa'${body}`,
  __main__: `revision = 'bbbb'\ndown_revision = 'aaaa'\nif __name__ == '__main__':\n    revision = 'no'\n`,
  'try and except': `try:\n    import json\n    revision = 'bbbb'\nexcept ImportError:\n    revision = 'bbbb'\ndown_revision = 'aaaa'${body}`,
  'a with': `import contextlib\nwith contextlib.suppress(Exception):\n    revision = 'bbbb'\n    down_revision = 'aaaa'\n`,
  'conditional expression': `revision = 'bbbb' if True else 'no'\ndown_revision = None or 'aaaa' if False else 'aaaa'${body}`,
  'a star import before': `from os.path import *\nrevision = 'bbbb'\ndown_revision = 'aaaa'${body}`,
  'deleted again': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndepends_on = 'nobody'\ndel depends_on${body}`,
  'loops beside it': `revision = 'bbbb'\ndown_revision = 'aaaa'\nfor i in range(3):\n    x = i\nwhile False:\n    pass\n`,
  BOM: Buffer.concat([
    Buffer.from([0xef, 0xbb, 0xbf]),
    Buffer.from(`revision = 'bbbb'\ndown_revision = 'aaaa'${body}`),
  ]),
  CRLF: `"""Message\r\n\r\nRevises: x\r\n"""\r\nrevision = 'bbbb'\r\ndown_revision = 'aaaa'\r\n\r\ndef upgrade():\r\n    x = """a\r\n    b"""\r\n    pass\r\n`,
  'CR alone': `revision = 'bbbb'\rdown_revision = 'aaaa'\rdef upgrade():\r    pass\r`,
  tabs: `revision\t=\t'bbbb'\ndown_revision\t=\t'aaaa'\ndef upgrade():\n\tif True:\n\t\tpass\n`,
  'non-ASCII': `"""Größe ändern — 表 🚀\n"""\nrevision = 'bbbb'\ndown_revision = 'aaaa'\nname = 'naïve'\nßtraße = 1\n${body}`,
  'latin-1 cookie': Buffer.from(
    `# -*- coding: latin-1 -*-\n"""Gr\u00f6\u00dfe"""\nrevision = 'bbbb'\ndown_revision = 'aaaa'\nx = '\u00e9'\n`,
    'latin1',
  ),
  'cookie in line two': Buffer.from(
    `#!/usr/bin/env python\n# vim: set fileencoding=iso-8859-15 :\nrevision = 'bbbb'\ndown_revision = 'aaaa'\nx = '\u00e9'\n`,
    'latin1',
  ),
  'no newline at the end': `revision = 'bbbb'\ndown_revision = 'aaaa'`,
  'form feed and blank lines': `\n\x0c\nrevision = 'bbbb'\n   \n\t# comment\ndown_revision = 'aaaa'\n`,
  'joined lines': `revision = \\\n    'bbbb'\ndown_revision = ( # why\n 'aaaa' )${body}`,
  'new syntax': `revision = 'bbbb'\ndown_revision = 'aaaa'\nmatch = 1\nmatch[0] if False else 2\ndef f(a, /, b, *, c): return (x := a)\nmatch match:\n    case 1: pass\n    case [1, *rest] | {'a': rest}: pass\n    case _: pass\nwith (open('/dev/null') as g, open('/dev/null') as h): pass\n`,
  'functions of known things': `revision = str('bbbb')\ndown_revision = tuple(['aaaa'])${body}`,
  'depends_on and labels': `revision = 'bbbb'\ndown_revision = None\nbranch_labels = ('two', 'one')\ndepends_on = 'aaaa'${body}`,
};

const unloadable: Record<string, string | Buffer> = {
  'merge marker': `<<<<<<< HEAD\nrevision = 'bbbb'\n=======\nrevision = 'cccc'\n>>>>>>> other\ndown_revision = 'aaaa'${body}`,
  'merge marker in a body': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndef upgrade():\n<<<<<<< HEAD\n    pass\n=======\n    pass\n>>>>>>> x\n`,
  'half written': `revision = 'bbbb'\ndown_revision = 'aaaa'\n\ndef upgrade():\n    op.create_table(\n`,
  'no colon': `revision = 'bbbb'\ndown_revision = 'aaaa'\n\ndef upgrade()\n    pass\n`,
  'mixed tabs': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndef upgrade():\n        x = 1\n\ty = 2\n`,
  'print of Python 2': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndef upgrade():\n    print 'x'\n`,
  'a keyword twice': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndef upgrade():\n    f(a=1, a=2)\n`,
  'return outside': `revision = 'bbbb'\ndown_revision = 'aaaa'\nreturn\n`,
  'not UTF-8': Buffer.from(`revision = 'bbbb'\ndown_revision = 'aaaa'\nx = '\u00e9'\n`, 'latin1'),
  'a null byte': `revision = 'bbbb'\ndown_revision = 'aaaa'\n\0\n`,
  'no down_revision': `revision = 'bbbb'${body}`,
  stray: `def helper():\n    return 1\n`,
  'an id that is a number': `revision = 17\ndown_revision = 'aaaa'${body}`,
  'an id of None': `revision = None\ndown_revision = 'aaaa'${body}`,
  'parent None as text': `revision = 'bbbb'\ndown_revision = 'None'${body}`,
  'a parent in a set': `revision = 'bbbb'\ndown_revision = {'aaaa'}${body}`,
  'None among parents': `revision = 'bbbb'\ndown_revision = (None, 'aaaa')${body}`,
  'illegal character': `revision = 'bb-bb'\ndown_revision = 'aaaa'${body}`,
  'self-loop': `revision = 'bbbb'\ndown_revision = 'bbbb'${body}`,
  'depends on itself': `revision = 'bbbb'\ndown_revision = 'aaaa'\ndepends_on = 'bbbb'${body}`,
  'partial id': `revision = 'bbbb'\ndown_revision = 'aaa'${body}`,
  'a label as parent': `revision = 'bbbb'\ndown_revision = 'lab'\nbranch_labels = 'lab'${body}`,
};
