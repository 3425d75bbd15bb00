/** Whether a file is sound Python, held to CPython's own compiler on thousands of small damages. */
import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRevisionText } from '../../src/sources/alembic/revision-file/read.ts';

const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython && process.env.CI) throw new Error('No python3 on this CI machine');

const source = `"""Add things

Revision ID: abc123
Revises: None
"""
from __future__ import annotations
from typing import Sequence, Union
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

revision: str = 'abc123'
down_revision: Union[str, Sequence[str], None] = None
branch_labels = depends_on = None
names = [n for n in ('a', "b", r'c\\d') if n != 'x']
table = {**{}, 'k': 1, "j": (2, *names)}


def upgrade() -> None:
    """Does it."""
    bind = op.get_bind()
    with op.batch_alter_table('users', schema=None) as batch_op, open('f') as g:
        batch_op.add_column(sa.Column('n', sa.String(length=0x1F), nullable=False, server_default=sa.text("'x'")))
    for i, (a, *rest) in enumerate(names):
        if not i or a is not None and a not in rest:
            continue
        elif (found := table.get(a, lambda *, k=1: -k ** 2)):
            op.execute(f"INSERT INTO {a!r:>{i}} VALUES ({a if i else 'z'}, '{{x}}')")
        else:
            break
    try:
        x = y = [1, 2.5e3, 1_0j][::2]
        x[0] += 1
    except (KeyError, ValueError) as error:
        raise RuntimeError('no %s' % error) from error
    finally:
        del x
    op.create_table(
        'users',
        sa.Column('id', sa.Integer(), primary_key=True),  # the key
        *(sa.Column(n) for n in names),
        **table,
    )


class Helper(object, metaclass=type):
    @property
    def size(self): return len(self.items) @ 2

    async def go(self):
        async with self as s:
            return [await t async for t in s]


def downgrade():
\tif True:
\t\top.drop_table("users"); op.execute('''DROP
TYPE x''')
\tassert 1, "b" "c"
`;

const pieces = [
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ':',
  ',',
  '=',
  "'",
  '"',
  '"""',
  '\\',
  '\n',
  '    ',
  '\t',
  ' ',
  '#',
  '*',
  '**',
  ':=',
  '==',
  '!',
  '@',
  '->',
  ';',
  '.',
  '...',
];
const words = [
  'if ',
  'else ',
  'for ',
  ' in ',
  'not ',
  'is ',
  'lambda ',
  'await ',
  'return ',
  'yield ',
  'def ',
  'import ',
  'from ',
  'as ',
  'print x',
  'None',
  '1',
  '0x',
  "b'x'",
  "f'{",
  '<<<<<<< HEAD\n',
  '=======\n',
];
const damage = fc.oneof(
  fc.record({ at: fc.nat(), insert: fc.constantFrom(...pieces, ...words) }),
  fc.record({ at: fc.nat(), remove: fc.integer({ min: 1, max: 6 }) }),
  fc.record({ at: fc.nat(), indent: fc.nat({ max: 9 }) }),
);

function damaged(changes: readonly { at: number; insert?: string; remove?: number; indent?: number }[]): string {
  return changes.reduce((text, { at, insert, remove, indent }) => {
    const place = at % (text.length + 1);
    if (insert !== undefined) return text.slice(0, place) + insert + text.slice(place);
    if (remove !== undefined) return text.slice(0, place) + text.slice(place + remove);
    const lines = text.split('\n');
    const index = at % lines.length;
    lines[index] = ' '.repeat(indent ?? 0) + (lines[index] as string).trimStart();
    return lines.join('\n');
  }, source);
}

describe.skipIf(!hasPython)('sound Python', () => {
  it('is what CPython compiles', () => {
    const texts = fc.sample(fc.array(damage, { minLength: 0, maxLength: 2 }).map(damaged), { seed: 7, numRuns: 3000 });
    const program =
      'import json, sys, warnings\nwarnings.simplefilter("ignore")\nout = []\nfor text in json.load(sys.stdin):\n try:\n  compile(text.encode(), "x", "exec", dont_inherit=True)\n  out.append(None)\n except (SyntaxError, ValueError) as error:\n  out.append(str(error))\njson.dump(out, sys.stdout)';
    const verdicts = JSON.parse(
      execFileSync('python3', ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8', maxBuffer: 1 << 28 }),
    ) as (string | null)[];
    let broken = 0;
    texts.forEach((text, index) => {
      const reading = readRevisionText({ file: 'x.py', name: 'x.py' }, text);
      // Sound files may still give no revision: a header damaged into other sound Python.
      const isSyntax =
        'unreadable' in reading &&
        reading.unreadable.kind === 'unreadable' &&
        !/`(?:revision|down_revision|branch_labels|depends_on)`/.test(reading.unreadable.reason);
      const theirs = verdicts[index] as string | null;
      expect(
        isSyntax ? `broken: ${(reading as { unreadable: { reason: string } }).unreadable.reason}` : 'sound',
        `${theirs}\n${text}`,
      ).toMatch(theirs === null ? /^sound/ : /^broken/);
      if (isSyntax) broken++;
    });
    expect(broken).toBeGreaterThan(1000);
    expect(broken).toBeLessThan(2900);
  });
});
