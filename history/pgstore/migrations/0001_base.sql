-- One row per room that ever had an entry or a member. Only columns without an
-- index change, and every page keeps room, so that updates are HOT: they touch
-- no index and leave nothing for VACUUM.
CREATE TABLE rooms (
	room_id   int PRIMARY KEY,
	head_seq  bigint NOT NULL DEFAULT 0 CHECK (head_seq >= 0),  -- seq of the newest entry, 0: none
	last_time bigint NOT NULL DEFAULT 0 CHECK (last_time >= 0), -- unixtime of the newest entry, 0: none
	epochs    bigint NOT NULL DEFAULT 0 CHECK (epochs >= 0),    -- the last epoch that was given to a session
	members   int NOT NULL DEFAULT 0,
	silent    int NOT NULL DEFAULT 0,                           -- members with silent = true
	CHECK (silent BETWEEN 0 AND members)
) WITH (fillfactor = 40);

-- The log. Rows are only ever added.
CREATE TABLE entries (
	seq      bigint NOT NULL CHECK (seq > 0),
	unixtime bigint NOT NULL CHECK (unixtime >= 0),
	sent_at  bigint NOT NULL CHECK (sent_at >= 0),     -- 0 unless it waited in the spool
	room_id  int NOT NULL,
	kind     smallint NOT NULL CHECK (kind IN (0, 1, 2, 4)), -- talk.Kind
	author   uuid NOT NULL CHECK (author <> '00000000-0000-0000-0000-000000000000'),
	id       uuid NOT NULL CHECK (id <> '00000000-0000-0000-0000-000000000000'),
	name     text NOT NULL CHECK (octet_length(name) <= 64),
	body     text NOT NULL CHECK (octet_length(body) <= 4000),
	PRIMARY KEY (room_id, seq)
);
CREATE UNIQUE INDEX entries_ids ON entries (room_id, author, id);
CREATE INDEX entries_times ON entries (room_id, unixtime, seq);

