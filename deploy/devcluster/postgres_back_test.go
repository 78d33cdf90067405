//go:build integration

package devcluster_test

import (
	"testing"
)

// TestPostgresGoesBack: what was committed after the copy is gone from both servers,
// and is to be had from the data that were set aside.
func TestPostgresGoesBack(t *testing.T) {
	t.Parallel()
	pair := startPair(t, pairOptions(t)...)
	a := pair.Primary()
	answers(t, a, `CREATE TABLE kept AS SELECT 1 AS n`, "SELECT 1")
	if err := pair.GoBack(t.Context()); err == nil {
		t.Fatal("it went back to a copy that nobody has made")
	}
	if _, err := pair.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers(t, a, `INSERT INTO kept VALUES (2)`, "INSERT 0 1")
	if err := pair.GoBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	roles(t, pair, a)
	answers(t, a, allKept, "1")
	answers(t, a, `INSERT INTO kept VALUES (3)`, "INSERT 0 1") // waits for the standby
	answers(t, pair.Standby(), allKept, "1 3")
	before, err := pair.Before(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	answers(t, before, allKept, "1 2")
}
