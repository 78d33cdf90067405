-- An Enter with an epoch is a re-registration: it does not apply to a session that
-- somebody else has entered since. One condition of move_sessions gets wider.
DO $$
DECLARE
	c_old CONSTANT text := 'IF v_prior.seq IS NOT NULL AND NOT v_repeat THEN';
	c_new CONSTANT text := 'IF NOT v_repeat AND (v_prior.seq IS NOT NULL OR m.epoch > 0 AND coalesce(v_session.epoch > m.epoch, false)) THEN';
	v_was text := pg_get_functiondef('move_sessions'::regproc);
BEGIN
	IF strpos(v_was, c_old) = 0 THEN
		RAISE 'move_sessions is not as this migration expects it';
	END IF;
	EXECUTE replace(v_was, c_old, c_new);
END
$$;
