-- A clock that was ahead once leaves its time in the rooms that were written then:
-- time never runs back along seq. See "A clock that was wrong" in package history.

-- p_now is the latest time that it may be, NULL for any: the gateway's clock and
-- some, so that a server whose clock jumps ahead does not date entries by it.
CREATE OR REPLACE FUNCTION clock_seconds(p_now bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT least(p_now, floor(extract(epoch FROM clock_timestamp()))::bigint)
$$;

-- next_time is the time of the next entry of a room, which gets the given seq,
-- where the entry before it is of p_last. Where that is far ahead of the clock,
-- 500 entries make a second, so that no second grows for ever.
CREATE FUNCTION next_time(p_room int, p_seq bigint, p_last bigint, p_now bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
	SELECT CASE WHEN p_last <= p_now + 300 THEN greatest(p_now, p_last)
		ELSE p_last + (p_seq - coalesce((SELECT e.seq FROM entries e WHERE e.room_id = p_room AND e.unixtime >= p_last
			ORDER BY e.unixtime, e.seq LIMIT 1), p_seq)) / 500 END
$$;

CREATE OR REPLACE FUNCTION append_entries(p_rooms int[], p_authors uuid[], p_ids uuid[], p_names text[], p_bodies text[],
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
	), counted AS (
		SELECT b.*, (r.head_seq + count(*) FILTER (WHERE b.fresh) OVER (PARTITION BY b.room_id ORDER BY b.n)) AS next_seq, r.last_time
		FROM batch b JOIN rooms r ON r.room_id = b.room_id
	), numbered AS MATERIALIZED (
		SELECT c.*, CASE WHEN c.last_time <= v_now + 300 THEN greatest(v_now, c.last_time)
			ELSE next_time(c.room_id, c.next_seq, c.last_time, v_now) END AS next_time
		FROM counted c
	), written AS (
		INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
		SELECT n.room_id, n.next_seq, n.author, n.id, 4, n.name, n.body, n.next_time, n.sent_at FROM numbered n WHERE n.fresh ORDER BY n.room_id, n.n
	), moved AS (
		UPDATE rooms r SET head_seq = m.seq, last_time = m.unixtime
		FROM (SELECT n.room_id, max(n.next_seq) AS seq, max(n.next_time) AS unixtime FROM numbered n WHERE n.fresh GROUP BY n.room_id) m
		WHERE r.room_id = m.room_id
	)
	SELECT n.n, coalesce(n.known_seq, first_value(n.next_seq) OVER (PARTITION BY n.room_id, n.author, n.id ORDER BY n.n)),
		coalesce(n.known_time, n.next_time), NOT n.fresh
	FROM numbered n;
END
$$;

-- move_sessions stays as it is, but for the time of the entries that it writes.
DO $$
DECLARE
	c_old CONSTANT text := 'v_room.last_time := greatest(v_now, v_room.last_time);';
	v_text text := pg_get_functiondef('move_sessions'::regproc);
BEGIN
	IF strpos(v_text, c_old) = 0 THEN
		RAISE 'move_sessions is not the one that this migration knows';
	END IF;
	EXECUTE replace(v_text, c_old, 'v_room.last_time := next_time(m.room_id, v_room.head_seq, v_room.last_time, v_now);');
END
$$;

-- mend_room gives the entries of a room that are of later than now times between
-- that of the last good one and now, evenly and in order, and returns how many.
CREATE FUNCTION mend_room(p_room int, p_now bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	v_now bigint;
	v_first bigint;
	v_count bigint;
	v_good bigint;
BEGIN
	PERFORM lock_rooms(ARRAY[p_room]);
	v_now := clock_seconds(p_now);
	SELECT seq INTO v_first FROM entries WHERE room_id = p_room AND unixtime > v_now ORDER BY unixtime, seq LIMIT 1;
	IF v_first IS NULL THEN
		RETURN 0;
	END IF;
	SELECT head_seq - v_first + 1 INTO STRICT v_count FROM rooms WHERE room_id = p_room;
	SELECT unixtime INTO v_good FROM entries WHERE room_id = p_room AND seq = v_first - 1;
	v_good := coalesce(v_good, greatest(0, v_now - v_count));
	UPDATE entries SET unixtime = v_good + (v_now - v_good) * (seq - v_first + 1) / v_count WHERE room_id = p_room AND seq >= v_first;
	UPDATE rooms SET last_time = v_now WHERE room_id = p_room;
	RETURN v_count;
END
$$;
