-- What seeds and merges did to rows: enough to take each row back.

CREATE TABLE chain.seed_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repair_id bigint REFERENCES chain.repair (id),
  file text NOT NULL,
  content_hash text NOT NULL,
  version text,
  ran_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ran_by text NOT NULL DEFAULT session_user,
  -- Rows inserted, updated, unchanged and deleted, by table.
  summary jsonb NOT NULL DEFAULT '{}'::jsonb,
  undone_at timestamptz
);

CREATE INDEX seed_run_file_idx ON chain.seed_run (file, id);

CREATE TABLE chain.row_before_image (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repair_id bigint REFERENCES chain.repair (id),
  seed_run_id bigint REFERENCES chain.seed_run (id),
  -- The step that changed the row.
  step text,
  -- schema.table, unquoted.
  table_name text NOT NULL,
  row_key jsonb NOT NULL,
  -- Null: the row was inserted.
  before jsonb,
  -- Null: the row was deleted.
  after jsonb,
  undone_at timestamptz
);

CREATE INDEX row_before_image_repair_idx ON chain.row_before_image (repair_id, id);
CREATE INDEX row_before_image_seed_run_idx ON chain.row_before_image (seed_run_id, id);

-- Rows that a merge of duplicates took out of their table, kept whole.
CREATE TABLE chain.quarantine (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  repair_id bigint NOT NULL REFERENCES chain.repair (id),
  step text NOT NULL,
  table_name text NOT NULL,
  row_data jsonb NOT NULL,
  survivor_key jsonb NOT NULL,
  quarantined_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  restored_at timestamptz
);

CREATE INDEX quarantine_repair_idx ON chain.quarantine (repair_id, id);
