-- A lane's last turn outlives the retirement of its gateway, which may live (see
-- history.Turn), and is forgotten when it is old: those of before soon, as their
-- processes have ended.
ALTER TABLE turns ADD COLUMN taken_at INTEGER NOT NULL DEFAULT 0; -- unix seconds
