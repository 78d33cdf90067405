package gateway

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// logStore has one log.
type logStore struct {
	history.Store // the rest is not asked
	log           []talk.Entry
}

func (s *logStore) After(_ context.Context, _ int32, after int64, limit int) ([]talk.Entry, error) {
	behind := s.log[min(after, int64(len(s.log))):]
	return behind[:min(limit, len(behind))], nil
}

func (s *logStore) EntryAt(_ context.Context, _ int32, seq int64) (history.Head, bool, error) {
	if seq < 1 || seq > int64(len(s.log)) {
		return history.Head{}, false, nil
	}
	return history.HeadOf(&s.log[seq-1]), true, nil
}

func (s *logStore) Heads(context.Context, []int32) ([]history.Head, error) {
	return []history.Head{history.HeadOf(&s.log[len(s.log)-1])}, nil
}

// logBehind is a log that has the first of another one, and then others.
func logBehind(first []talk.Entry, length int) []talk.Entry {
	log := append([]talk.Entry(nil), first...)
	for seq := len(log) + 1; seq <= length; seq++ {
		log = append(log, talk.Entry{Kind: talk.KindPosted, RoomID: 1, Seq: int64(seq), ID: newUUID(), Author: newUUID(), Name: "ada", Text: "x"})
	}
	return log
}

// stepOfLaggingMember lets the member of a room that has shown a log, and keeps its last
// entry only, catch up by one step behind a cursor, from a store with another log.
func stepOfLaggingMember(t *testing.T, stored, shown []talk.Entry, cursor int64) (*room, *conn) {
	s := keeperServer(t, &logStore{log: stored})
	s.opts.RecentCount = 1
	r := crowdedRoom(s, 1)
	r.placeEntries(shown)
	r.empty()
	c := r.members[0]
	c.membership.state, c.membership.cursor, c.membership.last = memberCatchingUp, cursor, history.HeadOf(&shown[cursor-1])
	s.catchUpStep(t.Context(), r, c)
	return r, c
}

// TestLaggingMemberOfAStoreThatWentBack is shown nothing of the other log: what the
// store has behind its last entry is not behind what it was shown.
func TestLaggingMemberOfAStoreThatWentBack(t *testing.T) {
	t.Parallel()
	shown := logBehind(nil, 6)
	r, c := stepOfLaggingMember(t, logBehind(shown[:3], 8), shown, 4)
	if c.membership.cursor != 4 || c.out.QueuedBytes() != 0 {
		t.Errorf("it is shown entries up to %d of another log", c.membership.cursor)
	}
	if list := r.doubted(); !r.storeDoubt.open || len(list) != 2 || list[0] != history.HeadOf(&shown[3]) {
		t.Errorf("in doubt is %+v", list)
	}
}

// TestLaggingMemberGoesOn where the store has what it was shown.
func TestLaggingMemberGoesOn(t *testing.T) {
	t.Parallel()
	shown := logBehind(nil, 6)
	r, c := stepOfLaggingMember(t, shown, shown, 2)
	if c.membership.cursor != 6 || c.membership.last != history.HeadOf(&shown[5]) || r.storeDoubt.open {
		t.Errorf("it is at %d; in doubt: %v", c.membership.cursor, r.storeDoubt.open)
	}
}

// TestLostBeginningOfAnotherLog: a node heard nothing of the first entries of the log
// that began anew when the store had gone back, and the first that it hears of is the
// next one here, too. It finds out that what it placed before is not there.
func TestLostBeginningOfAnotherLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shown := logBehind(nil, 6)
		anew := logBehind(shown[:3], 7)
		s := keeperServer(t, &logStore{log: anew})
		r := crowdedRoom(s, 1)
		s.rooms.byID[r.id] = r
		r.placeEntries(shown)
		s.Lost(r.id) // the subscription was broken meanwhile
		r.placeEntries(anew[6:])
		if r.head != 7 {
			t.Fatalf("the head is %d", r.head)
		}
		s.work.live.Start(t.Context())
		synctest.Wait() // they have nothing left to do
		s.work.live.Stop()
		if list := r.doubted(); !r.storeDoubt.open || len(list) == 0 || list[0] != history.HeadOf(&shown[5]) {
			t.Errorf("in doubt is %+v", list)
		}
	})
}

// TestJoinAcrossAReset: the room is read again, as the store has gone back, between the
// comparison of a joiner's log with the room's and his membership. He begins anew.
func TestJoinAcrossAReset(t *testing.T) {
	t.Parallel()
	shown := logBehind(nil, 6)
	anew := logBehind(shown[:3], 4)
	s := keeperServer(t, &logStore{log: anew})
	r := crowdedRoom(s, 0)
	r.placeEntries(shown)
	j := &join{conn: &conn{srv: s}, room: r, m: talk.JoinRoom{RoomID: 1, Resume: true, AfterSeq: 6, AfterID: shown[5].ID}}
	r.locked(func() { j.resets = r.resets })
	var err error
	if j.log, err = s.compareLogs(t.Context(), r, j.m); err != nil || j.log != logMatches {
		t.Fatalf("the logs compare as %v, %v", j.log, err)
	}
	r.locked(func() { r.reset(history.Room{HeadSeq: 4, HeadID: anew[3].ID}, anew) })
	r.locked(func() { j.addMember(talk.Extended, history.Moved{}) })
	if got := j.conn.membership.cursor; got != 4 {
		t.Errorf("he sits behind entry %d of what was dropped", got)
	}
}

// TestAStoreThatGoesBackAgainResetsPresenceAgain: it is not done more often than once a
// minute, but what was found meanwhile is done then.
func TestAStoreThatGoesBackAgainResetsPresenceAgain(t *testing.T) {
	t.Parallel()
	var w wentBack
	now := time.Unix(1_700_000_000, 0)
	for _, step := range []struct {
		passes time.Duration
		notes  bool
		want   bool
	}{
		{0, false, false}, {0, true, true}, {time.Second, false, false}, {time.Second, true, false}, {time.Minute, false, true}, {2 * time.Minute, false, false},
	} {
		now = now.Add(step.passes)
		if step.notes {
			w.note(now)
		}
		rooms, got := w.wantsReset(now)
		if got != step.want {
			t.Errorf("after %v, noted %v: wanted %v", step.passes, step.notes, got)
		}
		if got {
			w.resetDone(rooms, now)
		}
	}
}
