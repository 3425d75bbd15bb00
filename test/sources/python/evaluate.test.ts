/**
 * The evaluator against a real Python: every construct that revisions use, and the bounds that hold on any input.
 */
import { describe, expect, it } from 'vitest';
import { ours, theirs } from './python.ts';

const samples: Record<string, string> = {
  arithmetic:
    'result = [7 // 2, -7 // 2, -7 % 3, 2 ** 10, 7 / 2, 1.5 + 1, 1e3, 0x1f, 1_000, 2**70, 5 & 3, 1 << 4, ~5, -True]',
  'comparison chains':
    'result = [1 < 2 < 3, 1 < 3 < 2, (1 < 2) == True, "a" in "cat", 2 not in (1, 3), None is None, [1] == [1], (1, 2) < (1, 3)]',
  'logic keeps its operand': 'result = [0 or "x", "" and 1, 1 and 2, not 0, None or [] or {}]',
  strings: `result = ["a" "b", 'it\\'s', r"\\d", "\\x41\\u00e9\\n", '''x
y''', "a" * 3, "%s=%d %5.2f|%-5s|%05d %%" % ("k", 3, 1.5, "ab", 42), "%(a)s" % {"a": 1}]`,
  format:
    'x = 3; y = "ab"; result = ["{} {}".format(1, "z"), "{0}{1}{0}".format("a", "b"), "{n:>5}|{n:<5}|{n:^5}".format(n=y), "{:,}".format(1234567), "{{}}".format(), "{d[k]}".format(d={"k": 1})]',
  'f-strings':
    'x = 3; y = "ab"; w = 6; result = [f"{x}{y!r}", f"{y:>{w}}", f"{{{x}}}", f"{x:03d}", f"{x=}", f"{y.upper()} {x + 1}" "tail", f"{1.5:.2f}"]',
  'string methods':
    'result = ["A_b c".lower(), "ab".upper(), " x ".strip(), "xxay".lstrip("x"), "a,b,c".split(","), "a b  c".split(), "a.b.c".rsplit(".", 1), ",".join(["a", "b"]), "abc".replace("b", "x"), "abc".startswith(("x", "a")), "a-b".partition("-"), "ab\\ncd".splitlines(), "title me".title(), "abc"[::-1], "abc"[-2:], "ab".zfill(4), "abc".find("c"), "prefix_x".removeprefix("prefix_")]',
  lists:
    'a = [3, 1, 2]; a.append(5); a.extend([4]); a.insert(0, 9); a.remove(1); a += [7]; b = a[-1]; result = [a, b, sorted(a), sorted(a, reverse=True), a[1:3], a[-1], len(a), list(reversed(a)), a.index(5), [*a, 0]]',
  unpacking: 'a, *b = 1, 2, 3\n(c, d), e = (4, 5), 6\nx = y = 7\nresult = [a, b, c, d, e, x, y]',
  dicts:
    'd = {"a": 1, **{"b": 2}}; d["c"] = 3; d.update(e=5); d.setdefault("f", 6); p = d["a"]; del d["b"]; result = [d, p, list(d), list(d.items()), d.get("zz", 0), "c" in d, {k: v for k, v in d.items() if v > 3}, dict(a=1), dict([("x", 1)]), {**d, "c": 0}["c"]]',
  sets: 'result = [sorted({1, 2} | {2, 3}), sorted({1, 2} & {2, 3}), sorted({1, 2} - {2}), len({1, 1}), 1 in {1}, sorted(set("aab"))]',
  comprehensions:
    'result = [[x * y for x in range(3) for y in (1, 2) if x], [i for i, in [(1,)]], list(x for x in "ab"), [(a, b) for a, b in zip("ab", [1, 2])], [f"{t}_{i}" for i, t in enumerate(["a", "b"], 1)]]',
  functions:
    'def f(a, b=2, *args, c, d=4, **kw):\n    return [a, b, args, c, d, kw]\nresult = [f(1, c=3), f(1, 9, 8, 7, c=3, e=5), f(*[1, 2], **{"c": 3}), (lambda x, y=1: x + y)(2)]',
  closures:
    'def make(n):\n    count = n\n    def add(k):\n        nonlocal count\n        count += k\n        return count\n    return add\ndef main():\n    a = make(10)\n    a(1)\n    return a(2)\nresult = main()',
  recursion: 'def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nresult = f(20)',
  decorators:
    'def twice(fn):\n    def inner(*args):\n        return fn(*args) * 2\n    return inner\n@twice\ndef f(x):\n    return x + 1\nresult = f(3)',
  classes:
    'class A:\n    kind = "a"\n    def __init__(self, x):\n        self.x = x\n    @property\n    def double(self):\n        return self.x * 2\n    @staticmethod\n    def s(y):\n        return y\n    @classmethod\n    def make(cls):\n        return cls(7)\n    def __call__(self, z):\n        return self.x + z\n    def __str__(self):\n        return f"<{self.x}>"\nclass B(A):\n    kind = "b"\n    def __init__(self, x):\n        super().__init__(x + 1)\nb = B(1)\nresult = [b.x, b.double, B.kind, A.s(3), B.make().x, b(5), str(b), isinstance(b, A), getattr(b, "zz", None), hasattr(b, "x")]',
  enums:
    'import enum\nclass M(str, enum.Enum):\n    A = "a"\n    B = "b"\nclass N(enum.Enum):\n    X = enum.auto()\n    Y = enum.auto()\nresult = [[m.value for m in M], M.A.name, M("b").name, M["A"].value, M.A == "a", [n.value for n in N], len(list(N)), "a" in [m.value for m in M], M.A is M.A, ",".join(m.value for m in M)]',
  dataclasses:
    'from dataclasses import dataclass, field\n@dataclass\nclass C:\n    name: str\n    size: int = 3\n    tags: list = field(default_factory=list)\nc = C("x", size=4)\nresult = [c.name, c.size, c.tags, C("y").size]',
  'named tuples':
    'from collections import namedtuple\nP = namedtuple("P", "x y")\np = P(1, y=2)\nresult = [p.x, p.y, p[0]]',
  loops:
    'out = []\nfor i in range(5):\n    if i == 1:\n        continue\n    if i == 4:\n        break\n    out.append(i)\nelse:\n    out.append("else")\nn = 0\nwhile n < 3:\n    n += 1\nfor a, (b, c) in [(1, (2, 3))]:\n    out.append(a + b + c)\nresult = [out, n]',
  try: 'out = []\ntry:\n    {}["x"]\nexcept (ValueError, KeyError) as e:\n    out.append("key")\nelse:\n    out.append("no")\nfinally:\n    out.append("end")\nclass Mine(Exception):\n    pass\ntry:\n    raise Mine("x")\nexcept Exception as e:\n    out.append(e.args[0])\ntry:\n    [][1]\nexcept IndexError:\n    out.append("index")\ntry:\n    int("x")\nexcept ValueError:\n    out.append("value")\nresult = out',
  with: 'from contextlib import contextmanager\nout = []\n@contextmanager\ndef cm(x):\n    out.append("in")\n    try:\n        yield x\n    finally:\n        out.append("out")\nwith cm(1) as a, cm(2) as b:\n    out.append(a + b)\nclass K:\n    def __enter__(self):\n        out.append("enter")\n        return self\n    def __exit__(self, *a):\n        out.append("exit")\ndef main():\n    with K():\n        pass\n    return out\nresult = main()',
  generators:
    'def g(n):\n    for i in range(n):\n        yield i\n    yield from [8, 9]\nresult = [list(g(2)), sum(g(3)), next(iter(g(1)))]',
  'conditional names':
    'flag = True\nif flag:\n    x = 1\nelif 0:\n    x = 2\nelse:\n    x = 3\nresult = [x, "y" if not flag else "n", (z := 5) + z]',
  match:
    'def f(v):\n    match v:\n        case 1 | 2:\n            return "low"\n        case "a":\n            return "text"\n        case x if x == 9:\n            return "nine"\n        case _:\n            return "other"\nresult = [f(1), f("a"), f(9), f(5)]',
  builtins:
    'result = [any([0, 1]), all([]), min(3, 1), max([1, 5, 2]), max("ab", key=lambda c: -ord(c)), sum([1, 2], 3), list(map(str, [1, 2])), list(filter(None, [0, 1])), list(zip([1, 2], "ab")), abs(-3), divmod(7, 2), chr(65), str(1.0), repr("a"), bool(""), int("12"), tuple([1]), isinstance("", str), callable(len), list(range(5, 0, -2)), round(2.6)]',
  'global statement':
    'n = 0\ndef inc():\n    global n\n    n += 1\ndef main():\n    inc(); inc()\n    return n\nresult = main()',
  'module names in any order': 'def f():\n    return later\nlater = 5\nresult = f()',
  'changed after it is made': 'x = ["a"]\nx.append("b")\nx[0] = "c"\nx += ["d"]\nresult = x',
  'walks and getters':
    'import itertools, operator\nfrom operator import itemgetter, attrgetter\nfrom collections import namedtuple\nP = namedtuple("P", "x y")\npairs = [("t", "a"), ("t", "b"), ("u", "c"), ("t", "d")]\nresult = [[(k, [c for _, c in g]) for k, g in itertools.groupby(pairs, operator.itemgetter(0))], [(k, list(g)) for k, g in itertools.groupby("aab")], sorted([{"n": 2, "m": "x"}, {"n": 1, "m": "y"}], key=itemgetter("n")), itemgetter(1, 0)("ab"), [p.x for p in sorted([P(1, "c"), P(2, "b")], key=attrgetter("y"))], operator.methodcaller("replace", "a", "b")("cat"), list(itertools.combinations("abc", 2)), list(itertools.permutations([1, 2, 3], 2)), list(itertools.product("ab", repeat=2)), list(itertools.pairwise([1, 2, 3])), list(itertools.islice("abcdef", 2)), list(itertools.islice("abcdef", 1, None, 2)), list(itertools.zip_longest("ab", [1], fillvalue="-")), list(itertools.repeat("x", 2)), list(itertools.starmap(lambda a, b: a - b, [(2, 3), (3, 2)]))]',
  'standard library':
    'import os, json, textwrap, itertools, functools, re\nfrom collections import OrderedDict, defaultdict\nd = defaultdict(list)\nd["a"].append(1)\nresult = [os.path.join("a", "b.sql"), os.path.basename("/x/y.z"), os.path.splitext("a.sql"), json.dumps({"a": [1, None, True, "x"]}), textwrap.dedent("  a\\n    b\\n"), list(itertools.chain([1], [2])), functools.partial(lambda a, b: a - b, 5)(3), re.sub(r"\\s+", " ", "a  b"), dict(d), list(OrderedDict([("k", 1)]).keys())]',
};

