//go:build integration

package devcluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tuitalk/deploy/devcluster"
)

func startStandby(t *testing.T, p *devcluster.Postgres, options devcluster.PostgresOptions) *devcluster.Postgres {
	t.Helper()
	s, err := p.StartStandby(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answers checks what a server says.
func answers(t *testing.T, p *devcluster.Postgres, question, want string) {
	t.Helper()
	if got, err := query(t, p, question); err != nil || got != want {
		t.Errorf("%s: %q, %v; want %q", question, got, err, want)
	}
}

const standbysQuery = `SELECT string_agg(application_name || ' ' || sync_state, ', ' ORDER BY application_name) FROM pg_stat_replication`

func TestPostgresStandby(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{Settings: map[string]string{"work_mem": "7MB"}})
	answers(t, p, `CREATE TABLE kept (n int)`, "CREATE TABLE")
	answers(t, p, `SHOW synchronous_standby_names`, "")
	dir := clusterDir(t)
	first := startStandby(t, p, devcluster.PostgresOptions{Dir: filepath.Join(dir, "first")})
	answers(t, p, standbysQuery, "tuitalk2 quorum")
	answers(t, p, `SHOW synchronous_standby_names`, "ANY 1 (tuitalk1, tuitalk2, tuitalk3)")
	answers(t, first, `SELECT pg_is_in_recovery() || ' ' || current_setting('work_mem')`, "true 7MB")
	second := startStandby(t, p, devcluster.PostgresOptions{})
	answers(t, p, standbysQuery, "tuitalk2 quorum, tuitalk3 quorum")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}

	// One that comes back gets what it has missed.
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	answers(t, p, `BEGIN; SET LOCAL synchronous_commit = local; INSERT INTO kept VALUES (1); COMMIT`, "BEGIN\nSET\nINSERT 0 1\nCOMMIT")
	for range 3 { // without a slot the first pieces of the log would be gone
		answers(t, p, `SELECT pg_switch_wal() IS NULL`, "f")
		answers(t, p, `CHECKPOINT`, "CHECKPOINT")
	}
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.AwaitStandby(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, p, `INSERT INTO kept VALUES (2)`, "INSERT 0 1") // waits for it

	if err := p.Promote(t.Context()); err == nil || !strings.Contains(err.Error(), "no standby") {
		t.Errorf("a primary was promoted: %v", err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, first, `INSERT INTO kept VALUES (3)`, "INSERT 0 1") // waits for nobody
	answers(t, first, `SELECT string_agg(n::text, ' ' ORDER BY n) FROM kept`, "1 2 3")

	// It can have standbys in turn.
	third := startStandby(t, first, devcluster.PostgresOptions{})
	answers(t, first, standbysQuery, "tuitalk3 quorum")
	answers(t, first, `INSERT INTO kept VALUES (4)`, "INSERT 0 1")
	answers(t, third, `SHOW synchronous_standby_names`, "ANY 1 (tuitalk1, tuitalk2, tuitalk3)")
}

// A standby's directory is used again, at another port as well, and only one's.
func TestPostgresStandbyComesBack(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{})
	dir := clusterDir(t)
	s := startStandby(t, p, devcluster.PostgresOptions{Dir: dir})
	mark := filepath.Join(dir, "data", "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if other, err := devcluster.StartPostgres(t.Context(), devcluster.PostgresOptions{Dir: dir}); err == nil {
		other.Close()
		t.Error("a standby's data were used for a primary")
	} else if !strings.Contains(err.Error(), "data of a standby") {
		t.Error(err)
	}
	if err := p.Restart(t.Context()); err != nil { // it knows by its files that it has standbys
		t.Fatal(err)
	}
	answers(t, p, `SHOW synchronous_standby_names`, "ANY 1 (tuitalk1, tuitalk2, tuitalk3)")
	s = startStandby(t, p, devcluster.PostgresOptions{Dir: dir})
	if _, err := os.Stat(mark); err != nil {
		t.Errorf("its data were copied again: %v", err)
	}
	if err := s.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if other, err := p.StartStandby(t.Context(), devcluster.PostgresOptions{Dir: dir}); err == nil {
		other.Close()
		t.Error("a primary's data were used")
	} else if !strings.Contains(err.Error(), "data of a primary") {
		t.Error(err)
	}
}
