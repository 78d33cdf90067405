package gateway

import (
	"context"
	"slices"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// movedStore takes moves, and answers all of them in one way.
type movedStore struct {
	history.Store // the rest is not asked
	moved         []history.Move
	answer        history.Moved
}

func (m *movedStore) Move(_ context.Context, moves []history.Move) ([]history.Moved, error) {
	m.moved = append(m.moved, moves...)
	return slices.Repeat([]history.Moved{m.answer}, len(moves)), nil
}

// movesAnswered has the lanes hand over what waits, once, and returns it.
func (s *Server) movesAnswered(answer history.Moved) []history.Move {
	store := s.store.(*movedStore)
	store.answer = answer
	s.commit.Stop()
	s.commit.Start(s.vital)
	s.commit.Await()
	return store.moved
}

// namedServer is a bare one with a user's window in a room whose log calls him name.
func namedServer(t *testing.T, id int32, name string) (*Server, *user, talk.UUID) {
	s := keeperServer(t, &movedStore{})
	bus := fanout.NewHub().Node(s)
	t.Cleanup(func() { _ = bus.Close() })
	s.bus = bus
	uuid := talk.Secret{1}.UUID()
	r := &room{id: id, srv: s, state: roomOpen}
	r.memberList.members = []talk.Member{{UUID: uuid, Username: name}}
	c := &conn{srv: s}
	c.user.uuid, c.user.session, c.user.room, c.user.place, c.user.name = uuid, newUUID(), r, placeJoined, name
	s.windows.put(sessionID{uuid, c.user.session}, c)
	return s, &c.user, uuid
}

// TestWhoSitsWithoutTheStoreIsCalledAsTheLogSays: other windows of a user are renamed, or
// let in, while this one's membership is provisional. But a name of its own that was promised to
// hold here holds.
func TestWhoSitsWithoutTheStoreIsCalledAsTheLogSays(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind  talk.Kind
		place placeState
		wish  *rename
		want  string
	}{
		"renamed":                         {talk.KindRenamed, placeProvisional, nil, "newer"},
		"joined by another window":        {talk.KindJoined, placeProvisional, nil, "newer"},
		"joined itself":                   {talk.KindJoined, placeJoined, nil, "older"},
		"renamed, and its own name holds": {talk.KindRenamed, placeProvisional, &rename{applied: true}, "older"},
		"joined, and it wishes":           {talk.KindJoined, placeProvisional, &rename{}, "older"},
		"renamed, and it wishes":          {talk.KindRenamed, placeJoined, &rename{}, "newer"},
	} {
		s := bareServer(t)
		uuid := talk.Secret{1}.UUID()
		r := &room{id: 1, srv: s, state: roomOpen}
		c := &conn{srv: s}
		c.user.uuid, c.user.room, c.user.place, c.user.name, c.user.renaming = uuid, r, tc.place, "older", tc.wish
		c.membership.uuid = uuid
		r.members = []*conn{c}
		r.placeEntries([]talk.Entry{{Kind: tc.kind, RoomID: 1, Seq: 1, Author: uuid, ID: newUUID(), Name: "newer"}})
		if c.user.name != tc.want {
			t.Errorf("%s: called %q, want %q", name, c.user.name, tc.want)
		}
	}
}

// TestWhoSitsWithoutTheStoreHasTheNameThatTheRoomKnows: another of his windows is there,
// and the store will keep that name. Clients of the original's forms rename by joining.
func TestWhoSitsWithoutTheStoreHasTheNameThatTheRoomKnows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		form talk.Form
		m    talk.JoinRoom
		log  logMatch
		want string
	}{
		"he has less of the log":   {talk.ExtendedBincode, talk.JoinRoom{Resume: true, AfterSeq: 6}, logMatches, "the room's"},
		"he has more of it":        {talk.ExtendedBincode, talk.JoinRoom{Resume: true, AfterSeq: 8}, logDoubtful, "his"},
		"he has more of another":   {talk.ExtendedBincode, talk.JoinRoom{Resume: true, AfterSeq: 8}, logDiffers, "the room's"},
		"nobody knows what he has": {talk.Extended, talk.JoinRoom{}, logDiffers, "his"},
		"of the original's form":   {talk.Bincode, talk.JoinRoom{}, logDiffers, "his"},
	} {
		s, other, uuid := namedServer(t, 1, "the room's")
		other.room.head = 7
		c := &conn{srv: s}
		c.user.uuid, c.user.form = uuid, tc.form
		tc.m.RoomID, tc.m.UUID = 1, uuid
		j := &join{conn: c, m: tc.m, name: "his", room: other.room, log: tc.log}
		j.register()
		j.enterProvisionally()
		if c.user.name != tc.want || c.user.room != other.room {
			t.Errorf("%s: called %q, want %q", name, c.user.name, tc.want)
		}
	}
}