describe('values, as a real Python has them', () => {
  const names = Object.keys(samples);
  const real = theirs(names.map((name) => samples[name] as string));
  it.skipIf(real === null).each(names)('%s', (name) => {
    expect(ours(samples[name] as string)).toBe((real as string[])[names.indexOf(name)]);
  });
});

describe('what cannot be known', () => {
  it.each([
    ['import time\nresult = time.time() > 5', /^a operated/],
    ['import random\nresult = f"x{random.random()}"', /^unknown: /],
    ['result = undefined_name', /^unknown: the name undefined_name is bound nowhere/],
    ['import os\nresult = os.environ["X"]', /^a operated|^unknown: /],
    ['from somewhere import thing\nx = []\nif thing():\n    x.append(1)\nresult = x', /^a list|^unknown/],
    ['from somewhere import thing\nif thing():\n    y = 1\nelse:\n    y = 2\nresult = y', /^unknown/],
  ])('%s', (text, expected) => {
    expect(ours(text)).toMatch(expected);
  });
});

describe('bounds', () => {
  const bounds = { maxSteps: 20_000, maxDepth: 60, maxSize: 50_000 };
  it.each<[string, RegExp]>([
    ['def f():\n    while True:\n        pass\nresult = f()', /^limit: more than 20000 steps/],
    ['def f(n):\n    return f(n + 1)\nresult = f(0)', /^limit: calls nested more than 60 deep/],
    ['result = list(range(10**9))', /^limit: a value of more than 50000/],
    ['for i in range(10**12):\n    x = i\nresult = x', /^limit: more than 20000 steps/],
    ['result = "x" * 10**9', /^limit: a value of more than 50000/],
    ['x = "ab"\nfor i in range(40):\n    x = x + x\nresult = x', /^limit: /],
    ['result = 10 ** 10 ** 10', /^unknown: a number too large/],
    ['x = [0]\nfor i in x:\n    x.append(i)\nresult = len(x)', /^2$/],
  ])('%s', (text, expected) => {
    const started = performance.now();
    expect(ours(text.slice(0, 20_000), bounds)).toMatch(expected);
    expect(performance.now() - started).toBeLessThan(5000);
  });
  it('does not fall over a nesting too deep for anyone', () => {
    expect(ours(`result = ${'('.repeat(5000)}1${')'.repeat(5000)}`, bounds)).toMatch(/^(unknown|unbound|limit)/);
  });
});
