//go:build integration

package gateway_test

import (
	"os/exec"
	"strings"
	"testing"
)

// postgresBackup is one within the database, of all tables that a room consists of.
func postgresBackup(t *testing.T, dsn string) backup {
	t.Helper()
	tables := []string{"sessions", "members", "entries", "rooms"}
	run := func(statements []string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), "psql", "-q", "-v", "ON_ERROR_STOP=1", dsn, "-c", strings.Join(statements, "; "))
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	var save, restore []string
	for _, table := range tables {
		save = append(save, "CREATE TABLE saved_"+table+" AS TABLE "+table)
		restore = append(restore, "DELETE FROM "+table, "INSERT INTO "+table+" SELECT * FROM saved_"+table)
	}
	return backup{save: func() { run(save) }, restore: func() { run(restore) }} // each is one transaction
}

// TestPostgresGoesBack: as TestStoreGoesBack, with the real servers.
func TestPostgresGoesBack(t *testing.T) {
	t.Parallel()
	p := startParts(t)
	one, two := p.gateway(t, nil), p.gateway(t, nil)
	storeGoesBack(t, one, two, postgresBackup(t, p.pg.DSN()))
}
