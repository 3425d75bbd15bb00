/** Headers bound in unusual ways, each run by a real Python: what is said of one is what it has, and nothing is guessed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { readRevisionText } from '../../src/sources/alembic/revision-file/read.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython && process.env.CI) throw new Error('No python3 on this CI machine');

/** `revision` and `down_revision` in front of all but those that bind them in their own way. */
const usual = "revision = 'bbbb'\ndown_revision = ['aaaa']\n";

const told: Record<string, string> = {
  'a name by its compatibility form': "reviſion = 'bbbb'\nﬁrst = 'aaaa'\ndown_revision = first\n",
  'deleted in brackets': `${usual}depends_on = branch_labels = 'no'\ndel (depends_on, [branch_labels])\n`,
  'the last of two': "revision = None or '' or 'bbbb'\ndown_revision = revision and 'aaaa'\n",
  'conditions turned round':
    "import typing as ty\nfrom typing import TYPE_CHECKING as checking\nif not ty.TYPE_CHECKING and not checking:\n    revision = 'bbbb'\nif (__name__ != '__main__'):\n    down_revision = 'aaaa'\n",
  'a condition of the file that is named like another':
    "TYPE_CHECKING = True\nif TYPE_CHECKING:\n    revision = 'bbbb'\n    down_revision = 'aaaa'\n",
  'typing by two ways':
    "try:\n    from typing import TYPE_CHECKING\nexcept ImportError:\n    TYPE_CHECKING = False\nif TYPE_CHECKING:\n    revision = 'no'\nelse:\n    revision = 'bbbb'\ndown_revision = 'aaaa'\n",
  'a branch that ends the file':
    "import os\nrevision = 'bbbb'\ndown_revision = 'aaaa'\nif not os.sep:\n    revision = 'no'\n    if True:\n        raise OSError\n",
  'a handler that ends the file':
    "try:\n    revision = 'bbbb'\nexcept NameError:\n    raise\nelse:\n    down_revision = 'aaaa'\nfinally:\n    x = y = 1\n",
  'loops that read': `${usual}for parent in down_revision:\n    assert parent != revision\nwhile not revision:\n    pass\n`,
  'loops with names of their own': `${usual}for i in (1,):\n    class C:\n        revision = 'no'\n    def f():\n        down_revision = 'no'\n    [depends_on for depends_on in 'ab']\n`,
  'a value bound on the way':
    "revision = (me := 'bbbb')\ndown_revision = (revision, (parent := 'aaaa'))[1:] and 'aaaa' if False else 'aaaa'\n",
  'text that looks like code': `${usual}x = y = 'depends_on := 1'  # revision := 2\nz = f'{revision:=>9}'\n`,
  formats:
    "n = 7\nname = 'b'\nrevision = f'{name!s}{n:}{1.50}{2.0}{100000000000000000000}' f\"{'x'}{{}}\"\ndown_revision = rf'\\d{name}'\n",
  'lists that only builtins see': `${usual}x = y = len(down_revision), ','.join(down_revision), sorted(down_revision)\n`,
  'a list by addition':
    "parents = ['aaaa']\nrevision = 'bbbb'\ndown_revision = parents + ['cccc']\nparents += ('no',)\n",
  'added to a tuple': "parents = ('aaaa',)\nrevision = 'bbbb'\ndown_revision = parents\nparents += ('no',)\n",
  'a global of the module itself': `global revision\n${usual}`,
  'a namespace of its own': `${usual}def f(x):\n    return vars(), locals(), vars(x), x.exec('q')\nf.__dict__['a'] = 1\n`,
  'functions that loading does not run': `${usual}def upgrade():\n    exec('revision = 1')\n    globals()['x'] = 1\ndef helper():\n    global down_revision\n    down_revision = 'no'\n    upgrade()\n`,
  'numbers before keywords': `x = 1if True else 2\ny = [0x1for x in (1,)]\n${usual}`,
  'a backslash in the indentation': `if True:\n    x = 1\n    \\\n    y = 2\n  \\\n\nz = ${usual}`,
  'formats of formats': `w = 5\nx = f'{w:{{5}}.__class__.__name__}' if False else f'''{3:'>5}''' f'{3:\\x3e5}'\n${usual}`,
  'several texts for a docstring': `"Add " """things\n"""\nx = ${usual}`,
  'an expression that begins as a docstring': `"Add " + "things"\n${usual}`,
  'a docstring with escapes': `'Add \\x41' \nx = ${usual}`,
  'attributes in a pattern': `class C:\n    revision = 1\nmatch 1:\n    case C.revision:\n        pass\nx = ${usual}`,
  'ends of lines of Windows': `p = 'a'\r\nrevision = f'''{p}b'''\r\ndown_revision = \\\r\n 'aaaa'\r\nif p:\r\n\tdepends_on = None\r\n`,
};

