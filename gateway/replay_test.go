package gateway

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/fanout/fanouttest"
	"tuitalk/history"
	"tuitalk/talk"
)

func TestReplayIsFasterThanItWasSaid(t *testing.T) {
	t.Parallel()
	const hour = 3600
	now := time.Unix(1_800_000_000, 0)
	today := uint64(now.Unix())
	for name, c := range map[string]struct {
		first, entry uint64
		at           time.Duration // since the first was found
		due          bool
	}{
		"the first":                         {today - 40, today - 40, 0, true},
		"of its second":                     {today - 40, today - 40, 0, true},
		"of the next second":                {today - 40, today - 39, 0, false},
		"of the next second, a bit later":   {today - 40, today - 39, 334 * time.Millisecond, true},
		"said just now":                     {today - 40, today, 13 * time.Second, false},
		"said just now, a bit later":        {today - 40, today, 14 * time.Second, true},
		"said since":                        {today - 40, today + 5, 15100 * time.Millisecond, true},
		"after an hour":                     {today - hour, today, 59 * time.Second, false},
		"after an hour, in time":            {today - hour, today, 61 * time.Second, true},
		"of a clock that is ahead":          {today - 1, today + hour, time.Second, true},
		"all of a clock that is ahead":      {today + hour, today + 2*hour, 0, true},
		"behind what has no time":           {0, today, 50 * time.Second, false},
		"behind what has no time, but soon": {0, today, 61 * time.Second, true},
	} {
		var r schedule
		if !r.due(c.first, now) {
			t.Errorf("%s: the first entry is not due", name)
		}
		if got := r.due(c.entry, now.Add(c.at)); got != c.due {
			t.Errorf("%s: due %v", name, got)
		}
	}
}

// TestReplayOfASilence: what was said long after the entry before it, or seems to
// be since a clock was wrong, waits no longer than a silence takes.
func TestReplayOfASilence(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	today := uint64(now.Unix())
	for _, first := range []uint64{0, today - 3600, today - 40} {
		var r schedule
		if !r.due(first, now) || r.due(today, now) || r.due(today, now.Add(replaySilence-1)) {
			t.Errorf("behind an entry of %d: due before the silence is over", first)
		}
		if later := now.Add(replaySilence); !r.due(today, later) || r.speed != replaySpeed {
			t.Errorf("behind an entry of %d: not due when the silence is over, at speed %v", first, r.speed)
		}
	}
}

// TestWhatOthersAcceptedIsWithdrawn: the spool and the gateway that knew of an entry
// are gone. It does not stay on the screens of others for ever; but nothing is
// withdrawn for an outage of the store, or because the spool is away for a moment.
func TestWhatOthersAcceptedIsWithdrawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := keeperServer(t, &slowStore{})
		s.health.store(nil)
		spool := fanouttest.NewSpool(100)
		s.spooler = newSpooler(s, spool)
		rp := newReplayer(s.spooler)
		r := &room{id: 5, srv: s, state: roomOpen}
		s.rooms.byID[r.id] = r
		s.showPending(r.id, []talk.Entry{fanouttest.PendingEntry(r.id, 1, 1)}, false, talk.UUID{})
		look := func(times int) {
			for range times {
				time.Sleep(lookEvery)
				s.clock.Step()
				rp.replayAll(true)
			}
		}
		seconds := int(othersPatience / lookEvery)
		want := func(when string, n int) {
			t.Helper()
			if got := r.pendingCount(); got != n {
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
	for _, e := range r.pendingSince(s.clock.Coarse()) {
		got = append(got, e.ID)
	}
	if want := []talk.UUID{entry(1).ID, entry(2).ID, entry(3).ID}; !slices.Equal(got, want) {
		t.Errorf("they may be stored as %v, want %v", got, want)
	}
}
