/**
 * ScratchServer: databases to try things in and throw away. On `--scratch-url`'s server, or on an embedded one.
 * Owns who may do what there: whatever may run the project's SQL, be it a check on a copied row, is a role that is no
 * superuser and cannot become one; extensions come from an allow-list.
 * Never made on the server of `--url` unless `--scratch-url` names it: that is the caller's to keep.
 */
import { randomBytes } from 'node:crypto';
import { ChainError } from '../errors.ts';
import { compareText, quoteIdentifier, quoteLiteral } from '../model/name.ts';
import { type Connection, type ConnectOptions, connect, defaultTimeouts } from './connection.ts';
import { defaultCacheDir, type EmbeddedServerOptions, startEmbeddedServer } from './embedded-server.ts';
import { isAllowedExtension } from './scratch-extensions.ts';
import { type DatabaseTarget, parseDatabaseUrl, retarget } from './target.ts';

export interface ScratchServer {
  /** `18.4` */
  readonly version: string;
  readonly major: number;
  /** For people: `embedded PostgreSQL 18.4`, `PostgreSQL 15.18 at host:5432`. */
  readonly description: string;
  /**
   * A new, empty database and a session in it, as its owner, who is no superuser. Several may be open at once.
   * `template`: a database of this server to copy (nobody may be connected to it).
   */
  createDatabase(options?: { template?: string }): Promise<Connection>;
  /** Closes the session, ends all others there, drops the database. */
  dropDatabase(connection: Connection): Promise<void>;
  /** Drops every database it made; ends the server when that is ours. Safe to call twice. */
  stop(): Promise<void>;
}

export interface ScratchOptions {
  scratchUrl?: string | null;
  cacheDir?: string;
  timeouts?: ConnectOptions['timeouts'];
  signal?: AbortSignal;
  /** For an embedded server: other programs, settings. */
  server?: EmbeddedServerOptions;
}

const databasePrefix = 'chain_scratch_';

/** What only a scratch database's maker can do there; by its session. */
interface Powers {
  /** A session as superuser (or whoever may the most) in the same database: only while nothing of the project is in it. */
  elevate(): Promise<Connection>;
  /** A session without powers that loads rows as they are; null where the server gives none. */
  load: (() => Promise<Connection>) | null;
  isSuperuser: boolean;
  installable: ReadonlySet<string>;
}

const powersByConnection = new WeakMap<Connection, Powers>();

