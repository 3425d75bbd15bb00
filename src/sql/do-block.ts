/**
 * `DO $$…$$`: the static DDL within, read through PL/pgSQL's own parser.
 */
import type { Operation, Stated } from '../model/operation.ts';
import type { Statement } from './pg-parser.ts';
import { opaque } from './tables.ts';

export function readBlock(_statement: Statement, stated: Stated): Operation[] {
  return [{ ...opaque('a DO block'), ...stated }];
}
