/** The README's table of what is read and what is opaque, row by row. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { readingRows } from '../../support/reading-table.ts';
import { read } from './reading.ts';

beforeAll(loadSqlParser);

describe('what is read and what is opaque', () => {
  it.each(readingRows.map((row) => [row.construct, row] as const))('%s', (_construct, row) => {
    const { operations } = read(row.body, row.files ? { files: row.files } : {});
    const isOpaque = operations.some(({ kind }) => kind === 'opaque');
    const isAssumed = operations.some(({ condition }) => condition !== undefined);
    expect(isOpaque ? 'opaque' : isAssumed ? 'assumed' : 'read').toBe(row.is);
    expect(operations.length).toBeGreaterThan(0);
  });
});
