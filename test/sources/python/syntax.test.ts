/**
 * Our parser against Python's own: the same syntax, at the same places, for every construct of the language and for what is
 * made of them at random; and on no text whatever does it throw or hang.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseOnDemand, parsePython } from '../../../src/sources/alembic/python/index.ts';
import { ourSyntax, theirSyntax } from './syntax.ts';

const samples: Record<string, string> = {
  precedence:
    'a or b and not c in d | e ^ f & g << h + i * -j ** k\nnot a or b\nnot a == b\n-a ** -b\nawait_ ** 2\na if b else c if d else e\n(a or b) and (c, d)[0]',
  comparisons: 'a < b <= c != d\n(a < b) < c\na not in b is not c\na is not (not b)\nx == (y == z)',
  calls:
    'f()\nf(a, *b, c, d=1, *e, **g)\nf(x for x in y)\nf((a), (b), (c)(d))\nf(a := 1, b=(yield_))\nf(*a or b, **c or d)\nf(a)(b)[c].d(e,)',
  subscripts: 'x[a]\nx[a, b]\nx[a,]\nx[1:2, ::3, ...]\nx[:]\nx[a:b:c]\nx[*a]\nx[(a, b)]\nx[lambda: 1 :2]\nx[y := 1]',
  displays:
    '[]\n[a]\n[a, *b,]\n()\n(a,)\n(a)\n(a, *b)\n{}\n{a}\n{*a, b}\n{a: b, **c, d: e,}\n{**a}\n[(a)]\n((a), b)\n{(a): (b)}',
  comprehensions:
    '[x for x in y]\n{x: y for x, y in z if a if b}\n{x for x in y for z in x}\n(x for (x, *y), z in a)\n[(x, y) for x in a or b if c or d]\n[x for x, in y]\n[x async for x in y]',
  lambdas: 'lambda: 0\nlambda a, b=1, /, c=2, *d, e, f=3, **g: (a, b)\nlambda *, a: a\nlambda *a, **b: lambda: a',
  literals:
    '1\n0x_Ff\n0b1_0\n0o17\n1_000\n1.5e-3\n.5\n5.\n10**100\n123456789012345678901234567890\n1j\nTrue\nNone\n...\n00\n1if a else 0xfor b',
  strings: `'a' "b" '''c
d'''
r'\\d' u'x'
b'\\x41\\xff\\101' rb'\\d'
'\\n\\t\\\\\\'\\x41\\u00e9\\U0001F600\\101\\q\\
z'
b'\\u1234'
""
('a'  # said
 'b')
'''it's''' "it's"`,
  formats: `f'{a}' f"{b!r:>{w}}" 'x' f'{{{c}}}'
f'{a=}' f'{a + 1 = :>5}' f'{a.b[0]:%Y-%m}' rf'\\d{x}\\n' f'\\x7b{x}'
f'''{
a}
''' f"{x if y else z}" f"{(lambda: 1)}" f"{ {1: 2}[1] }" f'{a, *b}'
f'' 'x' f''
f'{a:{{b}}c}' f'''{a:'>5}''' f'{a:\\x3e5}'
f'{a!s}{b!a}' f'{x:{y}.{z}f}' f"{', '.join(f'{k}: {v}' for k, v in y)}"`,
  assignments:
    'a = b\na = b = c, d\na, (b, *c) = d\n[a, b] = c\na.b = c[d] = e\n(a) = b\na: int\na: int = 1\na.b: int = 1\n(a): int = 1\na += 1; b //= 2; c **= d, e; f @= g; h >>= 1\na = *b, c\na: tuple = 1, 2',
  statements:
    'pass; pass;\ndel a, b[0], (c, d)\nassert a, b\nraise\nraise A from b\nglobal_ = 1\nimport a.b.c as d, e\nfrom . import a\nfrom ...a.b import (c as d, e,)\nfrom .... import *\nfrom .a import b, c',
  functions:
    'def f(a, b: int = 1, /, *args: t, c=2, d, **kw: u) -> v:\n    """said"""\n    return a, b\n\n\n@a\n@b.c(1, x=2)\n@d[0].e\nasync def g():\n    await x\n    async with a as b, c: pass\n    async for x in y: await z\n    return\ndef h(*, a): global b; nonlocal_ = 1\ndef i():\n    x = yield\n    y = yield from z\n    def j(): return 1\n    lambda: (yield)\ndef k(): return lambda: (yield)\ndef m():\n    class N:\n        x = 1\n    def o():\n        nonlocal_ = 1\n        yield',
  classes:
    'class A: pass\nclass B(A, metaclass=M, *c): x = 1; y = 2\n@d\nclass C():\n    """said"""\n    a: int\n    def f(self): ...\n\n    class D: pass',
  branches:
    'if a: b\nelif c:\n    d\n    if e: f\n    else: g\nelif (h := i): j\nelse:\n    if k: l\nwhile a: b\nelse: c\nfor a, b in c, d: e\nelse:\n    f\nfor (a) in b: break\nfor a.b, *c in *d, e: continue',
  tries:
    'try: a\nexcept: b\ntry:\n    a\nexcept (A, B) as c:\n    d\nexcept E: f\nelse: g\nfinally: h\ntry: a\nfinally: b\ntry: a\nexcept* A as b: c',
  with: 'with a: b\nwith a as b, c as (d, e): f\nwith (a): b\nwith (a, b): c\nwith (a as b, c as d,): e\nwith (a, b as c): d\nwith (a) as b: c\nwith (a, b) as c: d\nwith (a).b: c\nwith (a)(b) as c, d: e\nwith (yield_): f\nwith (a), (b): c\nwith (a if b else c) as d: e\nwith (a, b)[0]: c',
  match:
    'match a:\n    case 1 | "b" | None | -1: c\n    case d.e: f\n    case (g): h\n    case [i, *j] if k: l\n    case {"m": n, **o}: p\n    case Q(r, s=t) as u: v\n    case 1, 2: w\n    case 1 + 2j: x\n    case _: y\nmatch (\n    a,\n    b,\n):\n    # said\n    case z: pass\nmatch = 1\nmatch.a(b)\nmatch(a)\nmatch[a]: int\ntype = match\nprint(match, case)\n',
  'lines and comments':
    '# said\n\nif a:\n        # deep\n    b  # c\n\n  # shallow\n    d\n# none\ne = (  # f\n  g,  # h\n)\ni = j + \\\n  k\nif l:\n\tm\n\n\tn\n   \nif o:\n  if p:\n    q\nr\nif s:\n  t\n  \\\n      u\nv = \\\n\\\n1\nw',
  'wide characters': 'é = "日本😀" + \'x\'; ü.ñ = 1; ﬁx.ſ = ªb\n"😀"; a\n# 😀\nb',
  'where the end has no line feed': 'def f():\n    return (\n1)',
  'nothing at all': '',
};

const names = Object.keys(samples);
const theirs = theirSyntax(names.map((name) => samples[name] as string));

describe('the syntax that a real Python sees', () => {
  it.skipIf(theirs === null).each(names)('%s', (name) => {
    const real = (theirs as unknown[])[names.indexOf(name)];
    expect(real).not.toBeNull();
    expect(ourSyntax(samples[name] as string)).toEqual(real);
  });

  it.skipIf(theirs === null)('whatever the pieces are put together to', () => {
    const texts = fc.sample(soup, { numRuns: 3000, seed: 7 });
    const real = theirSyntax(texts) as unknown[];
    let sound = 0;
    texts.forEach((text, at) => {
      if (real[at] === null) return;
      sound++;
      const read = ourSyntax(text);
      if (read !== null) expect(read, text).toEqual(real[at]);
    });
    expect(sound).toBeGreaterThan(100);
  });

  it.skipIf(theirs === null)('in what is sound but for one character', () => {
    const texts = fc.sample(changed, { numRuns: 1500, seed: 11 });
    const real = theirSyntax(texts) as unknown[];
    texts.forEach((text, at) => {
      const read = ourSyntax(text);
      if (read !== null && real[at] !== null) expect(read, text).toEqual(real[at]);
    });
  });
});

const pieces = [
  ...['a', 'b.c', 'f(x)', 'x[1:2]', '1', "'s'", "f'{a}'", '(', ')', '[', ']', '{', '}', ',', ':', '=', ':=', '*', '**'],
  ...['+', '-', '<', 'not ', ' in ', ' and ', ' or ', ' if ', ' else ', ' for ', 'lambda ', 'await ', 'yield ', ' as '],
  ...[
    '\n',
    '\n    ',
    'if a:',
    'else:',
    'with ',
    'def f():',
    'class A:',
    'return ',
    'import ',
    'from ',
    '@',
    ';',
    '...',
  ],
  ...['match a:', 'case ', '#', '\\\n', '"', "'''", 'try:', 'except ', 'async ', '.', '->', '%', '~', '+=', 'del '],
];
const soup = fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }).map((some) => some.join(''));
const changed = fc
  .tuple(
    fc.constantFrom(...names.slice(0, -1)),
    fc.nat(10_000),
    fc.constantFrom(...pieces, '', '\0', 'é', '\t', '\r\n'),
  )
  .map(([name, at, piece]) => {
    const text = samples[name] as string;
    return text.slice(0, at % text.length) + piece + text.slice((at % text.length) + (at % 2));
  });

describe('on any text', () => {
  it('neither throws nor loses what stands around', () => {
    fc.assert(
      fc.property(fc.oneof(soup, changed, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
        for (const module of [parsePython(`x = 1\n${text}`), parseOnDemand(`x = 1\n${text}`)]) {
          for (const { statement } of module.statements) expect(statement.kind).toBeTypeOf('string');
          if (module.error !== null) expect(module.error.line).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads on behind a statement that is no Python', () => {
    const module = parsePython('a = 1\nb = = 2\nif c:\n    d = (\n    e\nf = 3\n');
    expect(module.statements.map(({ statement }) => statement.kind)).toEqual([
      'assign',
      'unreadable',
      'unreadable',
      'assign',
    ]);
    expect(module.error?.line).toBe(2);
  });

  it.each([
    ['parentheses', `x = ${'('.repeat(10_000)}1${')'.repeat(10_000)}`],
    ['minus signs', `x = ${'-'.repeat(100_000)}1`],
    ['nots', `x = ${'not '.repeat(100_000)}1`],
    ['powers', `x = 1${'**1'.repeat(100_000)}`],
    ['sums', `x = 1${'+1'.repeat(100_000)}`],
    ['calls', `x = f${'()'.repeat(100_000)}`],
    ['attributes', `x = f${'.a'.repeat(100_000)}`],
    ['chained names', `x = ${'a = '.repeat(100_000)}1`],
    ['lambdas', `x = ${'lambda: '.repeat(100_000)}1`],
    ['conditions', `x = ${'1 if a else '.repeat(100_000)}1`],
    ['f-strings', `x = ${"f'{".repeat(10_000)}1${"}'".repeat(10_000)}`],
    ['format specs', `x = f'{1:${'{1:'.repeat(10_000)}${'}'.repeat(10_000)}}'`],
    ['blocks', Array.from({ length: 1_500 }, (_, depth) => `${' '.repeat(depth)}if a:`).join('\n')],
    ['branches', `if a: b\n${'elif a: b\n'.repeat(20_000)}`],
    ['decorators', `${'@a\n'.repeat(50_000)}def f(): pass`],
    ['patterns', `match a:\n  case ${'('.repeat(150)}b${')'.repeat(150)}: c`],
    ['pattern names', `match a:\n  case b${'.b'.repeat(50_000)}: c`],
    ['a string that never ends', `x = '${'a'.repeat(1_000_000)}`],
    ['a text that never ends', `x = """${'a\n'.repeat(100_000)}`],
    ['brackets that are never closed', 'a = (\n'.repeat(100_000)],
    ['statements that are none', '= =\n'.repeat(2_000)],
  ])('is bounded on many %s', (_what, text) => {
    const started = performance.now();
    const module = parseOnDemand(text);
    for (const { statement } of module.statements)
      JSON.stringify(statement, (_, value) => (typeof value === 'bigint' ? '' : value));
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
