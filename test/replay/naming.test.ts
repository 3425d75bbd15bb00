import { describe, expect, it } from 'vitest';
import type { Operation, SchemaOperation } from '../../src/model/operation.ts';
import type { NamingConvention } from '../../src/model/project.ts';
import {
  chooseName,
  figureColumnName,
  indexColumnNames,
  joinedColumns,
  makeObjectName,
} from '../../src/replay/implied-names.ts';
import { schemaOfOperations } from '../../src/replay/index.ts';
import { conventionalName, truncateLabel } from '../../src/replay/naming-convention.ts';

const origin = { revision: 'r1', file: 'r1.py', line: 1 };
const stated = (operation: SchemaOperation): Operation => ({ ...operation, origin });
const column = (name: string, more: object = {}) => ({
  name,
  type: 'integer',
  notNull: false,
  default: null,
  identity: null,
  generated: null,
  ...more,
});

describe('names that PostgreSQL picks', () => {
  it('cuts the longer of two names and never the label', () => {
    expect(makeObjectName('t', 'c', 'key')).toBe('t_c_key');
    expect(makeObjectName('t', null, 'pkey')).toBe('t_pkey');
    const long = makeObjectName('a'.repeat(60), 'b'.repeat(20), 'fkey');
    expect(long).toBe(`${'a'.repeat(37)}_${'b'.repeat(20)}_fkey`);
    expect(makeObjectName('a'.repeat(60), 'b'.repeat(60), 'idx')).toBe(`${'a'.repeat(29)}_${'b'.repeat(29)}_idx`);
  });
  it('cuts between characters, not inside them', () => {
    expect(Buffer.byteLength(makeObjectName('ä'.repeat(31), 'b'.repeat(40), 'key'))).toBeLessThanOrEqual(63);
    expect(makeObjectName('ä'.repeat(31), 'b'.repeat(40), 'key')).not.toContain('\ufffd');
  });
  it('numbers from 1', () => {
    const taken = new Set(['t_c_key', 't_c_key1']);
    expect(chooseName('t', 'c', 'key', (name) => taken.has(name))).toBe('t_c_key2');
  });
  it('joins columns until the name is full', () => {
    expect(joinedColumns(['a', 'b', 'c'])).toBe('a_b_c');
    expect(joinedColumns(['x'.repeat(63), 'y', 'z'])).toBe(`${'x'.repeat(63)}_y`);
  });
  it('names expressions by their function, cast or not at all', () => {
    expect(figureColumnName('lower(a)')).toBe('lower');
    expect(figureColumnName('(a)::text')).toBe('a');
    expect(figureColumnName('a + 1')).toBe('expr');
    expect(figureColumnName("(a || 'x')::text")).toBe('text');
    expect(figureColumnName('CASE WHEN a THEN 1 END')).toBe('case');
    expect(
      indexColumnNames([
        { text: 'a', isExpression: false },
        { text: 'a', isExpression: false },
      ]),
    ).toEqual(['a', 'a1']);
  });
});

const full: NamingConvention = {
  ix: 'ix_%(column_0_label)s',
  uq: 'uq_%(table_name)s_%(column_0_name)s',
  ck: 'ck_%(table_name)s_%(constraint_name)s',
  fk: 'fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s_%(referred_column_0_name)s',
  pk: 'pk_%(table_name)s',
};

describe('names of a convention', () => {
  const thing = { table: 't', namespace: null, columns: ['a', 'b'], name: null };
  it('knows every token', () => {
    expect(conventionalName(full, { ...thing, kind: 'pk' })).toBe('pk_t');
    expect(conventionalName(full, { ...thing, kind: 'uq' })).toBe('uq_t_a');
    expect(conventionalName(full, { ...thing, kind: 'ix' })).toBe('ix_t_a');
    expect(conventionalName(full, { ...thing, kind: 'fk', referredTable: 'p', referredColumns: ['id'] })).toBe(
      'fk_t_a_b_p_id',
    );
    expect(conventionalName({ uq: '%(column_0N_name)s' }, { ...thing, kind: 'uq' })).toBe('ab');
    expect(conventionalName({ uq: '%(column_0_N_label)s_%(column_1_name)s' }, { ...thing, kind: 'uq' })).toBe(
      't_a_t_b_b',
    );
    expect(conventionalName({ uq: 'x_%(column_0_key)s%%' }, { ...thing, kind: 'uq' })).toBe('x_a%');
  });
  it('puts the schema into a label', () => {
    expect(conventionalName(null, { ...thing, namespace: 's', kind: 'ix' })).toBe('ix_s_t_a');
  });
  it('leaves a given name alone unless the template asks for it', () => {
    expect(conventionalName(full, { ...thing, kind: 'uq', name: 'mine' })).toBe('mine');
    expect(conventionalName(full, { ...thing, kind: 'ck', name: 'mine' })).toBe('ck_t_mine');
    expect(conventionalName(full, { ...thing, kind: 'ck' })).toBe(null);
  });
  it('without a convention only indexes are named', () => {
    expect(conventionalName(null, { ...thing, kind: 'uq' })).toBe(null);
    expect(conventionalName({}, { ...thing, kind: 'ix' })).toBe('ix_t_a');
  });
  it('cuts long names with four digits of their md5', () => {
    expect(truncateLabel('x'.repeat(63))).toBe('x'.repeat(63));
    expect(truncateLabel('ix_'.padEnd(70, 'y'))).toMatch(/^ix_y{52}_[0-9a-f]{4}$/);
  });
});

