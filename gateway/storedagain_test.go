package gateway

import (
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// storedAgain is a store that has gone back: what its log was, and what it is now. The last
// entry was stored again where it was, behind other ones: its author was not told "stored"
// before the store went back, and has said it again.
func storedAgain(t *testing.T) (store *historytest.Memory, gone, now []talk.Entry) {
	t.Helper()
	seconds := int64(100)
	store = historytest.NewMemory(func() time.Time { return time.Unix(seconds, 0) })
	appends := func(entries ...talk.Entry) {
		if _, err := store.Append(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		seconds += 5
	}
	said := logBehind(nil, 9)
	appends(said[:4]...)
	backup := store.Snapshot()
	appends(said[4:7]...)
	gone = store.Log(1)
	store.Restore(backup)
	appends(said[7], said[8], said[6])
	return store, gone, store.Log(1)
}

// TestWhatIsStoredAgainIsOfAnotherLog: at the end of what somebody was shown the store has
// the same entry, but behind others. Whoever compares one entry of a log with the store's
// finds out.
func TestWhatIsStoredAgainIsOfAnotherLog(t *testing.T) {
	t.Parallel()
	store, gone, now := storedAgain(t)
	had := history.Head{Seq: 7, ID: gone[6].ID, UnixTime: gone[6].UnixTime}
	if now[6].Seq != had.Seq || now[6].ID != had.ID {
		t.Fatalf("stored again is %+v", now[6])
	}
	// roomWith is a room of the store that shows a log.
	roomWith := func(t *testing.T, shown []talk.Entry) (*Server, *room) {
		s := keeperServer(t, store)
		r := crowdedRoom(s, 0)
		s.rooms.byID[r.id] = r
		r.placeEntries(shown)
		return s, r
	}
	differs := func(t *testing.T, shown []talk.Entry) bool {
		s, r := roomWith(t, shown)
		match, err := s.compareLogs(t.Context(), r, talk.JoinRoom{RoomID: 1, Resume: true, AfterSeq: had.Seq, AfterID: had.ID, AfterTime: had.UnixTime})
		return err == nil && match == logDiffers
	}
	doubts := func(t *testing.T, looks func(s *Server, r *room)) bool {
		s, r := roomWith(t, gone)
		looks(s, r)
		return r.storeDoubt.open
	}
	for name, notices := range map[string]func(t *testing.T) bool{
		"who joins, by what the room keeps":    func(t *testing.T) bool { return differs(t, now) },
		"who joins, by what is stored":         func(t *testing.T) bool { return differs(t, nil) },
		"a room, by a note of another gateway": func(t *testing.T) bool { return doubts(t, func(_ *Server, r *room) { r.placeEntries(now[6:]) }) },
		"a room, by its head": func(t *testing.T) bool {
			return doubts(t, func(s *Server, r *room) { s.compareHeads(t.Context(), []*room{r}) })
		},
		"a room that may have missed something": func(t *testing.T) (doubted bool) {
			synctest.Test(t, func(t *testing.T) {
				doubted = doubts(t, func(s *Server, r *room) {
					s.compareSuspect(r)
					s.work.live.Start(t.Context())
					synctest.Wait() // they have nothing left to do
					s.work.live.Stop()
				})
			})
			return doubted
		},
		"who reads on behind it": func(t *testing.T) bool {
			s, _ := roomWith(t, nil)
			_, goesOn, err := s.readBehind(t.Context(), 1, had, 10)
			return err == nil && !goesOn
		},
		"who was let in while the store was away": func(t *testing.T) bool {
			s, r := roomWith(t, now)
			c := &conn{srv: s}
			r.addMember(c, newUUID(), talk.Extended, had.Seq)
			c.membership.state, c.membership.claim = memberUnverified, &had
			list, err := s.compareClaims(t.Context(), r)
			return err == nil && len(list) == 1 && !list[0].same
		},
		"who confirms a doubt": func(t *testing.T) bool {
			s, r := roomWith(t, gone)
			s.doubtStore(r, history.Head{Seq: had.Seq}, 0, true)
			return s.confirm(t.Context(), r) == nil && r.resets == 1 && r.recent.list[4].ID == now[4].ID
		},
		"who looks for what both logs have": func(t *testing.T) bool {
			_, r := roomWith(t, gone)
			return r.commonWith(had.Seq, now) == 4
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !notices(t) {
				t.Error("it takes the log that is gone for the one that there is")
			}
		})
	}
}

// TestADateThatIsNoReason: somebody who does not say of when his last entry is has it by its
// id alone, as clients of before that; and a room whose dates were mended is the same log.
func TestADateThatIsNoReason(t *testing.T) {
	t.Parallel()
	stored := history.Head{Seq: 7, ID: newUUID(), UnixTime: 100}
	for name, shown := range map[string]history.Head{
		"not said": {Seq: 7, ID: stored.ID}, "the same": stored, "before it was mended": {Seq: 7, ID: stored.ID, UnixTime: 4000},
	} {
		if !shown.StillIs(stored) {
			t.Errorf("%s: another log", name)
		}
	}
}

// TestAMendedRoomIsTheSameLog: what a room keeps may have the dates of before it was mended,
// where another gateway has read it since. Only the store knows whether an entry of a later
// time was stored again.
func TestAMendedRoomIsTheSameLog(t *testing.T) {
	t.Parallel()
	mended := logBehind(nil, 7)
	read := append([]talk.Entry(nil), mended...)
	for i := range mended {
		mended[i].UnixTime, read[i].UnixTime = 100, 4000
	}
	last := history.HeadOf(&mended[6])
	for name, tc := range map[string]struct {
		id    talk.UUID
		at    uint64
		match logMatch
	}{
		"of since then":         {last.ID, 100, logMatches},
		"of before":             {last.ID, 4000, logMatches},
		"without a date":        {last.ID, 0, logMatches},
		"of before it was lost": {last.ID, 50, logDiffers},
		"another entry":         {newUUID(), 100, logDiffers},
	} {
		s := keeperServer(t, &logStore{log: mended})
		r := crowdedRoom(s, 0)
		r.placeEntries(read)
		m := talk.JoinRoom{RoomID: 1, Resume: true, AfterSeq: last.Seq, AfterID: tc.id, AfterTime: tc.at}
		if match, err := s.compareLogs(t.Context(), r, m); err != nil || match != tc.match {
			t.Errorf("%s: %v, %v, want %v", name, match, err, tc.match)
		}
	}
}

// TestANameOfALogThatWentBack: a user who has seen more of a room than there is of it now is
// called something all the same, and what its log says of his name from then on counts.
func TestANameOfALogThatWentBack(t *testing.T) {
	t.Parallel()
	u := &user{namedAt: 74}
	if u.takeName("ada", 33); u.name != "ada" {
		t.Errorf("he is called %q", u.name)
	}
	store, gone, _ := storedAgain(t)
	s := keeperServer(t, store)
	r := crowdedRoom(s, 1)
	r.placeEntries(gone)
	c := r.members[0]
	c.user.room, c.user.name, c.user.namedAt = r, "ada", 74
	if err := s.resetRoom(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if c.user.takeName("bob", 34); c.user.name != "bob" {
		t.Errorf("he is called %q still, as of entry %d of the log that is gone", c.user.name, c.user.namedAt)
	}
}
