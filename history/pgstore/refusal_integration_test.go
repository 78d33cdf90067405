//go:build integration

package pgstore

import (
	"errors"
	"fmt"
	"testing"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// objecting makes a trigger on entries and members that objects with a code:
// to all, or to those of which when is true.
func objecting(t *testing.T, dsn, code, kind, when string) (stop func()) {
	t.Helper()
	execute(t, dsn, fmt.Sprintf(`CREATE FUNCTION object() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF %s THEN RAISE 'no' USING ERRCODE = '%s'; END IF; RETURN NEW; END $$`, when, code))
	for _, table := range []string{"entries", "members"} {
		if kind == "deferred" {
			execute(t, dsn, `CREATE CONSTRAINT TRIGGER object AFTER INSERT ON `+table+
				` DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION object()`)
		} else {
			execute(t, dsn, `CREATE TRIGGER object BEFORE INSERT ON `+table+` FOR EACH ROW EXECUTE FUNCTION object()`)
		}
	}
	return func() { execute(t, dsn, `DROP FUNCTION object CASCADE`) }
}

// TestNothingIsRefusedWhileNothingIsTaken: a server that takes no entry at all
// has refused none, whatever it says. 54000 is what it says before transaction
// ids wrap around, 23514 where a partition is missing.
func TestNothingIsRefusedWhileNothingIsTaken(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"at once", "deferred"} {
		for _, code := range []string{"54000", "23514", "22003", "23503", "P0001", "53100", "42501"} {
			dsn := newSchema(t)
			s := open(t, dsn, Options{})
			fill(t, s, "before", 3, 1)
			stop := objecting(t, dsn, code, kind, `true`)
			entries := posts("x", 10, 1)
			if results, err := s.Append(t.Context(), entries); !errors.Is(err, history.ErrUnavailable) || errors.Is(err, history.ErrBadEntry) {
				t.Errorf("%s %s: %+v, %v", code, kind, results, err)
			}
			moves := []history.Move{history.ProbeMove(0), history.ProbeMove(0)}
			if moved, err := s.Move(t.Context(), moves); !errors.Is(err, history.ErrUnavailable) {
				t.Errorf("%s %s: move: %+v, %v", code, kind, moved, err)
			}
			stop()
			results, err := s.Append(t.Context(), entries)
			if err != nil {
				t.Fatalf("%s %s: afterwards: %v", code, kind, err)
			}
			for i, r := range results {
				if r.Err != nil || r.Seq != int64(4+i) {
					t.Errorf("%s %s: afterwards entry %d: %+v", code, kind, i, r)
				}
			}
			s.Close()
		}
	}
}

// TestOnlyTheGuiltyIsRefused: what the server does not take of one entry alone
// is refused, and no probe stays behind.
func TestOnlyTheGuiltyIsRefused(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"54000", "23514", "22021", "P0001"} {
		dsn := newSchema(t)
		s := open(t, dsn, Options{})
		objecting(t, dsn, code, "at once", `to_jsonb(NEW)->>'body' = 'bad'`)
		entries := append(posts("x", 10, 1), historytest.Post(0, "ada", "bad", "bad"), historytest.Post(0, "ada", "last", "good"))
		results, err := s.Append(t.Context(), entries)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if guilty := entries[i].Text == "bad"; errors.Is(r.Err, history.ErrBadEntry) != guilty || (r.Seq > 0) == guilty {
				t.Errorf("%s: entry %d: %+v", code, i, r)
			}
		}
		log, err := historytest.ReadLog(t.Context(), s, 0)
		if err != nil || len(log) != 11 {
			t.Errorf("%s: %d entries, %v", code, len(log), err)
		}
		if room, err := s.Room(t.Context(), 0, talk.MaxListed); err != nil || room.Count != 0 {
			t.Errorf("%s: %+v, %v", code, room, err)
		}
		s.Close()
	}
}

// TestUniqueKeys: an operator's unique key refuses the entry that violates it, and
// nothing else. One of the schema's own is violated only where the data is damaged.
func TestUniqueKeys(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	s := open(t, dsn, Options{})
	execute(t, dsn, `CREATE UNIQUE INDEX once ON entries (body) WHERE body = 'once'`)
	entries := []talk.Entry{
		historytest.Post(0, "ada", "a", "once"), historytest.Post(0, "ada", "b", "more"),
		historytest.Post(0, "ada", "c", "once"), historytest.Post(1, "ada", "d", "more"),
	}
	results, err := s.Append(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if guilty := i == 2; errors.Is(r.Err, history.ErrBadEntry) != guilty || (r.Seq > 0) == guilty {
			t.Errorf("entry %d: %+v", i, r)
		}
	}
	rows := func(sql string) (n int) {
		if err := s.query(t.Context(), s.reads, "count", func(r row) error { return r.Scan(&n) }, sql); err != nil {
			t.Fatal(err)
		}
		return n
	}
	keys := rows(`SELECT count(*) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
		WHERE x.indisunique AND c.relnamespace = current_schema()::regnamespace AND i.relname NOT IN ('once', 'tuitalk_schema_pkey', 'users_pkey')`)
	if keys != len(ownKeys) {
		t.Errorf("the schema has %d unique keys, and %d are known", keys, len(ownKeys))
	}
	execute(t, dsn, `UPDATE rooms SET head_seq = 1 WHERE room_id = 0`)
	if _, err := s.Append(t.Context(), []talk.Entry{historytest.Post(0, "ada", "e", "on a damaged room")}); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("a damaged room: %v", err)
	}
}
