/**
 * Alembic's own table, which stands before the first revision runs and which no revision makes: what the database would say
 * of it (MigrationContext.__init__, alembic/runtime/migration.py).
 */
import type { Table } from '../../../model/schema.ts';
import { type Machine, plain, textOf } from '../python/index.ts';
import type { Effects } from './effects.ts';
import { configuredOption, versionTableSchema } from './env-options.ts';

export function versionTable(machine: Machine, effects: Effects): Table {
  const name = textOf(configuredOption(machine, effects, 'version_table') ?? null) ?? 'alembic_version';
  const namespace = textOf(plain(versionTableSchema(machine, effects))) ?? effects.sink.searchPath()[0] ?? 'public';
  const key = `${name}_pkc`;
  return {
    namespace,
    name,
    kind: 'table',
    columns: new Map([
      [
        'version_num',
        {
          name: 'version_num',
          type: 'character varying(32)',
          notNull: true,
          default: null,
          identity: null,
          generated: null,
          collation: null,
          ownedSequence: null,
        },
      ],
    ]),
    constraints: new Map([
      [
        key,
        {
          name: key,
          type: 'p',
          columns: ['version_num'],
          definition: 'PRIMARY KEY (version_num)',
          references: null,
          expression: null,
          deferrable: null,
          validated: true,
        },
      ],
    ]),
    indexes: new Map(),
    triggers: new Map(),
    policies: new Map(),
    persistence: 'p',
    partitionKey: null,
    partitionBound: null,
    parents: [],
    rowSecurity: false,
    forceRowSecurity: false,
    options: [],
  };
}
