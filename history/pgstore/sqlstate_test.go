package pgstore

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"tuitalk/history"
)

// TestMeaningOfEachState: every SQLSTATE of PostgreSQL 15 means what the table in
// testdata says.
func TestMeaningOfEachState(t *testing.T) {
	want := map[string]error{"suspect": history.ErrBadEntry, "corrupt": history.ErrCorrupt, "unavailable": history.ErrUnavailable}
	f, err := os.Open("testdata/sqlstates.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	states := 0
	for lines := bufio.NewScanner(f); lines.Scan(); states++ {
		fields := strings.Fields(lines.Text())
		err := failed("append", &pgconn.PgError{Code: fields[0]})
		if !errors.Is(err, want[fields[1]]) {
			t.Errorf("%s: %v", lines.Text(), err)
		}
	}
	if states < 200 {
		t.Errorf("the table has only %d states", states)
	}
}
