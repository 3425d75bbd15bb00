-- chain's ledger: what was applied, when, by whom, from which plan, with everything that undo needs.
-- Schema "chain" is chain's own; nothing of the project's lives here, and `chain undo` leaves it standing.

CREATE SCHEMA IF NOT EXISTS chain;

COMMENT ON SCHEMA chain IS 'Ledger of the tool "chain": applied repairs, their steps and before-images.';

-- The migrations of this schema itself, run through Umzug like everything else.
CREATE TABLE chain.own_migration (
  name text PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE chain.repair (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- Hash of what is to be done; the same plan may be applied again after it was undone.
  plan_id text NOT NULL,
  plan jsonb NOT NULL,
  -- running: begun, not finished. undoing: the database is back, files may still have to follow.
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'applied', 'undoing', 'undone', 'abandoned')),
  project text NOT NULL,
  applied_by text NOT NULL DEFAULT session_user,
  tool_version text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  undone_at timestamptz,
  -- Of the live schema and its version rows.
  fingerprint_before text NOT NULL,
  fingerprint_after text
);

-- At most one repair is under way in a database.
CREATE UNIQUE INDEX repair_one_under_way ON chain.repair ((true)) WHERE state IN ('running', 'undoing');

CREATE TABLE chain.step (
  repair_id bigint NOT NULL REFERENCES chain.repair (id),
  name text NOT NULL,
  position integer NOT NULL,
  phase text NOT NULL CHECK (phase IN ('schema', 'seed', 'validate', 'stamp')),
  -- started: only of steps that cannot be in a transaction; the body may or may not have run.
  state text NOT NULL CHECK (state IN ('started', 'finished', 'undone')),
  sql text NOT NULL,
  down text,
  transactional boolean NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  undone_at timestamptz,
  fingerprint_before text,
  fingerprint_after text,
  notices text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (repair_id, name)
);

CREATE TABLE chain.file_before_image (
  repair_id bigint NOT NULL REFERENCES chain.repair (id),
  -- Relative to the project, with "/".
  file text NOT NULL,
  -- SHA-256 of the bytes; null where there was, or is, no file.
  hash_before text,
  hash_after text,
  -- The folder under .chain/ in the project that holds the bytes.
  journal text NOT NULL,
  PRIMARY KEY (repair_id, file)
);
