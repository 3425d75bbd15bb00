/**
 * Mixins and bases of common libraries beside SQLAlchemy that bring columns to the classes they go into, as facts: SQLAlchemy-
 * Utils' Timestamp (models.py), the tables of FastAPI Users (fastapi_users_db_sqlalchemy, `__init__` and `access_token`), those
 * of Authlib (integrations/sqla_oauth2, client_mixin and tokens_mixins) and oslo.db's (sqlalchemy/models.py).
 */
import type { Machine, Made, Value } from '../python/index.ts';
import { type ReadColumn, readColumn } from './columns.ts';
import { readable } from './types.ts';

interface ColumnFact {
  type: string;
  isOptional?: true;
  /** `primary_key`, `unique`, `index`. */
  flags?: readonly string[];
  references?: string;
}

interface Mixin {
  tableName?: string;
  columns: Readonly<Record<string, ColumnFact>>;
}

const text = (length: number): string => `character varying(${length})`;
const own: ColumnFact = { type: 'uuid', flags: ['primary_key'] };
const ofUser: ColumnFact = { type: 'uuid', references: 'user.id' };

const user: Mixin = {
  tableName: 'user',
  columns: {
    email: { type: text(320), flags: ['unique', 'index'] },
    hashed_password: { type: text(1024) },
    is_active: { type: 'boolean' },
    is_superuser: { type: 'boolean' },
    is_verified: { type: 'boolean' },
  },
};
const account: Mixin = {
  tableName: 'oauth_account',
  columns: {
    oauth_name: { type: text(100), flags: ['index'] },
    access_token: { type: text(1024) },
    expires_at: { type: 'integer', isOptional: true },
    refresh_token: { type: text(1024), isOptional: true },
    account_id: { type: text(320), flags: ['index'] },
    account_email: { type: text(320) },
  },
};
const token: Mixin = {
  tableName: 'accesstoken',
  columns: {
    token: { type: text(43), flags: ['primary_key'] },
    created_at: { type: 'timestamp with time zone', flags: ['index'] },
  },
};

const integer: ColumnFact = { type: 'integer' };
const optional = (type: string, ...flags: string[]): ColumnFact => ({ type, isOptional: true, flags });

const mixins: Record<string, Mixin> = {
  OAuth2ClientMixin: {
    columns: {
      client_id: optional(text(48), 'index'),
      client_secret: optional(text(120)),
      client_id_issued_at: integer,
      client_secret_expires_at: integer,
      client_metadata: optional('text'),
    },
  },
  OAuth2TokenMixin: {
    columns: {
      client_id: optional(text(48)),
      token_type: optional(text(40)),
      access_token: { type: text(255), flags: ['unique'] },
      refresh_token: optional(text(255), 'index'),
      scope: optional('text'),
      issued_at: integer,
      access_token_revoked_at: integer,
      refresh_token_revoked_at: integer,
      expires_in: integer,
    },
  },
  OAuth2AuthorizationCodeMixin: {
    columns: {
      code: { type: text(120), flags: ['unique'] },
      client_id: optional(text(48)),
      redirect_uri: optional('text'),
      response_type: optional('text'),
      scope: optional('text'),
      nonce: optional('text'),
      auth_time: integer,
      acr: optional('text'),
      amr: optional('text'),
      code_challenge: optional('text'),
      code_challenge_method: optional(text(48)),
    },
  },
  ModelBase: { columns: {} },
  ModelIterator: { columns: {} },
  TimestampMixin: {
    columns: {
      created_at: optional('timestamp without time zone'),
      updated_at: optional('timestamp without time zone'),
    },
  },
  SoftDeleteMixin: {
    columns: { deleted_at: optional('timestamp without time zone'), deleted: optional('integer') },
  },
  Timestamp: {
    columns: { created: { type: 'timestamp without time zone' }, updated: { type: 'timestamp without time zone' } },
  },
  SQLAlchemyBaseUserTable: user,
  SQLAlchemyBaseUserTableUUID: { ...user, columns: { ...user.columns, id: own } },
  SQLAlchemyBaseOAuthAccountTable: account,
  SQLAlchemyBaseOAuthAccountTableUUID: { ...account, columns: { ...account.columns, id: own, user_id: ofUser } },
  SQLAlchemyBaseAccessTokenTable: token,
  SQLAlchemyBaseAccessTokenTableUUID: { ...token, columns: { ...token.columns, user_id: ofUser } },
};

/** What a base outside the project brings; null where it is none of these. */
export function companionMixin(path: string): Mixin | null {
  const known =
    /^(?:sqlalchemy_utils|fastapi_users(?:_db_sqlalchemy|\.db)?|authlib\.integrations\.sqla_oauth2|oslo_db\.sqlalchemy\.models)\.(?:\w+\.)*(\w+)$/.exec(
      path,
    )?.[1];
  return (known !== undefined && Object.hasOwn(mixins, known) ? mixins[known] : undefined) ?? null;
}

/** Bases that bring no columns: of SQLAlchemy and its kin, of Python, of libraries that add methods alone; bases by their name. */
export function bringsNoColumns(path: string): boolean {
  return (
    /^(?:sqlalchemy|sqlmodel|flask_sqlalchemy|typing|typing_extensions|abc|enum|pydantic|dataclasses|collections|builtins|flask_login|sqlalchemy_serializer)\b/.test(
      path,
    ) ||
    /^flask_security\.(?:core\.)?(?:UserMixin|RoleMixin)$/.test(path) ||
    /(?:^|\.)(?:Base|Model|BaseModel|DeclarativeBase)$/.test(path)
  );
}

export function mixinColumns(machine: Machine, mixin: Mixin): [string, ReadColumn][] {
  return Object.entries(mixin.columns).flatMap(([name, fact]): [string, ReadColumn][] => {
    const key =
      fact.references === undefined ? [] : [make('sqlalchemy.ForeignKey', [fact.references], { ondelete: 'cascade' })];
    const flags = Object.fromEntries((fact.flags ?? []).map((flag) => [flag, true]));
    const column = make('sqlalchemy.Column', key, { ...flags, nullable: fact.isOptional === true });
    const read = readColumn(machine, column, { name, type: readable(fact.type) });
    return typeof read === 'string' ? [] : [[name, read]];
  });
}

function make(path: string, positional: Value[], named: Record<string, Value>): Made {
  return {
    kind: 'made',
    path,
    receiver: null,
    positional,
    named: new Map(Object.entries(named)),
    from: 0,
    to: 0,
    file: '',
    attributes: new Map(),
  };
}
