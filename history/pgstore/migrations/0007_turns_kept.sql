-- A lane's last turn outlives the retirement of its gateway, which may live (see
-- history.Turn), and is forgotten when it is old.
ALTER TABLE turns ADD COLUMN taken_at bigint NOT NULL DEFAULT floor(extract(epoch FROM now()))::bigint; -- unix seconds

-- move_in_turn notes when.
CREATE OR REPLACE FUNCTION move_in_turn(p_gateway uuid, p_lane int, p_turn bigint,
	p_actions smallint[], p_rooms int[], p_uuids uuid[], p_sessions uuid[], p_gateways uuid[],
	p_names text[], p_epochs bigint[], p_quiets bigint[], p_ids uuid[], p_now bigint)
RETURNS TABLE (r_ordinal bigint, r_applied boolean, r_epoch bigint, r_first boolean, r_members int,
	r_kind smallint, r_name text, r_body text, r_seq bigint, r_unixtime bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF p_turn > 0 THEN
		INSERT INTO turns AS t (gateway, lane, turn, taken_at) VALUES (p_gateway, p_lane, p_turn, clock_seconds(p_now))
		ON CONFLICT (gateway, lane) DO UPDATE SET turn = excluded.turn, taken_at = excluded.taken_at WHERE t.turn <= excluded.turn;
		IF NOT FOUND THEN
			RETURN QUERY SELECT n, false, 0::bigint, false, 0, NULL::smallint, NULL::text, NULL::text, NULL::bigint, NULL::bigint
			FROM generate_series(1, cardinality(p_actions)::bigint) AS n;
			RETURN;
		END IF;
	END IF;
	RETURN QUERY SELECT * FROM move_sessions(p_actions, p_rooms, p_uuids, p_sessions, p_gateways, p_names, p_epochs, p_quiets, p_ids, p_now);
END
$$;
