//go:build integration

package devcluster_test

import (
	"os"
	"path/filepath"
	"testing"

	"tuitalk/deploy/devcluster"
	"tuitalk/deploy/postgres"
)

// PostgreSQL finds nothing wrong in the files that only a fleet uses.
func TestPostgresTakesTheFleetsFiles(t *testing.T) {
	t.Parallel()
	p := startPostgres(t, devcluster.PostgresOptions{})
	data := filepath.Join(p.Dir(), "data")
	appendTo := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(data, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	appendTo("postgresql.conf", postgres.Replication)
	appendTo("pg_hba.conf", postgres.HBA)
	for question, want := range map[string]string{
		`SELECT count(*) FROM pg_file_settings WHERE name = 'synchronous_standby_names'`: "1",
		// What takes a restart is not applied, which is no fault of the file.
		`SELECT string_agg(name || ': ' || error, '; ') FROM pg_file_settings WHERE error <> 'setting could not be applied'`: "",
		`SELECT count(*) FROM pg_hba_file_rules WHERE 'tuitalk_replica' = ANY(user_name)`:                                    "2",
		// The test's server has no certificate, and need not have one.
		`SELECT string_agg(error, '; ') FROM pg_hba_file_rules WHERE error !~ 'SSL is disabled'`: "",
	} {
		if got, err := query(t, p, question); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", question, got, err, want)
		}
	}
}