// TestWhoIsLetInIsCalledByTheNewestName: the room's log names him while the store is asked to
// let him in, whose answer is by the name that he had when it did; or it tells him late of a
// name that he has been shown to be over.
func TestWhoIsLetInIsCalledByTheNewestName(t *testing.T) {
	t.Parallel()
	seen := talk.JoinRoom{Resume: true, AfterSeq: 9}
	newest := &talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Seq: 9, ID: newUUID(), Name: "newest"}
	joined := &talk.Entry{Kind: talk.KindJoined, RoomID: 1, Seq: 7, ID: newUUID(), Name: "before"}
	for name, tc := range map[string]struct {
		state roomState
		m     talk.JoinRoom
		told  string // by entry 8, meanwhile; "" nothing
		late  string // by entry 8, when the store has let him in
		a     history.Moved
		want  string
	}{
		"nothing is told":                  {roomOpen, talk.JoinRoom{}, "", "", history.Moved{Name: "the store's"}, "the store's"},
		"a newer name":                     {roomOpen, talk.JoinRoom{}, "newer", "", history.Moved{Name: "before"}, "newer"},
		"a newer one still is written":     {roomOpen, talk.JoinRoom{}, "newer", "", history.Moved{Name: "newest", Entry: newest}, "newest"},
		"a repeat, whose entry is old":     {roomOpen, talk.JoinRoom{}, "newer", "", history.Moved{Name: "before", Entry: joined}, "newer"},
		"and nobody knows who is here":     {roomUnverified, talk.JoinRoom{}, "newer", "", history.Moved{Name: "before"}, "newer"},
		"he was shown more, and says so":   {roomOpen, seen, "older", "", history.Moved{Name: "his"}, "his"},
		"he was shown more, it comes late": {roomOpen, seen, "", "older", history.Moved{Name: "his"}, "his"},
		"he was not, and it comes late":    {roomOpen, talk.JoinRoom{}, "", "newer", history.Moved{Name: "his"}, "newer"},
	} {
		for _, provisionally := range []bool{true, false} {
			if tc.state != roomOpen && !provisionally {
				continue // all are asked to join again when it is read
			}
			s, other, uuid := namedServer(t, 1, "before")
			r := other.room
			r.head, r.storeHead = 7, 7
			r.state = tc.state
			c := &conn{srv: s}
			c.user.uuid, c.user.form = uuid, talk.ExtendedBincode
			tc.m.RoomID, tc.m.UUID = 1, uuid
			j := &join{conn: c, m: tc.m, name: "his", room: r, log: logDoubtful}
			key, _ := j.register()
			if provisionally {
				j.enterProvisionally()
			}
			place := func(name string) {
				if name != "" {
					r.placeEntries([]talk.Entry{{Kind: talk.KindRenamed, RoomID: 1, Seq: 8, Author: uuid, ID: newUUID(), Name: name}})
				}
			}
			place(tc.told)
			a := tc.a
			a.Applied, a.Epoch = true, 1
			if a.Entry != nil {
				e := *a.Entry
				e.Author, a.Entry = uuid, &e
			}
			j.onEntered(key, newUUID(), a)
			place(tc.late)
			if c.user.name != tc.want {
				t.Errorf("%s, provisionally %v: called %q, want %q", name, provisionally, c.user.name, tc.want)
			}
		}
	}
}

