-- One row per room that ever had an entry or a member.
CREATE TABLE rooms (
	room_id   INTEGER PRIMARY KEY CHECK (room_id BETWEEN -2147483648 AND 2147483647),
	head_seq  INTEGER NOT NULL,  -- seq of the newest entry, 0: none
	last_time INTEGER NOT NULL,  -- unixtime of the newest entry, 0: none
	epochs    INTEGER NOT NULL,  -- the last epoch that was given to a session
	members   INTEGER NOT NULL CHECK (members >= 0),
	silent    INTEGER NOT NULL CHECK (silent BETWEEN 0 AND members)  -- members with silent = 1
) STRICT;

-- The log. Rows are only ever added.
CREATE TABLE entries (
	room_id  INTEGER NOT NULL,
	seq      INTEGER NOT NULL CHECK (seq > 0),
	author   BLOB NOT NULL CHECK (length(author) = 16 AND author <> zeroblob(16)),
	id       BLOB NOT NULL CHECK (length(id) = 16 AND id <> zeroblob(16)),
	kind     INTEGER NOT NULL CHECK (kind IN (0, 1, 2, 4)),  -- talk.Kind
	name     TEXT NOT NULL CHECK (octet_length(name) <= 64 AND instr(name, char(0)) = 0),
	body     TEXT NOT NULL CHECK (octet_length(body) <= 4000 AND instr(body, char(0)) = 0),
	unixtime INTEGER NOT NULL CHECK (unixtime >= 0),
	sent_at  INTEGER NOT NULL CHECK (sent_at >= 0),  -- 0 unless it waited in the spool
	PRIMARY KEY (room_id, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entries_ids ON entries (room_id, author, id);
CREATE INDEX entries_times ON entries (room_id, unixtime, seq);

-- Who is in a room: one row per user, however many windows he has.
CREATE TABLE members (
	room_id INTEGER NOT NULL,
	uuid    BLOB NOT NULL CHECK (length(uuid) = 16 AND uuid <> zeroblob(16)),
	name    TEXT NOT NULL CHECK (octet_length(name) <= 64 AND instr(name, char(0)) = 0),
	joined  INTEGER NOT NULL,  -- epoch of the Enter that made the row: the order of joining
	silent  INTEGER NOT NULL CHECK (silent IN (0, 1)),
	PRIMARY KEY (room_id, uuid)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX members_order ON members (room_id, joined);
CREATE INDEX members_silent ON members (room_id) WHERE silent = 1;

CREATE TABLE sessions (
	room_id   INTEGER NOT NULL,
	uuid      BLOB NOT NULL,
	session   BLOB NOT NULL CHECK (length(session) = 16 AND session <> zeroblob(16)),
	gateway   BLOB NOT NULL CHECK (length(gateway) = 16 AND gateway <> zeroblob(16)),
	epoch     INTEGER NOT NULL,
	entered   BLOB NOT NULL CHECK (length(entered) = 16),  -- EntryID of the Enter that gave the epoch
	broken_at INTEGER,  -- unix seconds; NULL while the connection is there
	PRIMARY KEY (room_id, uuid, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_gateway ON sessions (gateway) WHERE broken_at IS NULL;
CREATE INDEX sessions_broken ON sessions (room_id, uuid, session) WHERE broken_at IS NOT NULL;

-- UUIDs that no gateway made.
CREATE TABLE users (
	uuid      BLOB PRIMARY KEY CHECK (length(uuid) = 16 AND uuid <> zeroblob(16)),
	has_token INTEGER NOT NULL CHECK (has_token IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
	gateway BLOB PRIMARY KEY CHECK (length(gateway) = 16 AND gateway <> zeroblob(16)),
	beat    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- beats: the last beat that any lease had, so that a lease which was retired
-- and comes back has a greater one than before. probes: writes made by Check.
CREATE TABLE counters (
	name  TEXT PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('beats', 0), ('probes', 0);
