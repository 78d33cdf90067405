package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func TestPendingOfOthers(t *testing.T) {
	pend := func(seq int64) talk.Entry {
		e := textEntry(seq)
		e.Seq, e.Pending = 0, true
		return e
	}
	t.Run("stored later", func(t *testing.T) {
		r := online(t)
		r.get(1, pend(6), pend(6), pend(7))
		if p := r.s.Pending(); len(p) != 2 || p[0].Text != "text 6" {
			t.Fatalf("%+v", p)
		}
		r.get(1, textEntry(6))
		if p := r.s.Pending(); len(p) != 1 || p[0].Text != "text 7" {
			t.Fatalf("%+v", p)
		}
		r.logIs(1, 6)
	})
	t.Run("stored before", func(t *testing.T) {
		r := online(t)
		r.get(1, textEntry(6), pend(6))
		none(t, r.s.Pending())
		r.do(Clear{})
		r.get(1, pend(6))
		none(t, r.s.Pending())
	})
	t.Run("withdrawn", func(t *testing.T) {
		r := online(t)
		r.get(1, pend(6), talk.Withdrawn{RoomID: 1, UUID: otherID, ID: seqID(6)})
		none(t, r.s.Pending())
	})
	t.Run("of another room, or no text", func(t *testing.T) {
		r := online(t)
		a, b := pend(6), pend(6)
		a.RoomID, b.Kind = 2, talk.KindJoined
		r.get(1, a, b)
		none(t, r.s.Pending())
	})
	t.Run("another author's with the same id", func(t *testing.T) {
		r := online(t)
		a := pend(6)
		a.Author = testUUID("third")
		r.get(1, a, textEntry(6))
		one(t, r.s.Pending())
	})
	t.Run("bounded", func(t *testing.T) {
		r := online(t)
		for seq := range int64(2 * maxPending) {
			r.get(1, pend(100+seq))
		}
		if n := len(r.s.Pending()); n != maxPending {
			t.Fatalf("%d pending", n)
		}
	})
	t.Run("not spoken of by the next server", func(t *testing.T) {
		r := online(t)
		r.get(1, pend(6), pend(7))
		r.do(Closed{Conn: 1})
		r.pass(time.Second)
		r.open(2)
		r.join(2, 5, 5)
		r.get(2, pend(7))
		r.pass(4 * time.Second)
		r.answer(2)
		if n := len(r.s.Pending()); n != 2 {
			t.Fatalf("%d pending", n)
		}
		for range 2 {
			r.pass(4 * time.Second)
			r.answer(2)
		}
		if p := one(t, r.s.Pending()); p.Text != "text 7" {
			t.Fatalf("%+v", p)
		}
	})
}
