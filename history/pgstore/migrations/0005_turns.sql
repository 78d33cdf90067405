-- The last attempt of each lane of a gateway to change presence: what comes late of
-- an earlier one is a copy of what has been said again since. See history.Turn.
CREATE TABLE turns (
	gateway uuid NOT NULL,
	lane    int NOT NULL,
	turn    bigint NOT NULL,
	PRIMARY KEY (gateway, lane)
) WITH (fillfactor = 20);

-- move_in_turn is move_sessions for an attempt of which none of the same lane was
-- seen that is later; else nothing applies. p_turn 0: it is nobody's.
CREATE FUNCTION move_in_turn(p_gateway uuid, p_lane int, p_turn bigint,
	p_actions smallint[], p_rooms int[], p_uuids uuid[], p_sessions uuid[], p_gateways uuid[],
	p_names text[], p_epochs bigint[], p_quiets bigint[], p_ids uuid[], p_now bigint)
RETURNS TABLE (r_ordinal bigint, r_applied boolean, r_epoch bigint, r_first boolean, r_members int,
	r_kind smallint, r_name text, r_body text, r_seq bigint, r_unixtime bigint) LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF p_turn > 0 THEN
		INSERT INTO turns AS t (gateway, lane, turn) VALUES (p_gateway, p_lane, p_turn)
		ON CONFLICT (gateway, lane) DO UPDATE SET turn = excluded.turn WHERE t.turn <= excluded.turn;
		IF NOT FOUND THEN
			RETURN QUERY SELECT n, false, 0::bigint, false, 0, NULL::smallint, NULL::text, NULL::text, NULL::bigint, NULL::bigint
			FROM generate_series(1, cardinality(p_actions)::bigint) AS n;
			RETURN;
		END IF;
	END IF;
	RETURN QUERY SELECT * FROM move_sessions(p_actions, p_rooms, p_uuids, p_sessions, p_gateways, p_names, p_epochs, p_quiets, p_ids, p_now);
END
$$;
