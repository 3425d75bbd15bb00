/**
 * Edits of revision files: each leaves sound Python, says what was asked, and keeps every other byte.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import type { TextEdit } from '../../src/model/remedy.ts';
import {
  disableOperation,
  reuseEnum,
  setDependsOn,
  setDownRevision,
  setRevisionId,
  widenVersionTable,
} from '../../src/sources/alembic/edits.ts';
import { parsePython } from '../../src/sources/alembic/python/index.ts';
import { loadSqlParser } from '../../src/sql/index.ts';
import { read } from './operations/reading.ts';

beforeAll(loadSqlParser);

function apply(text: string, edits: TextEdit[]): string {
  let out = text;
  for (const edit of [...edits].sort((a, b) => b.from - a.from))
    out = out.slice(0, edit.from) + edit.text + out.slice(edit.to);
  expect(parsePython(out).error).toBeNull();
  return out;
}

describe('env.py', () => {
  it.each([
    ['"""env"""\nimport os\nfrom alembic import context\n\ncontext.configure()\n', 'from alembic import context\n'],
    ['import os\r\nrun()\r\n', 'import os\r\n'],
    ['run()\n', ''],
  ])('makes the version table wider after the imports of %j', (text, head) => {
    const out = apply(text, widenVersionTable(text, 'alembic_version', 255));
    const eol = text.includes('\r\n') ? '\r\n' : '\n';
    expect(/[^\r]\n/.test(out)).toBe(eol === '\n');
    const [before, after] = out.split(`from sqlalchemy import String, Table, event${eol}`);
    expect(before?.endsWith(head)).toBe(true);
    expect(after?.endsWith(text.slice(text.indexOf(head) + head.length))).toBe(true);
    expect(after).toContain(`        table.c.version_num.type = String(255)${eol}`);
  });
});

describe('the header', () => {
  const head = '"""add x\n\nRevision ID: abc\nRevises: old\n\n"""\n';
  it.each([
    [`revision = 'abc'\ndown_revision = 'old'\n`, ['new'], `revision = 'abc'\ndown_revision = 'new'\n`],
    [
      `revision: str = "abc"\ndown_revision: Union[str, None] = "old"  # why\n`,
      ['new'],
      `revision: str = "abc"\ndown_revision: Union[str, None] = "new"  # why\n`,
    ],
    [`revision = "abc"\ndown_revision = None\n`, ['a', 'b'], `revision = "abc"\ndown_revision = ("a", "b")\n`],
    [`revision = 'abc'\ndown_revision = ('a', 'b')\n`, ['a'], `revision = 'abc'\ndown_revision = 'a'\n`],
    [`revision = 'abc'\ndown_revision = ['a',\n  'b']\n`, ['a', 'c'], `revision = 'abc'\ndown_revision = ['a', 'c']\n`],
    [`revision = 'abc'\r\ndown_revision = 'a', 'b'\r\n`, [], `revision = 'abc'\r\ndown_revision = None\r\n`],
    [`revision = 'abc'\ndown_revision = ('old')\n`, ['new'], `revision = 'abc'\ndown_revision = ('new')\n`],
    [
      `revision = 'abc'\ndown_revision = previous = 'old'\n`,
      ['new'],
      `revision = 'abc'\ndown_revision = previous = 'new'\n`,
    ],
  ])('sets the parents of %j', (text, parents, expected) => {
    expect(apply(text, setDownRevision(text, parents))).toBe(expected);
  });
  it('keeps the docstring true', () => {
    const text = `${head}revision = 'abc'\ndown_revision = 'old'\n`;
    expect(apply(text, setDownRevision(text, ['new']))).toContain('Revises: new\n');
    const renamed = apply(text, setRevisionId(text, 'def'));
    expect(renamed).toContain('Revision ID: def\n');
    expect(renamed).toContain(`revision = 'def'\n`);
  });
  it('sets what it depends on', () => {
    const text = `revision = 'abc'\ndown_revision = 'old'\nbranch_labels = None\n`;
    expect(apply(text, setDependsOn(text, ['x']))).toBe(`${text}depends_on = 'x'\n`);
    const stated = `${text}depends_on = ('x', 'y')\n`;
    expect(apply(stated, setDependsOn(stated, []))).toBe(`${text}depends_on = None\n`);
  });
  it('refuses what it cannot find', () => {
    expect(() => setRevisionId('x = 1\n', 'a')).toThrow('no revision');
    expect(() => setDownRevision('revision = (\n', [])).toThrow('no Python');
  });
});

describe('one operation taken out', () => {
  const disable = (body: string, kind: string) => {
    const { operations, text } = read(body);
    const operation = operations.find((one) => one.kind === kind);
    if (!operation) throw new Error(`no ${kind}`);
    return { text, out: apply(text, disableOperation(text, operation, 'it stands already')) };
  };
  it('comments it out with the reason', () => {
    const { text, out } = disable(
      `op.drop_table('a')\nop.create_index(\n    'ix', 't',\n    ['a'],\n)  # mine\nop.drop_table('b')`,
      'createIndex',
    );
    expect(out).toBe(
      text.replace(
        `    op.create_index(\n        'ix', 't',\n        ['a'],\n    )  # mine`,
        `    # it stands already\n    # op.create_index(\n    #     'ix', 't',\n    #     ['a'],\n    # )  # mine`,
      ),
    );
  });
  it('leaves a body that is sound', () => {
    expect(disable(`op.drop_table('a')`, 'dropTable').out).toContain(`    # op.drop_table('a')\n    pass\n`);
    expect(
      disable(
        `with op.batch_alter_table('t') as batch_op:\n    batch_op.drop_column('a')\nop.drop_table('b')`,
        'dropColumn',
      ).out,
    ).toContain(`        # batch_op.drop_column('a')\n        pass\n`);
    expect(disable(`if True: op.drop_table('a')`, 'dropTable').out).toContain('if True: pass');
    expect(disable(`op.drop_table('a'); x = 1`, 'dropTable').out).toContain('pass; x = 1');
  });
  it('takes one statement of several out of a text', () => {
    const { out } = disable(`op.execute("""\nCREATE TABLE a (id int);\nDROP TABLE b;\n""")`, 'dropTable');
    expect(out).toContain('CREATE TABLE a (id int);');
    expect(out).not.toContain('DROP TABLE b');
  });
  it('refuses what others use', () => {
    const { operations, text } = read(`t = op.create_table('t', sa.Column('a', sa.Text))\nop.bulk_insert(t, [])`);
    expect(() => disableOperation(text, operations[0] as never, 'x')).toThrow('is used further down');
  });
});

describe('an enum type reused', () => {
  const reuse = (body: string) => {
    const { operations, text } = read(body);
    const operation = operations.find((one) => one.kind === 'createTable' || one.kind === 'addColumn');
    if (!operation) throw new Error('no table');
    return apply(text, reuseEnum(text, operation, 'mood'));
  };
  it.each([
    [
      `op.create_table('t', sa.Column('m', sa.Enum('a', 'b', name='mood')), sa.Column('n', sa.Enum('c', name='other')))`,
      `postgresql.ENUM('a', 'b', name='mood', create_type=False)), sa.Column('n', sa.Enum('c', name='other')`,
    ],
    [
      `op.create_table('t', sa.Column('m', sa.Enum(\n    'a',\n    name='mood',\n)))`,
      `postgresql.ENUM(\n        'a',\n        name='mood', create_type=False\n    )`,
    ],
    [
      `op.create_table('t', sa.Column('m', postgresql.ENUM('a', name='mood')))`,
      `postgresql.ENUM('a', name='mood', create_type=False)`,
    ],
    [
      `mood = sa.Enum('a', name='mood')\nop.create_table('t', sa.Column('m', mood))`,
      `mood = postgresql.ENUM('a', name='mood', create_type=False)`,
    ],
    [`op.create_table('t', sa.Column('m', postgresql.ENUM('a', name='mood', create_type=True)))`, `create_type=False`],
  ])('%s', (body, expected) => {
    const out = reuse(body);
    expect(out).toContain(expected);
    expect(out.match(/from sqlalchemy.dialects import postgresql/g)).toHaveLength(1);
  });
  it('adds the import where it is missing', () => {
    const text = `"""doc"""\nfrom alembic import op\nimport sqlalchemy as sa\n\nrevision = 'a'\n\n\ndef upgrade():\n    op.create_table('t', sa.Column('m', sa.Enum('a', name='mood')))\n`;
    const { operations } = read(text, { isWhole: true });
    const operation = operations.find((one) => one.kind === 'createTable');
    expect(apply(text, reuseEnum(text, operation as never, 'mood'))).toContain(
      'import sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n',
    );
  });
});
