/** A module parsed on demand says what a module parsed whole says. */
import { describe, expect, it } from 'vitest';
import { parseOnDemand, parsePython } from '../../../src/sources/alembic/python/index.ts';

const texts = {
  decorated: '@a\n@b(\n  1,\n)\ndef f():\n    """x\ndef no(): pass\n"""\n    return 1\n\n\n# end\nx = f()\n',
  joined: 'x = 1; y = (\n  2\n)\nif x:\n    def g(): pass\nelse:\n    z = 3\nclass C: pass\n',
  'strings that look like code':
    "a = 'it\\'s # no'  # def f():\nb = f\"{d['x']}\"\nc = '''\nclass D:\n'''\nclass E:\n    d = 1\n",
  'continued lines': 'x = 1 + \\\n2\ndef f(a,\n      b): return a\nasync def g():\n    pass\n',
  'line feeds of Windows': 'def f():\r\n    return 1\r\n\r\nx = 2\r\n',
  'a mark at the start': '\uFEFFimport a\ndef f(): pass\n',
  'no line feed at the end': 'def f():\n    pass',
  'nothing at all': '',
};

describe('parseOnDemand', () => {
  it.each(Object.entries(texts))('%s', (_name, text) => {
    const whole = parsePython(text);
    const parts = parseOnDemand(text);
    expect(parts.statements.map(({ statement }) => statement)).toEqual(
      whole.statements.map(({ statement }) => statement),
    );
    expect(parts.docstring).toBe(whole.docstring);
    expect(parts.error).toEqual(whole.error);
  });

  it('meets an error where it stands, once somebody asks', () => {
    const module = parseOnDemand('x = 1\ndef f():\n    return 1 +\n');
    expect(module.error).toBeNull();
    for (const { statement } of module.statements) void statement;
    expect(module.error?.line).toBeGreaterThan(1);
  });
});
