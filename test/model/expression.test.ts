/** Which texts are constants. */
import { expect, it } from 'vitest';
import { isConstant } from '../../src/model/expression.ts';

it.each([
  ...['false', 'TRUE', '0', '-1', '3.50', "'x'", "'it''s (now)'::text", "'a'::character varying(20)", "'-1'::integer"],
  ...["'{}'::jsonb", "'2024-01-01 00:00:00'::timestamp without time zone", '\'good\'::app."Mood"', "'{}'::text[]"],
  ...["ARRAY['a'::text, 'b'::text]", 'ARRAY[]::text[]', "'1.5'::numeric(10,2)"],
])('%s is a constant', (text) => expect(isConstant(text)).toBe(true));

it.each([
  ...['now()', 'CURRENT_USER', 'SESSION_USER', 'CURRENT_TIMESTAMP', "nextval('s'::regclass)", 'gen_random_uuid()'],
  ...[
    "('now'::text)::date",
    "'a' || random()",
    '(1 + 2)',
    'NULL',
    'NULL::text',
    '',
    'ARRAY[random()]',
    "'a'; DROP TABLE t",
  ],
])('%j is none', (text) => expect(isConstant(text)).toBe(false));
