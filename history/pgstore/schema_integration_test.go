//go:build integration

package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// posts makes n posts over some rooms.
func posts(name string, n, rooms int) []talk.Entry {
	entries := make([]talk.Entry, n)
	for i := range entries {
		entries[i] = historytest.Post(int32(i%rooms), "ada", fmt.Sprint(name, "/", i), "text")
	}
	return entries
}

// fill stores n entries over some rooms, in one batch.
func fill(t testing.TB, s *Store, name string, n, rooms int) {
	t.Helper()
	if _, err := s.Append(t.Context(), posts(name, n, rooms)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	for range 3 {
		dsn := newSchema(t)
		stores, errs := make([]*Store, 5), make([]error, 5)
		var wg sync.WaitGroup
		for i := range stores {
			wg.Go(func() { stores[i], errs[i] = Open(t.Context(), dsn, Options{}) })
		}
		wg.Wait()
		for i, s := range stores {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			fill(t, s, fmt.Sprint(i), 3, 1)
			s.Close()
		}
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	open(t, dsn, Options{}).Close()
	execute(t, dsn, `INSERT INTO tuitalk_schema (version) VALUES (99)`)
	if _, err := Open(t.Context(), dsn, Options{}); !errors.Is(err, history.ErrSchema) || !strings.Contains(err.Error(), "version 99") {
		t.Errorf("open: %v", err)
	}
}

// TestSchemaWhileADumpRuns: the change of the schema gives up, so that those who use
// the old one need not wait behind it until the dump ends.
func TestSchemaWhileADumpRuns(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	base, err := migrations.ReadFile("migrations/0001_base.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, string(base)+`;
		CREATE TABLE tuitalk_schema (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
		INSERT INTO tuitalk_schema (version) VALUES (1)`)
	dump, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer dump.Close(t.Context())
	if _, err := dump.Exec(t.Context(), `SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE sessions IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := Open(ctx, dsn, Options{}); !errors.Is(err, history.ErrUnavailable) || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("open: %v", err)
	}
	execute(t, dsn, `INSERT INTO users VALUES (gen_random_uuid(), true)`) // all is as it was
	if _, err := dump.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	fill(t, open(t, dsn, Options{}), "x", 3, 1)
}

// TestADatabaseOfAnOlderVersion: what a database of each older version holds is
// there afterwards, and goes on.
func TestADatabaseOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	base, err := migrations.ReadFile("migrations/0001_base.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, string(base)+`;
		CREATE TABLE tuitalk_schema (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
		INSERT INTO tuitalk_schema (version) VALUES (1);
		INSERT INTO users VALUES (gen_random_uuid(), true);
		INSERT INTO rooms VALUES (7, 1, 1000, 2, 1, 0);
		INSERT INTO entries (room_id, seq, author, id, kind, name, body, unixtime, sent_at)
			VALUES (7, 1, '11111111-1111-1111-1111-111111111111', gen_random_uuid(), 0, 'ada', '', 1000, 0);
		INSERT INTO members (room_id, uuid, name, joined, silent) VALUES (7, '11111111-1111-1111-1111-111111111111', 'ada', 1, false);
		INSERT INTO sessions (epoch, broken_at, room_id, uuid, session, gateway, entered)
			SELECT 1, 1000, 7, '11111111-1111-1111-1111-111111111111', u, u, u FROM (SELECT gen_random_uuid() FROM generate_series(1, 2)) AS v (u)`)
	s := open(t, dsn, Options{})
	broken, err := s.Broken(t.Context(), history.SessionKey{}, 10)
	if err != nil || len(broken) != 2 || broken[0].LeaveID == broken[1].LeaveID || broken[0].LeaveID.IsZero() || broken[1].LeaveID.IsZero() {
		t.Fatalf("broken: %+v, %v", broken, err)
	}
	var moves []history.Move
	for _, b := range broken {
		moves = append(moves, history.Move{Action: history.Leave, Key: b.SessionKey, Epoch: b.Epoch, EntryID: b.LeaveID, Quiet: 300})
	}
	moved, err := s.Move(t.Context(), moves)
	if err != nil || moved[1].Entry == nil || moved[1].Entry.Seq != 2 || moved[1].Entry.ID != broken[1].LeaveID {
		t.Errorf("leave: %+v, %v", moved, err)
	}
	fill(t, s, "x", 3, 1)
}

// TestSchemaRefuses goes around the check that all stores share: what the
// database refuses by itself is refused alone.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	s := open(t, newSchema(t), Options{})
	for name, spoil := range map[string]func(*talk.Entry){
		"NUL":          func(e *talk.Entry) { e.Text = "a\x00b" },
		"broken UTF-8": func(e *talk.Entry) { e.Name = "\xff" },
		"long text":    func(e *talk.Entry) { e.Text = strings.Repeat("é", 2001) },
		"long name":    func(e *talk.Entry) { e.Name = strings.Repeat("x", 65) },
		"no author":    func(e *talk.Entry) { e.Author = talk.UUID{} },
		"no id":        func(e *talk.Entry) { e.ID = talk.UUID{} },
		"sent at":      func(e *talk.Entry) { e.SentAt = 1 << 63 },
	} {
		entries := posts(name, 9, 1)
		spoil(&entries[4])
		before, err := s.Heads(t.Context(), []int32{0})
		if err != nil {
			t.Fatal(err)
		}
		results := make([]history.Result, len(entries))
		transactions := 0
		err = history.Batch{Len: len(entries), Check: func(int) error { return nil }, Apply: func(indices []int) error {
			transactions++
			return s.appendEntries(t.Context(), entries, indices, results)
		}, Probe: func(int) error { return s.probeAppend(t.Context(), 0) }, Refuse: func(i int, err error) { results[i] = history.Result{Err: err} }}.Bisect()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		seq := before[0].Seq
		for i, r := range results {
			if i == 4 {
				if !errors.Is(r.Err, history.ErrBadEntry) {
					t.Errorf("%s: %+v", name, r)
				}
			} else if seq++; r.Seq != seq {
				t.Errorf("%s: good entry %d: %+v, want seq %d", name, i, r, seq)
			}
		}
		if transactions < 3 {
			t.Errorf("%s: %d transactions: the database did not refuse it", name, transactions)
		}
	}
	if _, err := historytest.ReadLog(t.Context(), s, 0); err != nil {
		t.Error(err)
	}
}

// TestDurable: nothing is called stored that a loss of power would take.
func TestDurable(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		s := open(t, withSetting(t, newSchema(t), "synchronous_commit", setting), Options{})
		var got string
		if err := s.writes.query(t.Context(), func(r row) error { return r.Scan(&got) }, `SHOW synchronous_commit`); err != nil || got != want {
			t.Errorf("synchronous_commit = %s became %s; %v", setting, got, err)
		}
	}
}

// TestDamage has a room forget its newest entries: their seqs must not be given
// again.
func TestDamage(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	s := open(t, dsn, Options{})
	fill(t, s, "x", 10, 1)
	execute(t, dsn, `UPDATE rooms SET head_seq = 5`)
	if _, err := s.Append(t.Context(), posts("y", 3, 1)); !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("append: %v", err)
	}
	execute(t, dsn, `UPDATE rooms SET head_seq = 10; INSERT INTO sessions (epoch, room_id, uuid, session, gateway, entered)
		SELECT 1, 0, u, u, u, u FROM (VALUES ('11111111-1111-1111-1111-111111111111'::uuid)) AS v (u)`)
	user := talk.UUID([]byte(strings.Repeat("\x11", 16)))
	_, err := s.Move(t.Context(), []history.Move{{Action: history.Leave, Key: history.SessionKey{UUID: user, Session: user}, Epoch: 1, EntryID: user}})
	if !errors.Is(err, history.ErrCorrupt) {
		t.Errorf("leave: %v", err)
	}
}

// TestQueryPlans: every statement for reading goes by an index and sorts
// nothing that grows, with an empty database and with a full one.
func TestQueryPlans(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	s := open(t, dsn, Options{})
	for _, rows := range []int{0, 20_000} {
		if rows > 0 {
			fill(t, s, "x", rows, 5)
			execute(t, dsn, `ANALYZE`)
		}
		for name, query := range map[string]string{
			"After": afterQuery, "Before": beforeQuery, "SpanBefore": spanQuery, "EntryAt": entryAtQuery, "Broken": brokenQuery,
			"Heads": headsQuery, "Room": roomQuery, "Sessions": sessionsQuery,
		} {
			plan := explain(t, s, query)
			if strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Bitmap") || strings.Contains(plan, "Hash") ||
				(strings.Contains(plan, "Sort") && name != "Room") || !strings.Contains(plan, "Index Cond") {
				t.Errorf("%s with %d rows:\n%s", name, rows, plan)
			}
		}
	}
}

// explain returns the plan that the store's own connections use.
func explain(t *testing.T, s *Store, query string) string {
	t.Helper()
	params := 0
	for strings.Contains(query, fmt.Sprint("$", params+1)) {
		params++
	}
	var plan strings.Builder
	err := s.reads.with(t.Context(), func(conn *pgx.Conn) error {
		if _, err := conn.Exec(t.Context(), `PREPARE explained AS `+query); err != nil {
			return err
		}
		nulls := strings.TrimSuffix(strings.Repeat("NULL, ", params), ", ")
		rows, err := conn.Query(t.Context(), `EXPLAIN (COSTS OFF) EXECUTE explained (`+nulls+`)`, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				return err
			}
			plan.WriteString(line + "\n")
		}
		rows.Close()
		_, err = conn.Exec(t.Context(), `DEALLOCATE explained`)
		return errors.Join(rows.Err(), err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// TestNothingScans runs the functions with plans that were made when everything
// was empty, and then asks the server's statistics.
func TestNothingScans(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	s := open(t, dsn, Options{Writers: 1})
	const batches = 40
	for i := range batches {
		fill(t, s, fmt.Sprint("x", i), 500, 3)
	}
	s.Close()
	conn := connect(t, dsn)
	number := func(sql string) (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// The connection reports when it ends, which Close does not wait for.
	for number(`SELECT n_tup_ins::int FROM pg_stat_user_tables WHERE relid = 'entries'::regclass`) < batches*500 {
		execute(t, dsn, `SELECT pg_sleep(0.05)`)
	}
	// Making an index is a scan too.
	if n := number(`SELECT sum(seq_scan - (SELECT count(*) FROM pg_index WHERE indrelid = relid))::int
		FROM pg_stat_user_tables WHERE relid IN ('entries'::regclass, 'rooms'::regclass)`); n != 0 {
		t.Errorf("%d scans of whole tables", n)
	}
	if n := number(`SELECT idx_tup_read::int FROM pg_stat_user_indexes WHERE indexrelid = 'entries_pkey'::regclass`); n != 0 {
		t.Errorf("appending read %d entries by seq", n)
	}
	updates := number(`SELECT n_tup_upd::int FROM pg_stat_user_tables WHERE relid = 'rooms'::regclass`)
	hot := number(`SELECT n_tup_hot_upd::int FROM pg_stat_user_tables WHERE relid = 'rooms'::regclass`)
	if updates < batches*3 || hot != updates {
		t.Errorf("of %d updates of rooms %d were HOT", updates, hot)
	}
}

// TestSpanReadsNoEntries: the span of a second of 20,000 entries is found by a
// few steps down the indexes.
func TestSpanReadsNoEntries(t *testing.T) {
	t.Parallel()
	dsn := newSchema(t)
	s := open(t, dsn, Options{})
	fill(t, s, "x", 20_000, 1)
	execute(t, dsn, `VACUUM ANALYZE entries`)
	var lines []string
	err := s.reads.query(t.Context(), func(r row) error {
		var line string
		err := r.Scan(&line)
		lines = append(lines, line)
		return err
	}, `EXPLAIN (ANALYZE, BUFFERS) `+spanQuery, int32(0), int64(math.MaxInt64), int64(500))
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	pages := regexp.MustCompile(`Buffers: shared hit=(\d+)`).FindStringSubmatch(plan) // the first one is the sum
	if pages == nil {
		t.Fatal(plan)
	}
	if n, err := strconv.Atoi(pages[1]); err != nil || n > 30 {
		t.Errorf("%d pages:\n%s", n, plan)
	}
}
