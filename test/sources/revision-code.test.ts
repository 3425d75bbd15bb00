/** What a revision's code says beside its operations, and that its hash is of what Python makes of it. */
import { describe, expect, it } from 'vitest';
import { readRevisionCode } from '../../src/sources/alembic/revision-file/code.ts';

const plain = `"""add users

Revises: aaaa
"""
from alembic import op
import sqlalchemy as sa

revision = 'bbbb'
down_revision = 'aaaa'


def upgrade():
    op.create_table('users', sa.Column('id', sa.Integer(), nullable=False), sa.Column('name', sa.String(32)))


def downgrade():
    op.drop_table('users')
`;

/** The same, as a formatter, a type checker and a reviewer would leave it, behind another parent. */
const tidied = `"""Add the users.

Another docstring.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

# revision identifiers
revision: str = "bbbb"
down_revision: str | Sequence[str] | None = ("aaaa", "cccc")
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),  # the key
        sa.Column("name", sa.String((32))),
    )
    pass


def downgrade() -> None:
    op.drop_table("us" "ers")
`;

describe('readRevisionCode', () => {
  it('hashes what Python makes of it', () => {
    const { hash } = readRevisionCode(plain);
    expect(hash).not.toBeNull();
    expect(readRevisionCode(tidied).hash).toEqual(hash);
    expect(readRevisionCode(plain.replaceAll('\n', '\r\n')).hash).toEqual(hash);
  });

  it('is the same from release to release: locks of users hang on it', () => {
    expect(readRevisionCode(plain).hash).toEqual({
      upgrade: '082b0eb5cc11a0b0b4e1f2717bb43357',
      downgrade: '6a44c74f1e9b727cb49cec774d36476e',
    });
  });

  it.each([
    ['nullable=False', 'nullable=True'],
    ["'users'", "'people'"],
    ['String(32)', 'String(33)'],
    ['import sqlalchemy as sa', 'import other as sa'],
    ['def upgrade():\n', "def upgrade():\n    op.execute('SELECT 1')\n"],
  ])('sees %s become %s', (from, to) => {
    expect(readRevisionCode(plain.replace(from, to)).hash?.upgrade).not.toBe(readRevisionCode(plain).hash?.upgrade);
  });

  it('tells the way back apart', () => {
    const edited = readRevisionCode(plain.replace("op.drop_table('users')", 'pass'));
    expect(edited.hash?.upgrade).toBe(readRevisionCode(plain).hash?.upgrade);
    expect(edited.hash?.downgrade).not.toBe(readRevisionCode(plain).hash?.downgrade);
    expect(edited).toMatchObject({ downgrade: 'empty', downgradeLine: 16 });
    const raising = plain.replace("op.drop_table('users')", 'raise NotImplementedError');
    expect(readRevisionCode(raising).downgrade).toBe('raises');
    expect(readRevisionCode('revision = "a"\n').downgrade).toBe('absent');
    expect(readRevisionCode(plain)).toMatchObject({ downgrade: 'stated', downgradeTexts: ['users'] });
  });

  it('tells the imports that are used, with their lines', () => {
    const text = `from app.models import User, Unused
import app.config
from . import siblings


def upgrade():
    from app.other import Thing
    User, Thing, app.config, siblings
`;
    const { readImports } = readRevisionCode(text);
    expect(readImports(() => true)).toEqual([
      { module: 'app.models', names: ['User'], line: 1 },
      { module: 'app.config', names: null, line: 2 },
      { module: '.', names: ['siblings'], line: 3 },
      { module: 'app.other', names: ['Thing'], line: 7 },
    ]);
    const only = (module: string) => readImports((one) => one.module === module).map(({ line }) => line);
    expect(['app.models', 'app.other', 'app.unknown'].map(only)).toEqual([[1], [7], []]);
  });

  it('gives no hash of what is no Python', () => {
    expect(readRevisionCode('def upgrade(:\n').hash).toBeNull();
  });

  it('leaves transactions to whoever speaks of them', () => {
    const speaks = (line: string) => readRevisionCode(`def upgrade():\n    ${line}\n`).managesTransaction;
    expect(speaks('op.execute("COMMIT")')).toBe(true);
    expect(speaks('bind.execution_options(isolation_level="AUTOCOMMIT")')).toBe(true);
    expect(readRevisionCode('transactional = False\n').managesTransaction).toBe(true);
    expect(speaks('with op.get_context().autocommit_block(): pass')).toBe(false);
  });
});
