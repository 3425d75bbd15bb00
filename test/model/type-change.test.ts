/** Which changes of type keep every value. */
import { expect, it } from 'vitest';
import { keepsValues } from '../../src/model/type-change.ts';

it.each([
  ['character varying(10)', 'text'],
  ['text', 'character varying(10)'],
  ['character varying(20)', 'character varying(10)'],
  ['integer', 'bigint'],
  ['bigint', 'integer'],
  ['smallint', 'numeric(10,2)'],
  ['numeric(10,2)', 'numeric(12,3)'],
  ['numeric(10,2)', 'numeric'],
  ['uuid', 'text'],
  ['integer[]', 'bigint[]'],
  ['timestamp(0) with time zone', 'timestamp with time zone'],
  ['jsonb', 'json'],
])('%s to %s keeps them', (from, to) => expect(keepsValues(from, to)).toBe(true));

it.each([
  ['timestamp with time zone', 'timestamp without time zone'],
  ['timestamp without time zone', 'timestamp with time zone'],
  ['timestamp without time zone', 'date'],
  ['timestamp without time zone', 'timestamp(0) without time zone'],
  ['numeric(10,2)', 'numeric(10,0)'],
  ['numeric', 'numeric(10,2)'],
  ['numeric', 'integer'],
  ['double precision', 'real'],
  ['bigint', 'double precision'],
  ['text', 'integer'],
  ['json', 'jsonb'],
  ['integer[]', 'integer'],
  ['app.mood', 'app.humour'],
  ['no type', 'text'],
])('%s to %s may not', (from, to) => expect(keepsValues(from, to)).toBe(false));