// TestANameOfALogThatIsGoneHoldsAgainstNone: somebody has been shown more of a room, up to
// entry 1000, than there is of it since its store went back, up to 500. Whether he says so
// when nobody can compare, or the room is read again while he is let in, he is called as the
// log that there is says.
func TestANameOfALogThatIsGoneHoldsAgainstNone(t *testing.T) {
	t.Parallel()
	type life struct {
		t   *testing.T
		s   *Server
		j   *join
		key sessionKey
	}
	isLetIn := func(l *life) { l.j.onEntered(l.key, newUUID(), history.Moved{Applied: true, Epoch: 1, Name: "his"}) }
	// the store has him join by an entry, which is its 501st
	joins := func(l *life) {
		e := &talk.Entry{Kind: talk.KindJoined, RoomID: 1, Seq: 501, Author: l.key.UUID, ID: newUUID(), Name: "written"}
		l.j.onEntered(l.key, e.ID, history.Moved{Applied: true, Epoch: 1, Name: e.Name, Entry: e})
	}
	sits := func(l *life) { l.j.enterProvisionally() }
	isReset := func(l *life) {
		if err := l.s.resetRoom(l.t.Context(), l.j.room); err != nil {
			l.t.Fatal(err)
		}
	}
	renamed := func(l *life) {
		l.j.room.placeEntries([]talk.Entry{{Kind: talk.KindRenamed, RoomID: 1, Seq: l.j.room.placed() + 1, Author: l.key.UUID, ID: newUUID(), Name: "newest"}})
	}
	// meanwhile the room is read again, in between two steps of his coming
	meanwhile := func(l *life) {
		l.j.conn.locked(func(u *user) {
			u.room, u.name, u.namedAt, u.joining = l.j.room, "his", l.j.shownUpTo(), nil
			u.place.on(placeEntered)
		})
		isReset(l)
		l.j.finishJoin(talk.Extended, history.Moved{Name: "his"})
	}
	isCompared := func(l *life) { l.s.verifyRoom(l.t.Context(), l.j.room) }
	for name, tc := range map[string]struct {
		log   logMatch
		lives []func(l *life)
		want  string
	}{
		"he comes":                        {logDoubtful, []func(*life){joins}, "written"},
		"he comes, and is renamed":        {logDoubtful, []func(*life){joins, renamed}, "newest"},
		"he sits, and is let in":          {logDoubtful, []func(*life){sits, joins}, "written"},
		"it is found out":                 {logDoubtful, []func(*life){isLetIn, isCompared, renamed}, "newest"},
		"it is read again as he comes":    {logMatches, []func(*life){isReset, isLetIn, renamed}, "newest"},
		"it is read again as he sits":     {logMatches, []func(*life){isReset, sits, renamed}, "newest"},
		"it is read again in between":     {logMatches, []func(*life){meanwhile, renamed}, "newest"},
		"it is read again, then he is in": {logMatches, []func(*life){sits, isReset, renamed, isLetIn}, "newest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := keeperServer(t, resetStore{&logStore{log: logBehind(nil, 500)}})
			bus := fanout.NewHub().Node(s)
			t.Cleanup(func() { _ = bus.Close() })
			s.bus = bus
			r := &room{id: 1, srv: s, state: roomOpen, head: 1000, storeHead: 1000}
			if tc.log == logDoubtful {
				r.head, r.storeHead = 500, 500
			}
			c := &conn{srv: s}
			uuid := talk.Secret{1}.UUID()
			c.user.uuid, c.user.form, c.user.name = uuid, talk.Extended, "of another room"
			m := talk.JoinRoom{RoomID: 1, UUID: uuid, Resume: true, AfterSeq: 1000, AfterID: newUUID()}
			l := &life{t: t, s: s, j: &join{conn: c, m: m, name: "his", room: r, log: tc.log}}
			l.key, _ = l.j.register()
			for _, lives := range tc.lives {
				lives(l)
			}
			if c.user.name != tc.want {
				t.Errorf("called %q as of entry %d, want %q", c.user.name, c.user.namedAt, tc.want)
			}
		})
	}
}

// resetStore is a store of one log, from which rooms are read.
type resetStore struct{ *logStore }

func (s resetStore) Room(context.Context, int32, int) (history.Room, error) {
	return history.Room{HeadSeq: int64(len(s.log))}, nil
}

func (s resetStore) Before(context.Context, int32, int64, int) ([]talk.Entry, bool, error) {
	return s.log[len(s.log)-3:], false, nil
}

// TestARefusedWishLeavesTheNameOfTheLog: another window has given it while the wish held
// here, in a room of which nobody knows who is there.
func TestARefusedWishLeavesTheNameOfTheLog(t *testing.T) {
	t.Parallel()
	for _, holds := range []bool{true, false} {
		s, u, uuid := namedServer(t, 1, "older")
		u.room.state = roomUnverified
		rn := &rename{conn: s.windows.of(uuid)[0], room: u.room, name: "own", was: "older", id: newUUID()}
		u.renaming, u.asking = rn, rn
		if holds {
			rn.applyHere()
		}
		u.room.placeEntries([]talk.Entry{{Kind: talk.KindRenamed, RoomID: 1, Seq: 1, Author: uuid, ID: newUUID(), Name: "newer"}})
		rn.onAnswer(u.epoch, history.Moved{})
		if u.name != "newer" {
			t.Errorf("it held %v: called %q", holds, u.name)
		}
	}
}