/** Throws ChainError('no-scratch-server' | 'connection-failed'), each with a hint. */
export async function openScratch(options: ScratchOptions = {}): Promise<ScratchServer> {
  const connecting: ConnectOptions = {
    readOnly: false,
    timeouts: options.timeouts ?? defaultTimeouts,
    applicationName: 'chain scratch',
    ...(options.signal ? { signal: options.signal } : {}),
  };
  if (options.scratchUrl) {
    const target = parseDatabaseUrl(options.scratchUrl);
    const admin = await connect(target, connecting);
    return serve(
      admin,
      connecting,
      `PostgreSQL ${admin.serverVersion} at ${target.host}:${target.port}`,
      async () => {},
    );
  }
  const server = await startEmbeddedServer({ cacheDir: options.cacheDir ?? defaultCacheDir(), ...options.server });
  try {
    const admin = await connect(server.target, connecting);
    return await serve(admin, connecting, `embedded PostgreSQL ${admin.serverVersion}`, () => server.stop());
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function serve(
  admin: Connection,
  connecting: ConnectOptions,
  description: string,
  stopServer: () => Promise<void>,
): Promise<ScratchServer> {
  const open = new Map<Connection, string>();
  let stopping: Promise<void> | null = null;
  try {
    // It asks PostgreSQL alone, whatever others laid in the database that the URL names.
    await admin.query('set search_path = pg_catalog');
    const rights = await readRights(admin);
    const { limited, loader } = await makeRoles(admin, rights);
    await dropAbandoned(admin);
    return {
      version: admin.serverVersion,
      major: Math.floor(admin.serverVersionNumber / 10_000),
      description,
      async createDatabase({ template = 'template0' } = {}) {
        const name = `${databasePrefix}${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`;
        const source = `${quoteIdentifier(template)}${template === 'template0' ? " encoding 'UTF8' lc_collate 'C' lc_ctype 'C'" : ''}`;
        // Its checkpoints cost nothing where nothing is synced, and it copies less than the log of a whole database.
        const strategy = admin.serverVersionNumber >= 150_000 && !rights.syncs ? ' strategy file_copy' : '';
        await admin.query(
          `create database ${name} owner ${quoteIdentifier(limited.user)} template ${source}${strategy}`,
        );
        const connection = await connect(retarget(limited, { database: name }), connecting).catch(async (error) => {
          await admin.query(`drop database if exists ${name}`);
          throw error;
        });
        open.set(connection, name);
        powersByConnection.set(connection, {
          elevate: () => connect(retarget(admin.target, { database: name }), connecting),
          load: loader && (() => connect(retarget(loader, { database: name }), connecting)),
          isSuperuser: rights.isSuperuser,
          installable: rights.installable,
        });
        return connection;
      },
      async dropDatabase(connection) {
        const name = open.get(connection);
        if (name === undefined) return;
        open.delete(connection);
        await connection.close();
        await dropDatabase(admin, name);
      },
      stop() {
        stopping ??= (async () => {
          try {
            for (const [connection, name] of open) {
              await connection.close();
              if (!description.startsWith('embedded')) await dropDatabase(admin, name);
            }
            if (limited.user !== admin.target.user && !description.startsWith('embedded')) {
              await dropRoles(admin, { limited, loader });
            }
          } finally {
            await admin.close();
            await stopServer();
          }
        })();
        return stopping;
      },
    };
  } catch (error) {
    await admin.close();
    throw error;
  }
}

/** Makes an extension in a scratch database; false: not on the allow-list or not available on this server. */
export async function installExtension(
  connection: Connection,
  name: string,
  namespace: string | null,
): Promise<boolean> {
  const powers = powersByConnection.get(connection);
  if (!powers?.installable.has(name) || !isAllowedExtension(name)) return false;
  // By its owner first, so that the project's own objects can live there too.
  if (namespace !== null) await connection.query(`create schema if not exists ${quoteIdentifier(namespace)}`);
  const elevated = await powers.elevate();
  try {
    const into = namespace === null ? '' : ` schema ${quoteIdentifier(namespace)}`;
    await elevated.query(`create extension if not exists ${quoteIdentifier(name)}${into} cascade`);
    return true;
  } finally {
    await elevated.close();
  }
}

/**
 * A session as superuser in the same scratch database; null where the server gives none. To be closed before anything of the
 * project is made there: its functions would run with these powers.
 */
export async function elevate(connection: Connection): Promise<Connection | null> {
  const powers = powersByConnection.get(connection);
  return powers?.isSuperuser ? powers.elevate() : null;
}

/**
 * A session in the same scratch database for which neither triggers nor foreign keys nor row security are in the way, and
 * which has no other powers: checks and casts of the project run in it. Null where the server gives none.
 */
export async function openLoader(connection: Connection): Promise<Connection | null> {
  return (await powersByConnection.get(connection)?.load?.()) ?? null;
}

interface Rights {
  isSuperuser: boolean;
  createsRoles: boolean;
  /** Roles it could become, or is a member of, that reach beyond the databases. */
  reaches: string[];
  /** The server waits for its disk (`fsync`). */
  syncs: boolean;
  installable: ReadonlySet<string>;
}

/** Beside superusers: what makes one of a role, by files and programs of the server (PostgreSQL 11 and later). */
const serverRoles = ['pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'];

async function readRights(admin: Connection): Promise<Rights> {
  const { rows } = await admin.query<{
    super: boolean;
    creates: boolean;
    createsRoles: boolean;
    reaches: string[];
    syncs: boolean;
    extensions: string[];
  }>(
    `select r.rolsuper as super, r.rolcreatedb as creates, r.rolcreaterole as "createsRoles",
            current_setting('fsync')::boolean as syncs,
            array(select o.rolname::text from pg_roles o
                   where (o.rolsuper or o.rolname = any($1::text[])) and pg_has_role(o.oid, 'member') order by 1) as reaches,
            array(select name::text from pg_available_extensions) as extensions
       from pg_roles r where r.rolname = current_user`,
    [serverRoles],
  );
  const role = rows[0];
  if (!role || !(role.super || role.creates)) {
    throw new ChainError(
      'no-scratch-server',
      `The role "${admin.target.user}" of --scratch-url may not create databases.`,
      {
        hint: `Run \`ALTER ROLE ${quoteIdentifier(admin.target.user)} CREATEDB\` there, or name another server.`,
      },
    );
  }
  const { createsRoles, reaches, syncs } = role;
  const installable = new Set([...role.extensions].sort(compareText));
  return { isSuperuser: role.super, createsRoles, reaches, syncs, installable };
}

/** Seeds and dumps switch triggers off by it; it reaches no further than the scratch database. Granted since PostgreSQL 15. */
const triggersSetting = 'session_replication_role';

const grantsSettings = (admin: Connection): boolean => admin.serverVersionNumber >= 150_000;

interface Roles {
  /** Owner of the scratch databases: who the project's SQL runs as. */
  limited: DatabaseTarget;
  /** Null where only the owner's way is open. */
  loader: DatabaseTarget | null;
}

/** A fresh role without powers where ours may make one, else our own if it has none that reach beyond its databases. */
async function makeRoles(admin: Connection, rights: Rights): Promise<Roles> {
  const { user } = admin.target;
  if (!rights.isSuperuser && !rights.createsRoles) {
    const [reached] = rights.reaches;
    if (reached === undefined) return { limited: admin.target, loader: null };
    throw new ChainError(
      'no-scratch-server',
      `The role "${user}" of --scratch-url is a member of "${reached}", whose powers the SQL of the project would have.`,
      { hint: 'Give --scratch-url a role with CREATEDB that is a member of no such role.' },
    );
  }
  const password = randomBytes(16).toString('hex');
  const limited = retarget(admin.target, { user: `${databasePrefix}${randomBytes(4).toString('hex')}`, password });
  const loader = rights.isSuperuser ? retarget(limited, { user: `${limited.user}_loader` }) : null;
  const secret = `password ${quoteLiteral(password)}`;
  try {
    await admin.query(
      `create role ${limited.user} login nosuperuser ${secret};${
        loader
          ? // A setting that only a superuser may make, made by one for every session of the role.
            `create role ${loader.user} login nosuperuser bypassrls ${secret}; grant ${limited.user} to ${loader.user};
             alter role ${loader.user} set ${triggersSetting} = replica${grantsSettings(admin) ? `; grant set on parameter ${triggersSetting} to ${limited.user}` : ''}`
          : // Who owns a database must be a role that its maker can become.
            `grant ${limited.user} to current_user`
      }`,
    );
    await (await connect(limited, { readOnly: true, applicationName: 'chain scratch' })).close();
    return { limited, loader };
  } catch (error) {
    await dropRoles(admin, { limited, loader });
    throw new ChainError(
      'no-scratch-server',
      `The role "${user}" of --scratch-url is ${rights.isSuperuser ? 'a superuser' : 'one that makes roles'}, and a limited role could not log in there: ${(error as Error).message}`,
      { hint: 'Give --scratch-url a role that is no superuser, has CREATEDB and not CREATEROLE.' },
    );
  }
}

async function dropRoles(admin: Connection, { limited, loader }: Roles): Promise<void> {
  if (loader && grantsSettings(admin))
    await admin.query(`revoke set on parameter ${triggersSetting} from ${limited.user}`).catch(() => {});
  await admin
    .query(`drop role if exists ${[limited, ...(loader ? [loader] : [])].map(({ user }) => user).join(', ')}`)
    .catch(() => {});
}

async function dropDatabase(admin: Connection, name: string): Promise<void> {
  const force = admin.serverVersionNumber >= 130_000 ? ' with (force)' : '';
  await admin.query(`drop database if exists ${quoteIdentifier(name)}${force}`);
}

/** Scratch databases of runs that were killed: ours by name, older than an hour by name, with nobody in them. */
async function dropAbandoned(admin: Connection): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `select datname::text from pg_database d
      where datname ~ '^${databasePrefix}[0-9a-z]+_[0-9a-f]{8}$' and pg_has_role(d.datdba, 'member')
        and not exists (select 1 from pg_stat_activity a where a.datid = d.oid)`,
  );
  for (const { datname } of rows) {
    const made = Number.parseInt(datname.slice(databasePrefix.length).split('_')[0] as string, 36);
    if (Date.now() - made > 3_600_000) await dropDatabase(admin, datname).catch(() => {});
  }
}
