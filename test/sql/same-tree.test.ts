import { beforeAll, expect, it } from 'vitest';
import { isSameButForCallForm, loadSqlParser } from '../../src/sql/index.ts';

beforeAll(() => loadSqlParser());

// Left as PostgreSQL 13.23 prints it, right as 18.4 does.
it.each([
  ["timezone('utc'::text, now())", "(now() AT TIME ZONE 'utc'::text)"],
  ["(date_part('year'::text, d))::integer", '(EXTRACT(year FROM d))::integer'],
  ["(date_part('year'::text, d) > (2000)::double precision)", '(EXTRACT(year FROM d) > (2000)::numeric)'],
  [
    `((btrim(s) <> ''::text) AND ("substring"(s, 1, 2) <> 'xx'::text))`,
    "((TRIM(BOTH FROM s) <> ''::text) AND (SUBSTRING(s FROM 1 FOR 2) <> 'xx'::text))",
  ],
  [`("position"(s, 'a'::text) > 0)`, "(POSITION(('a'::text) IN (s)) > 0)"],
  ["RANGE (timezone('UTC'::text, ts))", "RANGE ((ts AT TIME ZONE 'UTC'::text))"],
  [" SELECT timezone('UTC'::text, ts) AS at\n   FROM t;", " SELECT (ts AT TIME ZONE 'UTC'::text) AS at\n   FROM t;"],
])('%s is %s', (before, after) => {
  expect(isSameButForCallForm(before, after)).toBe(true);
});

it.each([
  ["timezone('utc'::text, now())", "(now() AT TIME ZONE 'cet'::text)"],
  ["timezone('utc'::text, now())", 'now()'],
  ['app.timezone(a, b)', '(b AT TIME ZONE a)'],
  ["date_part('year'::text, d)", 'EXTRACT(month FROM d)'],
  ['(a > (1)::numeric)', '(a > (1)::double precision)'],
  ['btrim(s)', 'TRIM(LEADING FROM s)'],
  ["'1'::text", "'1'::date"],
  ['no sql (', 'no sql ('],
])('%s is not %s', (before, after) => {
  expect(isSameButForCallForm(before, after)).toBe(false);
});