const untold: Record<string, string> = {
  'a list that is added to': `${usual}down_revision.append('cccc')\n`,
  'a list under another name': `${usual}parents = down_revision\nparents += ['cccc']\n`,
  'an element of a list': `${usual}down_revision[0] = 'cccc'\n`,
  'an element taken out': `${usual}del down_revision[0]\n`,
  'a list in the hands of a function': `def f(x): x.append('cccc')\n${usual}f(down_revision)\n`,
  'a list filled in a loop': `${usual}for x in ('cccc', 'dddd'):\n    down_revision.append(x)\n`,
  'a text that a loop makes': "revision = ''\nfor c in 'bbbb':\n    revision += c\ndown_revision = None\n",
  'what a second turn binds': `${usual}seen = False\nfor x in (1, 2):\n    if seen:\n        revision = 'cccc'\n    seen = True\n`,
  'bound in a test': `${usual}if (depends_on := 'cccc'):\n    pass\n`,
  'bound in a default': `${usual}def f(a=(depends_on := 'cccc')): pass\n`,
  'bound in a with': `${usual}import contextlib\nwith contextlib.nullcontext(('a', 'cccc')) as (x, depends_on):\n    pass\n`,
  'bound in an assertion': `${usual}assert (depends_on := 'cccc')\n`,
  'bound by a pattern': `${usual}match 'a', 'cccc':\n    case 'a', depends_on:\n        pass\n`,
  'bound by a function':
    "def f():\n    global name\n    name = 'bbbb'\nname = 'no'\nf()\nrevision = name\ndown_revision = None\n",
  'bound by a function that a function calls': `${usual}def g():\n    global depends_on\n    depends_on = 'cccc'\ndef f():\n    g()\nf()\n`,
  'bound by a function in a default': `${usual}def g():\n    exec("depends_on = 'cccc'", globals())\ndef f(x=g()): pass\n`,
  'bound by a decorator': `${usual}@lambda f: 'cccc'\ndef depends_on(): pass\n`,
  'bound through another name of globals': `write = globals\n${usual}write()['revision'] = 'cccc'\n`,
  'bound through the table of modules': `import sys\n${usual}setattr(sys.modules[__name__], 'revision', 'cccc')\n`,
  'a branch nobody can decide': `${usual}import os\nif os.sep:\n    revision = 'cccc'\n`,
  'an error half-way': `${usual}depends_on = 'no'\ntry:\n    depends_on = 'cccc'\n    import not_there\n    depends_on = 'no'\nexcept ImportError:\n    down_revision = depends_on\n`,
  'the name of an error': `${usual}try:\n    import not_there\nexcept ImportError as down_revision:\n    pass\n`,
  'two modules of one name': `${usual}try:\n    from not_there import sep as depends_on\nexcept ImportError:\n    from os import sep as depends_on\n`,
};

interface Truth {
  names: Record<string, string | string[] | null>;
  doc: string | null;
}

const program = `
import json, sys, types
out = []
for text in json.load(sys.stdin):
    module = types.ModuleType('a_revision')
    sys.modules['a_revision'] = module
    exec(compile(text.encode(), 'x', 'exec', dont_inherit=True), module.__dict__)
    names = {n: repr(v) if isinstance(v, Exception) or callable(v) else v for n, v in module.__dict__.items()
             if n in ('revision', 'down_revision', 'branch_labels', 'depends_on')}
    out.append({'names': names, 'doc': module.__doc__})
json.dump(out, sys.stdout)`;

const ids = (value: string | string[] | null | undefined): string[] => (value == null ? [] : [value].flat());

describe.skipIf(!hasPython)('an unusual header', () => {
  const texts = [...Object.values(told), ...Object.values(untold)];
  const said = hasPython
    ? execFileSync('python3', ['-W', 'ignore', '-c', program], { input: JSON.stringify(texts), encoding: 'utf8' })
    : '[]';
  const truths = JSON.parse(said) as Truth[];
  const truthOf = (text: string): Truth => truths[texts.indexOf(text)] as Truth;

  it.each(Object.entries(told))('is told: %s', (_name, text) => {
    const { names, doc } = truthOf(text);
    const reading = readRevisionText({ file: 'x.py', name: 'x.py' }, text);
    expect(reading).toMatchObject({
      revision: {
        id: names.revision,
        downRevisions: ids(names.down_revision),
        dependsOn: ids(names.depends_on),
        branchLabels: ids(names.branch_labels),
        message: (doc ?? '').trim(),
      },
    });
  });

  it.each(Object.entries(untold))('is not guessed: %s', (_name, text) => {
    const { names } = truthOf(text);
    // What the last plain line says of it is not what Python has: a reading of it would be wrong.
    expect(names).not.toEqual({ revision: 'bbbb', down_revision: ['aaaa'] });
    expect(readRevisionText({ file: 'x.py', name: 'x.py' }, text)).toMatchObject({
      unreadable: { kind: 'unreadable', needsRunning: true, reason: expect.stringContaining('is not known') },
    });
  });
});

it('takes several exceptions without parentheses, as Python 3.14 does, unless a name follows', () => {
  const handler = (types: string): string =>
    `x = ${usual}def f():\n    try:\n        pass\n    except ${types}:\n        pass\n`;
  const read = (types: string) => readRevisionText({ file: 'x.py', name: 'x.py' }, handler(types));
  expect(read('KeyError, ValueError')).toMatchObject({ revision: { id: 'bbbb' } });
  expect(read('KeyError, ValueError as error')).toMatchObject({ unreadable: { line: 6 } });
});

it('reads a header beside a template string, which is none for a header', () => {
  const read = (value: string) =>
    readRevisionText({ file: 'x.py', name: 'x.py' }, `x = revision = 'bbbb'\ndown_revision = ${value}\nz = t'{x}'\n`);
  expect(read("'aaaa'")).toMatchObject({ revision: { downRevisions: ['aaaa'] } });
  expect(read("t'aaaa'")).toMatchObject({ unreadable: { reason: expect.stringContaining('a template string') } });
});