// TestALateNoteOfANameIsNoMatterWhereItWasStored: the log of that room has told it, in
// its order, and may have told a newer one since.
func TestALateNoteOfANameIsNoMatterWhereItWasStored(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		stored int32
		want   string
	}{{1, "newer"}, {2, "older"}, {fanout.FleetRoom, "older"}} {
		s, u, uuid := namedServer(t, 1, "newer")
		s.Deliver(&fanout.Note{Room: fanout.FleetRoom, Renamed: []fanout.Renamed{{UUID: uuid, Name: "older", Room: tc.stored}}})
		if u.name != tc.want {
			t.Errorf("stored in room %d: called %q, want %q", tc.stored, u.name, tc.want)
		}
	}
}

// TestAnOutdatedNameIsNotToldElsewhere: a change is stored, or answered, so late that
// the room has heard a newer one. The others are told only what the room bears out,
// and by the lease manager what the store does.
func TestAnOutdatedNameIsNotToldElsewhere(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"newer": "newer", "older": "older"} {
		s, u, uuid := namedServer(t, 2, "newer")
		was := &room{id: 1, srv: s, state: roomOpen}
		was.memberList.members = []talk.Member{{UUID: uuid, Username: name}}
		s.renameElsewhere(uuid, "older", was, 7)
		if u.name != want {
			t.Errorf("room 1 says %q: called %q in room 2, want %q", name, u.name, want)
		}
		if s.renames.all()[uuid] != (renamed{"older", 1, 7}) {
			t.Errorf("the keeper is told %v", s.renames.all())
		}
		session := history.Session{SessionKey: history.SessionKey{RoomID: 1, UUID: uuid, Session: newUUID()}}
		other := session
		other.RoomID = 3
		s.renameEverywhere(s.renames.all(), []history.Window{{Session: session, Name: name}, {Session: other, Name: "newer"}})
		if told := s.toldIn(3); name == "newer" && told != "" || name == "older" && told != "older" {
			t.Errorf("the store says %q in room 1: room 3 is told %q", name, told)
		}
	}
}

// toldIn is by which name a user is to be renamed in a room. Ask once.
func (s *Server) toldIn(room int32) (name string) {
	for _, m := range s.movesAnswered(history.Moved{Applied: true}) {
		if m.Key.RoomID == room {
			name = m.Name
		}
	}
	return name
}

// TestWhoCameSinceARenameIsNotRenamed: an outage of the store lies between the change and
// the lease manager's round, and its author has gone to another room and taken another name.
func TestWhoCameSinceARenameIsNotRenamed(t *testing.T) {
	t.Parallel()
	stored := time.Unix(1_700_000_000, 0)
	for came, want := range map[time.Duration]string{-time.Hour: "older", time.Second: "older", 5 * time.Second: ""} {
		s, _, uuid := namedServer(t, 2, "newer")
		s.renames.add(uuid, renamed{"older", 1, uint64(stored.Unix())})
		session := history.Session{SessionKey: history.SessionKey{RoomID: 3, UUID: uuid, Session: newUUID()}}
		s.renameEverywhere(s.renames.all(), []history.Window{{Session: session, Entered: enterID(stored.Add(came)), Name: "newer"}})
		if told := s.toldIn(3); told != want {
			t.Errorf("came %v after it: told %q, want %q", came, told, want)
		}
	}
}

// TestWhoIsRegisteredAgainKeepsHisName: what he says before that is done would stand in
// his room in front of the entry that tells the new one.
func TestWhoIsRegisteredAgainKeepsHisName(t *testing.T) {
	t.Parallel()
	for entering, want := range map[bool]string{true: "known", false: "newer"} {
		s, u, uuid := namedServer(t, 1, "known")
		if entering {
			u.place.on(placeReregister)
		}
		s.Deliver(&fanout.Note{Room: fanout.FleetRoom, Renamed: []fanout.Renamed{{UUID: uuid, Name: "newer", Room: 2}}})
		if told := s.toldIn(1); u.name != want || !entering && told != want || entering && told != "" {
			t.Errorf("entering %v: called %q, and the room is told %q", entering, u.name, told)
		}
	}
}

