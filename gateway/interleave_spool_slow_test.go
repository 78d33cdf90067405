package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// TestDrainIntoASlowStore: after a long outage much waits, and the store is back,
// but takes long in proportion to what it is given: a whole page would never be
// stored in time.
func TestDrainIntoASlowStore(t *testing.T) {
	t.Parallel()
	t.Run("from the spool", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		texts := numbered("waits", 600)
		f.leave(5, texts...)
		n := f.gateway(nil)
		n.way.pace.Store(int64(5 * time.Millisecond))
		awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
		f.wantLog(5, texts...)
		small := n.way.largest.Load()
		if small >= 500 {
			t.Fatalf("a page of %d was stored in time, so nothing was tested", small)
		}
		n.way.pace.Store(0)
		awaitTrue(t, "larger pages for a store that is quick again", func() bool {
			if f.waiting() == 0 {
				more := numbered(fmt.Sprintf("after %d", len(texts)), 600)
				f.leave(5, more...)
				texts = append(texts, more...)
			}
			return n.way.largest.Load() > small
		})
		awaitTrue(t, "the spool to be empty", func() bool { return f.waiting() == 0 })
		f.wantLog(5, texts...)
	})
	t.Run("what was shown and the spool has lost", func(t *testing.T) {
		t.Parallel()
		f := newSpoolFleet(t)
		n := f.gateway(nil)
		b := hello(t, n.addr)
		b.join(5, "bob")
		n.way.pace.Store(int64(5 * time.Millisecond))
		texts := numbered("lost", 600)
		lost := make([]talk.Entry, len(texts))
		author := newID(4)
		for i, text := range texts {
			lost[i] = talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: author, Name: "ada", Text: text, ID: newID(4), Pending: true}
		}
		n.server.Deliver(&fanout.Note{Room: 5, Entries: lost})
		b.wantShown(texts...)
		f.wantLog(5, texts...)
	})
}

func numbered(text string, count int) (texts []string) {
	for i := range count {
		texts = append(texts, fmt.Sprintf("%s %d", text, i))
	}
	return texts
}
