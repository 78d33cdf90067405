package gateway

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway/commit"
	"tuitalk/history"
	"tuitalk/talk"
)

// TestWhatOthersAcceptedIsWithdrawn: the spool and the gateway that knew of an entry
// are gone. It does not stay on the screens of others for ever; but nothing is
// withdrawn for an outage of the store, or because the spool is away for a moment.
func TestWhatOthersAcceptedIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keeperServer(t, &slowStore{})
		s.health.store(nil)
		spool := fanouttest.NewSpool(100)
		s.commit.UseSpool(spool)
		rp := s.commit.NewReplayer(t.Context())
		r := &room{id: 5, srv: s, state: roomOpen}
		s.rooms.byID[r.id] = r
		s.showPending(r.id, []talk.Entry{fanouttest.PendingEntry(r.id, 1, 1)}, false, talk.UUID{})
		look := func(times int) {
			for range times {
				time.Sleep(commit.LookEvery)
				s.clock.Step()
				rp.ReplayAll(true)
			}
		}
		seconds := int(commit.OthersTimeout / commit.LookEvery)
		want := func(when string, n int) {
			t.Helper()
			if got := r.PendingCount(); got != n {
				t.Fatalf("%s: %d entries are pending, want %d", when, got, n)
			}
		}
		down := errors.New("test: no redis")
		spool.SetDown(down)
		look(seconds)
		want("the spool is away for a moment", 1)
		s.health.store(history.ErrUnavailable)
		s.health.store(nil)
		look(seconds)
		want("the store was away meanwhile", 1)
		look(1)
		want("the spool stays away", 0)
		look(seconds)
		s.showPending(r.id, []talk.Entry{fanouttest.PendingEntry(r.id, 1, 2)}, false, talk.UUID{})
		look(1)
		want("it was accepted just now", 1)
		look(seconds)
		want("and that is long ago", 0)
		spool.SetDown(nil)
		look(1)
		behindGap := fanouttest.PendingEntry(r.id, 1, 4)
		s.showPending(r.id, []talk.Entry{behindGap}, false, fanouttest.PendingEntry(r.id, 1, 3).ID)
		s.showPending(r.id, []talk.Entry{fanouttest.PendingEntry(r.id, 1, 5)}, false, behindGap.ID)
		look(seconds - 1) // nothing is stored: the store would not be asked in vain
		want("somebody may store it yet", 2)
		look(2)
		want("the spool does not have what is behind a gap", 0)
	})
}

// TestPendingGapCloses: what was missing is told after all, with what was behind it.
func TestPendingGapCloses(t *testing.T) {
	s := keeperServer(t, &slowStore{})
	r := &room{id: 5, srv: s, state: roomOpen}
	s.rooms.byID[r.id] = r
	entry := func(n int) talk.Entry { return fanouttest.PendingEntry(r.id, 1, n) }
	s.showPending(r.id, []talk.Entry{entry(2)}, false, entry(1).ID)
	s.showPending(r.id, []talk.Entry{entry(1), entry(2)}, false, talk.UUID{})
	s.showPending(r.id, []talk.Entry{entry(3)}, false, entry(2).ID)
	var got []talk.UUID
	for _, e := range r.PendingSince(s.clock.Coarse()) {
		got = append(got, e.ID)
	}
	if want := []talk.UUID{entry(1).ID, entry(2).ID, entry(3).ID}; !slices.Equal(got, want) {
		t.Errorf("they may be stored as %v, want %v", got, want)
	}
}