// TestWhoIsRegisteredAgainSaysNoNameOfTheLog: it was placed meanwhile, so that the store has
// it, and may have a newer one: said once more it would undo that.
func TestWhoIsRegisteredAgainSaysNoNameOfTheLog(t *testing.T) {
	t.Parallel()
	s, u, uuid := namedServer(t, 1, "older")
	c, r := s.windows.of(uuid)[0], u.room
	key := c.sessionKey(r)
	u.place.on(placeReregister)
	r.placeEntries([]talk.Entry{{Kind: talk.KindRenamed, RoomID: 1, Seq: 1, Author: uuid, ID: newUUID(), Name: "newer"}})
	c.onReregistered(r, key, "older", history.Moved{Applied: true, Epoch: 2, Name: "older"})
	if u.name != "newer" || s.toldIn(1) != "" {
		t.Errorf("called %q, and the room is told %q", u.name, s.toldIn(1))
	}
}

// TestARenameThatMissesItsSessionIsTriedAgain: it names the epoch that the session had when
// the store was asked, and the session has been registered again since.
func TestARenameThatMissesItsSessionIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer history.Moved
		noted  string // meanwhile
		want   string
	}{
		"missed":               {history.Moved{}, "", "newer"},
		"missed, and outdated": {history.Moved{}, "newest", "newest"},
		"done":                 {history.Moved{Applied: true}, "", ""},
		"refused":              {history.Moved{Err: history.ErrBadEntry}, "", ""},
	} {
		s, _, uuid := namedServer(t, 2, "newer")
		session := history.SessionKey{RoomID: 3, UUID: uuid, Session: newUUID()}
		s.renameEverywhere(map[talk.UUID]renamed{uuid: {"newer", 1, 7}}, []history.Window{{Session: history.Session{SessionKey: session}, Name: "older"}})
		if tc.noted != "" {
			s.renames.add(uuid, renamed{tc.noted, 1, 7})
		}
		if moves := s.movesAnswered(tc.answer); len(moves) != 1 {
			t.Fatalf("%s: %d moves", name, len(moves))
		}
		if got := s.renames.all()[uuid].name; got != tc.want {
			t.Errorf("%s: %q is to be told, want %q", name, got, tc.want)
		}
	}
}

// TestWhoIsRegisteredAgainIsLookedUpBehindThat: his name elsewhere was found while he could
// not take it.
func TestWhoIsRegisteredAgainIsLookedUpBehindThat(t *testing.T) {
	t.Parallel()
	s, u, uuid := namedServer(t, 1, "older")
	c := s.windows.of(uuid)[0]
	key := c.sessionKey(u.room)
	u.entered = enterID(time.Unix(1_700_000_010, 0))
	u.place.on(placeReregister)
	elsewhere := history.Window{
		Session: history.Session{SessionKey: history.SessionKey{RoomID: 2, UUID: uuid, Session: newUUID()}},
		Entered: enterID(time.Unix(1_700_000_000, 0)), Name: "newer",
	}
	s.resolveArrival(c, []history.Window{elsewhere})
	c.onReregistered(u.room, key, "older", history.Moved{Applied: true, Epoch: 2, Name: "older"})
	again := s.arrivals.take(1)
	if len(again) != 1 {
		t.Fatal("he is not looked up again")
	}
	s.resolveArrival(again[0], []history.Window{elsewhere})
	if told := s.toldIn(1); u.name != "newer" || told != "newer" {
		t.Errorf("called %q, and the room is told %q", u.name, told)
	}
}

// TestWhatFollowsAWishInTheLogIsNewer: the store has written it, and its answer is lost;
// then another window has given another name. Whether it held here before or is to hold
// only now makes no difference.
func TestWhatFollowsAWishInTheLogIsNewer(t *testing.T) {
	t.Parallel()
	for _, holds := range []bool{true, false} {
		s, u, uuid := namedServer(t, 1, "older")
		c := s.windows.of(uuid)[0]
		rn := &rename{conn: c, room: u.room, name: "own", id: newUUID(), applied: holds}
		u.renaming = rn
		entry := func(seq int64, id talk.UUID, name string) talk.Entry {
			return talk.Entry{Kind: talk.KindRenamed, RoomID: 1, Seq: seq, Author: uuid, ID: id, Name: name}
		}
		u.room.placeEntries([]talk.Entry{entry(1, rn.id, "own")})
		if u.name != "own" {
			t.Errorf("held %v: written, and called %q", holds, u.name)
		}
		u.room.placeEntries([]talk.Entry{entry(2, newUUID(), "newer")})
		rn.applyHere()
		if u.name != "newer" {
			t.Errorf("held %v: called %q", holds, u.name)
		}
	}
}
