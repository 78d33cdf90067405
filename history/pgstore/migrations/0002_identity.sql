-- Identities prove themselves: nothing is kept of them.
DROP TABLE users;

-- The id of the KindLeft that ends a session on behalf of whoever it was, made
-- with the row, and shown to nobody before: see history.Session.
ALTER TABLE sessions ADD COLUMN leave_id uuid NOT NULL DEFAULT gen_random_uuid();