-- Who is in a room: one row per user, however many windows he has.
CREATE TABLE members (
	room_id int NOT NULL,
	uuid    uuid NOT NULL CHECK (uuid <> '00000000-0000-0000-0000-000000000000'),
	joined  bigint NOT NULL,  -- epoch of the Enter that made the row: the order of joining
	silent  boolean NOT NULL,
	name    text NOT NULL CHECK (octet_length(name) <= 64),
	PRIMARY KEY (room_id, uuid)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX members_order ON members (room_id, joined);
CREATE INDEX members_silent ON members (room_id) WHERE silent;

CREATE TABLE sessions (
	epoch     bigint NOT NULL,
	broken_at bigint,         -- unix seconds; NULL while the connection is there
	room_id   int NOT NULL,
	uuid      uuid NOT NULL,
	session   uuid NOT NULL CHECK (session <> '00000000-0000-0000-0000-000000000000'),
	gateway   uuid NOT NULL CHECK (gateway <> '00000000-0000-0000-0000-000000000000'),
	entered   uuid NOT NULL,  -- EntryID of the Enter that gave the epoch
	PRIMARY KEY (room_id, uuid, session)
) WITH (fillfactor = 70);
CREATE INDEX sessions_gateway ON sessions (gateway, room_id) WHERE broken_at IS NULL;
CREATE INDEX sessions_broken ON sessions (room_id, uuid, session) WHERE broken_at IS NOT NULL;

-- UUIDs that no gateway made.
CREATE TABLE users (
	uuid      uuid PRIMARY KEY CHECK (uuid <> '00000000-0000-0000-0000-000000000000'),
	has_token boolean NOT NULL
) WITH (fillfactor = 90);

-- beats never runs back, so that a lease which was retired and comes back has a
-- greater beat than before.
CREATE SEQUENCE beats;
CREATE TABLE leases (
	gateway uuid PRIMARY KEY CHECK (gateway <> '00000000-0000-0000-0000-000000000000'),
	beat    bigint NOT NULL
) WITH (fillfactor = 20);

-- What Check writes: each gateway a row of its own, so that they never wait for
-- one another.
CREATE TABLE probes (
	slot  int PRIMARY KEY,
	value bigint NOT NULL
) WITH (fillfactor = 20);

-- lock_rooms locks rooms in ascending order until the end of the transaction,
-- and makes those that are missing. Two transactions that lock so, before they
-- lock anything else, cannot deadlock: rows are inserted in ascending order too,
-- and who has come to locking waits only for others who have.
CREATE FUNCTION lock_rooms(p_rooms int[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	INSERT INTO rooms (room_id) SELECT DISTINCT r FROM unnest(p_rooms) AS r ORDER BY r ON CONFLICT DO NOTHING;
	PERFORM FROM rooms WHERE room_id = ANY (p_rooms) ORDER BY room_id FOR NO KEY UPDATE;
END
$$;

CREATE FUNCTION clock_seconds(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT coalesce(p_now, floor(extract(epoch FROM clock_timestamp()))::bigint)
$$;

-- append_entries is history.Store's Append: it stores posts, the n-th element
-- of each array being the n-th post. p_now is the time in unix seconds, NULL for
-- the server's own. Locking is a statement of its own: what follows has a newer
-- snapshot and so sees all that was stored by those it has waited for.
CREATE FUNCTION append_entries(p_rooms int[], p_authors uuid[], p_ids uuid[], p_names text[], p_bodies text[],
	p_sent bigint[], p_now bigint)
RETURNS TABLE (r_ordinal bigint, r_seq bigint, r_unixtime bigint, r_repeat boolean) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now bigint;
BEGIN
	PERFORM lock_rooms(p_rooms);
	v_now := clock_seconds(p_now);
	RETURN QUERY
	WITH batch AS MATERIALIZED (
		SELECT b.*, e.seq AS known_seq, e.unixtime AS known_time,
			e.seq IS NULL AND row_number() OVER (PARTITION BY b.room_id, b.author, b.id ORDER BY b.n) = 1 AS fresh
		FROM unnest(p_rooms, p_authors, p_ids, p_names, p_bodies, p_sent)
			WITH ORDINALITY AS b (room_id, author, id, name, body, sent_at, n)
		LEFT JOIN entries e ON e.room_id = b.room_id AND e.author = b.author AND e.id = b.id
	), numbered AS MATERIALIZED (
		SELECT b.*, (r.head_seq + count(*) FILTER (WHERE b.fresh) OVER (PARTITION BY b.room_id ORDER BY b.n)) AS next_seq,
			greatest(v_now, r.last_time) AS next_time
		FROM batch b JOIN rooms r ON r.room_id = b.room_id
	), written AS (
		INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
		SELECT room_id, next_seq, author, id, 4, name, body, next_time, sent_at FROM numbered WHERE fresh ORDER BY room_id, n
	), moved AS (
		UPDATE rooms r SET head_seq = m.seq, last_time = m.unixtime
		FROM (SELECT room_id, max(next_seq) AS seq, max(next_time) AS unixtime FROM numbered WHERE fresh GROUP BY room_id) m
		WHERE r.room_id = m.room_id
	)
	SELECT n, coalesce(known_seq, first_value(next_seq) OVER (PARTITION BY room_id, author, id ORDER BY n)),
		coalesce(known_time, next_time), NOT fresh
	FROM numbered;
END
$$;

-- move_sessions is history.Store's Move; actions are numbered as history.Action.
-- The rules stand in the comment of package history. Rooms do not depend on one
-- another, so that the moves are done room by room, each room's in their order,
-- and the row of a room is written once.
CREATE FUNCTION move_sessions(p_actions smallint[], p_rooms int[], p_uuids uuid[], p_sessions uuid[], p_gateways uuid[],
	p_names text[], p_epochs bigint[], p_quiets bigint[], p_ids uuid[], p_now bigint)
RETURNS TABLE (r_ordinal bigint, r_applied boolean, r_epoch bigint, r_first boolean, r_members int,
	r_kind smallint, r_name text, r_body text, r_seq bigint, r_unixtime bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	c_enter CONSTANT smallint := 0;
	c_leave CONSTANT smallint := 1;
	c_break CONSTANT smallint := 2;
	c_rename CONSTANT smallint := 3;
	c_joined CONSTANT smallint := 0;  -- talk.Kind
	c_left CONSTANT smallint := 1;
	c_renamed CONSTANT smallint := 2;
	v_now bigint;
	m record;          -- the move
	v_room rooms;
	v_session sessions;
	v_member members;
	v_prior entries;   -- what the move's id names
	v_kind smallint;   -- the entry to write, NULL for none
	v_name text;
	v_body text;
	v_repeat boolean;
	v_current boolean; -- the move means the session as it is
BEGIN
	PERFORM lock_rooms(p_rooms);
	v_now := clock_seconds(p_now);
	FOR m IN
		SELECT b.* FROM unnest(p_actions, p_rooms, p_uuids, p_sessions, p_gateways, p_names, p_epochs, p_quiets, p_ids)
			WITH ORDINALITY AS b (action, room_id, uuid, session, gateway, name, epoch, quiet, id, n)
		ORDER BY b.room_id, b.n
	LOOP
		IF v_room.room_id IS DISTINCT FROM m.room_id THEN
			PERFORM save_room(v_room);
			SELECT * INTO STRICT v_room FROM rooms WHERE room_id = m.room_id;
		END IF;
		SELECT * INTO v_session FROM sessions WHERE room_id = m.room_id AND uuid = m.uuid AND session = m.session;
		SELECT * INTO v_member FROM members WHERE room_id = m.room_id AND uuid = m.uuid;
		v_prior := NULL;
		IF m.action <> c_break THEN
			SELECT * INTO v_prior FROM entries WHERE room_id = m.room_id AND author = m.uuid AND id = m.id;
		END IF;
		IF v_session.epoch IS NOT NULL AND v_member.uuid IS NULL THEN
			RAISE 'a session is in a room without its user' USING ERRCODE = 'data_corrupted';
		END IF;
		IF v_prior.kind NOT IN (c_joined, c_renamed) AND m.action = c_enter
			OR v_prior.kind <> c_left AND m.action = c_leave
			OR v_prior.kind <> c_renamed AND m.action = c_rename
		THEN
			RAISE 'the id is that of another entry' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		r_ordinal := m.n;
		r_applied := false;
		r_epoch := 0;
		r_first := false;
		v_kind := NULL;
		v_current := v_session.epoch IS NOT DISTINCT FROM m.epoch;

		IF m.action = c_enter THEN
			v_repeat := coalesce(v_session.entered = m.id AND v_session.gateway = m.gateway, false);
			IF v_prior.seq IS NOT NULL AND NOT v_repeat THEN
				NULL; -- it was done, and the session has moved on since
			ELSIF v_repeat AND v_session.broken_at IS NULL THEN
				r_applied := true;
				r_epoch := v_session.epoch;
				r_first := v_member.joined = v_session.epoch;
			ELSE
				v_room.epochs := v_room.epochs + 1;
				r_applied := true;
				r_epoch := v_room.epochs;
				INSERT INTO sessions (room_id, uuid, session, gateway, epoch, entered)
				VALUES (m.room_id, m.uuid, m.session, m.gateway, v_room.epochs, m.id)
				ON CONFLICT (room_id, uuid, session) DO UPDATE
				SET gateway = excluded.gateway, epoch = excluded.epoch, entered = excluded.entered, broken_at = NULL;
				IF v_member.uuid IS NULL THEN
					r_first := true;
					v_room.members := v_room.members + 1;
					INSERT INTO members (room_id, uuid, name, joined, silent)
					VALUES (m.room_id, m.uuid, m.name, v_room.epochs, v_room.members > m.quiet);
					IF v_room.members > m.quiet THEN
						v_room.silent := v_room.silent + 1;
					ELSE
						v_kind := c_joined;
						v_name := m.name;
						v_body := '';
					END IF;
				ELSIF NOT v_repeat AND v_member.name <> m.name THEN
					UPDATE members SET name = m.name WHERE room_id = m.room_id AND uuid = m.uuid;
					IF NOT v_member.silent OR v_room.members <= m.quiet THEN
						v_kind := c_renamed;
						v_name := m.name;
						v_body := v_member.name;
					END IF;
				END IF;
			END IF;

		ELSIF m.action = c_leave THEN
			IF v_prior.seq IS NOT NULL THEN
				r_applied := true;
				r_first := true;
			ELSIF v_current THEN
				r_applied := true;
				DELETE FROM sessions WHERE room_id = m.room_id AND uuid = m.uuid AND session = m.session;
				IF NOT EXISTS (SELECT FROM sessions WHERE room_id = m.room_id AND uuid = m.uuid) THEN
					r_first := true;
					DELETE FROM members WHERE room_id = m.room_id AND uuid = m.uuid;
					IF NOT v_member.silent OR v_room.members <= m.quiet THEN
						v_kind := c_left;
						v_name := v_member.name;
						v_body := '';
					END IF;
					v_room.members := v_room.members - 1;
					v_room.silent := v_room.silent - v_member.silent::int;
				END IF;
			END IF;

		ELSIF m.action = c_break THEN
			IF v_current THEN
				r_applied := true;
				UPDATE sessions SET broken_at = v_now
				WHERE room_id = m.room_id AND uuid = m.uuid AND session = m.session AND broken_at IS NULL;
			END IF;

		ELSIF m.action = c_rename THEN
			r_applied := v_prior.seq IS NOT NULL OR v_current;
			IF v_prior.seq IS NULL AND v_current AND v_member.name <> m.name THEN
				UPDATE members SET name = m.name WHERE room_id = m.room_id AND uuid = m.uuid;
				v_kind := c_renamed;
				v_name := m.name;
				v_body := v_member.name;
			END IF;
		END IF;

		IF v_kind IS NOT NULL THEN
			v_room.head_seq := v_room.head_seq + 1;
			v_room.last_time := greatest(v_now, v_room.last_time);
			INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
			VALUES (m.room_id, v_room.head_seq, m.uuid, m.id, v_kind, v_name, v_body, v_room.last_time, 0)
			RETURNING * INTO STRICT v_prior;
		END IF;
		IF m.action IN (c_enter, c_leave) AND r_applied AND v_room.silent > 0 AND v_room.members <= m.quiet THEN
			UPDATE members SET silent = false WHERE room_id = m.room_id AND silent;
			v_room.silent := 0;
		END IF;
		r_members := v_room.members;
		r_kind := v_prior.kind;
		r_name := v_prior.name;
		r_body := v_prior.body;
		r_seq := v_prior.seq;
		r_unixtime := v_prior.unixtime;
		RETURN NEXT;
	END LOOP;
	PERFORM save_room(v_room);
END
$$;

-- save_room writes back the row of a room that is locked; none if it is NULL.
CREATE FUNCTION save_room(p_room rooms) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	UPDATE rooms SET head_seq = p_room.head_seq, last_time = p_room.last_time, epochs = p_room.epochs,
		members = p_room.members, silent = p_room.silent
	WHERE room_id = p_room.room_id AND rooms IS DISTINCT FROM p_room;
END
$$;

-- retire_sessions marks sessions of a gateway as broken, those of some rooms at
-- a time so that nobody waits for long, and returns how many; 0: all are.
CREATE FUNCTION retire_sessions(p_gateway uuid, p_limit int, p_now bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_rooms int[];
	v_done bigint;
BEGIN
	SELECT array_agg(DISTINCT s.room_id) INTO v_rooms FROM (
		SELECT room_id FROM sessions WHERE gateway = p_gateway AND broken_at IS NULL ORDER BY room_id LIMIT p_limit) s;
	IF v_rooms IS NULL THEN
		RETURN 0;
	END IF;
	PERFORM lock_rooms(v_rooms);
	UPDATE sessions SET broken_at = clock_seconds(p_now)
	WHERE gateway = p_gateway AND broken_at IS NULL AND room_id = ANY (v_rooms);
	GET DIAGNOSTICS v_done = ROW_COUNT;
	RETURN greatest(v_done, 1); -- those found may have left meanwhile
END
$$;
