-- Other files that a seed was made of (\i, \ir, \copy): its content hash covers them too.
ALTER TABLE chain.seed_run ADD COLUMN files text[] NOT NULL DEFAULT '{}';