describe('names in a table', () => {
  const create = (more: object = {}): Operation =>
    stated({
      kind: 'createTable',
      table: {
        name: { schema: null, name: 't' },
        columns: [
          column('id', { notNull: true }),
          column('a', { index: true }),
          column('u', { index: true, constraints: [{ name: null, type: 'u', columns: [] }] }),
        ],
        constraints: [
          { name: null, type: 'p', columns: ['id'] },
          { name: null, type: 'u', columns: ['a', 'u'] },
          { name: 'positive', type: 'c', columns: [], expression: 'a > 0' },
          { name: 'final', nameIsFinal: true, type: 'c', columns: [], expression: 'u > 0' },
          {
            name: null,
            type: 'f',
            columns: ['a'],
            references: { table: { schema: null, name: 't' }, columns: ['id'] },
          },
        ],
        indexes: [],
        ...more,
      },
    });
  const namesOf = (namingConvention: NamingConvention | null) => {
    const table = schemaOfOperations([create()], { namingConvention }).tables.get('public.t');
    return {
      constraints: [...(table?.constraints.keys() ?? [])].sort(),
      indexes: [...(table?.indexes.values() ?? [])].map((index) => `${index.name} ${index.unique}`),
    };
  };
  it('follow the convention', () => {
    expect(namesOf(full)).toEqual({
      constraints: ['ck_t_positive', 'final', 'fk_t_a_t_id', 'pk_t', 'uq_t_a'],
      indexes: ['ix_t_a false', 'ix_t_u true'],
    });
  });
  it('are left to PostgreSQL without one, but for index=True', () => {
    expect(namesOf(null)).toEqual({
      constraints: ['final', 'positive', 't_a_fkey', 't_a_u_key', 't_pkey'],
      indexes: ['ix_t_a false', 'ix_t_u true'],
    });
  });
  it('are free ones, and so never given away, where only running code fills the template', () => {
    const indexOn = (...columns: string[]) =>
      stated({
        kind: 'createIndex',
        table: { schema: null, name: 't' },
        index: {
          name: null,
          unique: false,
          method: 'btree',
          keys: columns.map((text) => ({ text, isExpression: false })),
        },
      });
    const unknown = { ix: null };
    const { tables } = schemaOfOperations([create(), indexOn('a'), indexOn('a')], { namingConvention: unknown });
    const names = [...(tables.get('public.t')?.indexes.keys() ?? [])];
    expect(names).toHaveLength(4);
    expect(names.slice(2)).toEqual(['t_a_idx1', 't_a_idx2']);
  });
  it('of SQL know no convention', () => {
    const sql = { ...create(), sql: 'CREATE TABLE …' } as Operation;
    const table = schemaOfOperations([sql], { namingConvention: full }).tables.get('public.t');
    expect([...(table?.constraints.keys() ?? [])].sort()).toEqual([
      'final',
      'positive',
      't_a_fkey',
      't_a_u_key',
      't_pkey',
    ]);
  });
  it('are dropped under the name that the convention gives', () => {
    const drop = stated({
      kind: 'dropConstraint',
      table: { schema: null, name: 't' },
      constraint: 'positive',
      type: 'c',
    });
    const table = schemaOfOperations([create(), drop], { namingConvention: full }).tables.get('public.t');
    expect(table?.constraints.has('ck_t_positive')).toBe(false);
  });
});
