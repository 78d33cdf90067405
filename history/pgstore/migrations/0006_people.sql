-- All windows of a person, in whatever rooms: a session is in one room, and a name is
-- a person's.
CREATE INDEX sessions_people ON sessions (uuid);

-- An Enter that keeps the name of who is a member already is action 4, and each Enter
-- says what the user is called.
DO $$
DECLARE
	c_load CONSTANT text := 'v_prior := NULL;';
	c_keep CONSTANT text := 'v_prior := NULL;
		IF v_member.uuid IS NOT NULL AND (m.action = 4 OR m.action = c_enter AND v_session.entered = m.id AND v_session.gateway = m.gateway) THEN
			m.name := v_member.name;
		END IF;
		IF m.action = 4 THEN
			m.action := c_enter;
		END IF;';
	c_name CONSTANT text := 'r_name := v_prior.name;';
	v_was text := pg_get_functiondef('move_sessions'::regproc);
BEGIN
	IF strpos(v_was, c_load) = 0 OR strpos(v_was, c_name) = 0 THEN
		RAISE 'move_sessions is not as this migration expects it';
	END IF;
	EXECUTE replace(replace(v_was, c_load, c_keep), c_name, 'r_name := coalesce(v_prior.name, m.name);');
END
$$;
