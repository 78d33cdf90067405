//go:build integration

package pgstore

import (
	"errors"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// TestOpenWhileTheDatabaseIsAway: the store is opened all the same, says what is
// wrong, makes the schema when the database is there, and works.
func TestOpenWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	dsn := p.DSN()
	if err := p.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dsn, Options{}); !errors.Is(err, history.ErrUnavailable) {
		t.Fatalf("without Refused: %v", err)
	}
	s := open(t, dsn, Options{Refused: func(err error) { t.Errorf("refused: %v", err) }})
	post := []talk.Entry{historytest.Post(1, "ada", "one", "hello")}
	if _, err := s.Append(t.Context(), post); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("append: %v", err)
	}
	if len(s.Degraded()) != 1 {
		t.Errorf("degraded: %q", s.Degraded())
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the store works", func() bool { return s.Check(t.Context()) == nil })
	if r, err := s.Append(t.Context(), post); err != nil || r[0].Seq != 1 {
		t.Errorf("append: %+v, %v", r, err)
	}
}

// TestOpenBeforeAWrongSchema: the database is away, and when it is back it turns out
// to be of a newer program. That is said, once, and nothing is written.
func TestOpenBeforeAWrongSchema(t *testing.T) {
	t.Parallel()
	p := ownServer(t)
	dsn := p.DSN()
	if err := open(t, dsn, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, dsn, `INSERT INTO tuitalk_schema (version) VALUES (99)`)
	if err := p.Stop(t.Context(), devcluster.Immediate); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 2)
	s := open(t, dsn, Options{Refused: func(err error) { refused <- err }})
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-refused:
		if !errors.Is(err, history.ErrSchema) {
			t.Errorf("refused with %v", err)
		}
	case <-within(t, 30*time.Second).Done():
		t.Fatal("nothing is said of the wrong schema")
	}
	if err := s.Check(t.Context()); !errors.Is(err, history.ErrUnavailable) {
		t.Errorf("check: %v", err)
	}
}
