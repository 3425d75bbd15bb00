/** Dates that a revision counts on, as CPython 3.11 and dateutil 2.8 print them. */
import { expect, it } from 'vitest';
import { loadSqlParser } from '../../../src/sql/index.ts';
import { read } from '../operations/reading.ts';

const dates = 'from datetime import date, datetime, timedelta\nfrom dateutil.relativedelta import relativedelta\n';
const textOf = (expression: string): string | undefined =>
  read(`${dates}op.add_column('t', sa.Column('c', sa.Text, comment=str(${expression})))`).operations.map((one) =>
    one.kind === 'addColumn' ? (one.column.comment ?? undefined) : one.kind,
  )[0];

it.each([
  ["date(2025, 2, 1).strftime('%Y_%m %d %B %y %j')", '2025_02 01 February 25 032'],
  ['date(2025, 1, 31) + relativedelta(months=1)', '2025-02-28'],
  ['date(2024, 1, 31) + relativedelta(months=1)', '2024-02-29'],
  ['date(2024, 12, 5) - relativedelta(years=1, days=5)', '2023-11-30'],
  ['date(2024, 2, 28) + timedelta(days=2)', '2024-03-01'],
  ['date(2024, 2, 28) + timedelta(hours=47)', '2024-02-29'],
  ['datetime(2024, 2, 28, 23) + timedelta(hours=2)', '2024-02-29 01:00:00'],
  ['datetime(2024, 2, 28, 23, 5).isoformat()', '2024-02-28T23:05:00'],
  ['(date(2024, 3, 1) - date(2024, 2, 1)).days', '29'],
  ['date(2024, 3, 1).replace(month=12)', '2024-12-01'],
  ["date.fromisoformat('2024-03-09').month", '3'],
  ['date(2024, 3, 1) > date(2024, 2, 1)', 'True'],
  ['date(2024, 3, 1) == date(2024, 3, 1)', 'True'],
  ['date(99, 3, 1)', '0099-03-01'],
])('%s is %s', (expression, text) => {
  expect(textOf(expression)).toBe(text);
});

it.each([
  'date.today()',
  'date(2024, 2, 30)',
  'date(2024, 1, 1) + timedelta(days=9999999)',
  "date(2024, 1, 1).strftime('%c')",
])('%s is not known', (expression) => {
  expect(textOf(expression)).toBeUndefined();
});

it('makes the partitions of a loop over months', async () => {
  await loadSqlParser();
  const { schema, operations } = read(`${dates}op.execute('CREATE TABLE log (at date) PARTITION BY RANGE (at)')
day = date(2024, 11, 1)
while day < date(2025, 2, 1):
    end = day + relativedelta(months=1)
    op.execute(f"CREATE TABLE log_{day:%Y_%m} PARTITION OF log FOR VALUES FROM ('{day}') TO ('{end.isoformat()}')")
    day = end`);
  expect(operations.filter(({ kind }) => kind === 'opaque')).toEqual([]);
  expect([...schema.tables.keys()]).toEqual([
    'public.log',
    'public.log_2024_11',
    'public.log_2024_12',
    'public.log_2025_01',
  ]);
});
