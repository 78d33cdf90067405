-- Identities prove themselves: nothing is kept of them.
DROP TABLE users;

-- The id of the KindLeft that ends a session on behalf of whoever it was, made of
-- random bytes with the row, and shown to nobody before: see history.Session.
ALTER TABLE sessions ADD COLUMN leave_id BLOB NOT NULL DEFAULT x'00000000000000000000000000000000'
	CHECK (length(leave_id) = 16);
UPDATE sessions SET leave_id = randomblob(16);
