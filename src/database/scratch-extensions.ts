/**
 * Which extensions a scratch database may have: those that projects use for types, operators and indexes.
 * Left out on purpose: what reads files, runs programs or connects elsewhere (file_fdw, dblink, adminpack, untrusted
 * languages; zombodb and PGroonga, whose functions send any request or command), and what must be preloaded into the
 * server (pg_cron, timescaledb).
 */
const allowed = new Set(
  `address_standardizer address_standardizer_data_us autoinc bloom btree_gin btree_gist citext cube dict_int dict_xsyn earthdistance
  fuzzystrmatch h3 h3_postgis hll hstore hypopg insert_username intagg intarray ip4r isn lo ltree moddatetime orafce pg_bigm
  pg_hashids pg_idkit pg_jsonschema pg_partman pg_stat_statements pg_trgm pg_ulid pg_uuidv7 pgcrypto pgjwt pgmp pgrowlocks
  pgstattuple pgtap plpgsql postgis postgis_raster postgis_sfcgal postgis_tiger_geocoder postgis_topology prefix refint rum seg
  semver sslinfo tablefunc tcn tsm_system_rows tsm_system_time ulid unaccent unit uuid-ossp vector vchord vectorscale xml2
  zhparser`.split(/\s+/),
);

export function isAllowedExtension(name: string): boolean {
  return allowed.has(name);
}
