package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tuitalk/history/historytest"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

// TestMendRoom: a room that was written while the clock was ahead is of the past
// again, by a flag.
func TestMendRoom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "talk.db")
	store, err := sqlitestore.Open(path, sqlitestore.Options{Clock: func() time.Time { return time.Now().AddDate(1, 0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Append(t.Context(), []talk.Entry{historytest.Post(-7, "ada", "a", "x"), historytest.Post(-7, "ada", "b", "y")}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"room -7: 2 entries", "room -7: 0 entries"} {
		c, err := parse("-store", "sqlite:"+path, "-mend-room", "-7")
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if err := mend(c, &said); err != nil || !strings.Contains(said.String(), want) {
			t.Errorf("%v: %q, want %q", err, said.String(), want)
		}
	}
	if _, err := parse("-mend-room", "seven"); err == nil || !strings.Contains(err.Error(), "not the number of a room") {
		t.Errorf("seven: %v", err)
	}
}
