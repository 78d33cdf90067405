-- All windows of a person, in whatever rooms: a session is in one room, and a name is
-- a person's.
CREATE INDEX sessions_people ON sessions (uuid);
