import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParser, parseSql, readSeedSql, splitStatements } from '../../src/sql/index.ts';

beforeAll(loadSqlParser);

/** Pieces that open, close and confuse: any order of them must be read without a throw. */
const pieces = [
  'INSERT INTO t (a, b) VALUES ',
  "('x', 1)",
  ', ',
  'ON CONFLICT (a) DO NOTHING',
  'RETURNING id INTO v',
  ';',
  '\n',
  '\r\n',
  '(',
  ')',
  "'",
  '"',
  '$$',
  '$a$',
  '--',
  '/*',
  '*/',
  'DO $$',
  'BEGIN',
  'DECLARE x int;',
  'IF EXISTS (SELECT 1 FROM pg_class) THEN',
  'ELSE',
  'END IF;',
  'END',
  'END $$',
  'EXCEPTION WHEN others THEN',
  'LOOP',
  'FOR i IN 1..3',
  "EXECUTE 'x' || y;",
  'COPY t FROM stdin;\n',
  '1\t2\n',
  '\\.\n',
  '\\i x',
  '\\gset',
  ':x',
  ":'x'",
  ':"x"',
  '::int',
  'é',
  '😀',
  '\ud800',
  '\0',
  '\\',
  'CREATE TABLE t (a int DEFAULT ',
  'NOT NULL',
  'CHECK (a > 1)',
  'ALTER TABLE t ADD ',
  'COLUMN c text',
  'CREATE INDEX ON t (',
  'lower(a)',
  'WHERE a = 1',
  'SELECT ',
  'FROM u',
  'WITH q AS (',
  'UPDATE t SET a = ',
  'CASE WHEN 1 THEN 2 END',
  "E'\\'",
  'U&"x"',
  '[1:2]',
  'PARTITION BY range (a)',
];
const text = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...pieces), { maxLength: 25 }).map((parts) => parts.join(' ')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
);
const runs = { numRuns: Number(process.env.FUZZ_RUNS ?? 400) };

describe('any text', () => {
  it('is read as operations without a throw, each text a slice of it', () => {
    fc.assert(
      fc.property(text, (sql) => {
        const lines = sql.split('\n').length;
        for (const { origin } of parseSql(sql, { origin: { file: 'f', line: 1, revision: null } })) {
          expect(origin.line).toBeGreaterThanOrEqual(1);
          expect(origin.line).toBeLessThanOrEqual(lines);
        }
        for (const slice of splitStatements(sql)) expect(sql.slice(slice.from, slice.to)).toBe(slice.text);
      }),
      runs,
    );
  });

  it('is read as a seed without a throw, every span within it', () => {
    fc.assert(
      fc.property(text, (sql) => {
        const reading = readSeedSql('f', sql);
        const isWithin = ({ from, to }: { from: number; to: number }) =>
          expect(from >= 0 && from <= to && to <= sql.length).toBe(true);
        for (const statement of reading.statements) {
          isWithin(statement.span);
          expect(sql.slice(statement.span.from, statement.span.to)).toBe(statement.sql);
          for (const row of statement.rows ?? []) for (const value of row.values) isWithin(value.span);
          if (statement.columnsSpan) expect(sql[statement.columnsSpan.from]).toBe('(');
          if (statement.onConflict) expect(sql.slice(statement.onConflict.span.from)).toMatch(/^on/i);
        }
        for (const directive of reading.directives) isWithin(directive.span);
        for (const { value, span } of reading.version) expect(sql.slice(span.from, span.to)).toBe(value);
      }),
      runs,
    );
  });
});
