package gateway

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/history"
	"tuitalk/talk"
)

// drawing is a diagram of docs/states.md, and what its words are in the code.
type drawing struct {
	section string
	states  []string // by their number
	events  []string
}

// wantDrawn checks that docs/states.md draws the steps that a table has, and no others.
func wantDrawn(t *testing.T, d drawing, next func(state, event int) int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "states.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## "+d.section+"\n")
	if !found {
		t.Fatalf("there is no section %q", d.section)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	drawn := map[string]bool{}
	for _, step := range regexp.MustCompile(`(?m)^ +(\w+ --> \w+: .*)$`).FindAllString(section, -1) {
		drawn[strings.TrimSpace(step)] = true
	}
	for i, state := range d.states {
		for j, event := range d.events {
			to := next(i, j)
			step := state + " --> " + d.states[to] + ": " + event
			if drawn[step] != (to != i) {
				t.Errorf("drawn: %v, in the table: %v: %s", drawn[step], to != i, step)
			}
			delete(drawn, step)
		}
	}
	for step := range drawn {
		t.Errorf("drawn, and not in the table: %s", step)
	}
}

func TestRequestsOfASessionAreDrawn(t *testing.T) {
	t.Parallel()
	wantDrawn(t, drawing{
		section: "A session's requests",
		states: []string{
			asyncIdle: "idle", asyncJoining: "joining", asyncSwitching: "switching", asyncRenaming: "renaming", asyncClosed: "closed",
		},
		events: []string{
			asyncJoin: "JoinRoom", asyncSwitch: "JoinRoom of another room", asyncRename: "ChangeName",
			asyncDone: "told how that went", asyncClose: "the connection ends",
		},
	}, func(state, event int) int { return int(asyncSteps[state][event]) })
}

func TestPlacesOfASessionAreDrawn(t *testing.T) {
	t.Parallel()
	wantDrawn(t, drawing{
		section: "Where a session is",
		states: []string{
			placeNowhere: "nowhere", placeProvisional: "provisional", placeJoined: "joined",
			placeReregistering: "reregistering", placeUnresolved: "unresolved",
		},
		events: []string{
			placeSeated: "the store is slow or away", placeEntered: "the store let it in",
			placeLeft: "it leaves, or its connection ends", placeReregister: "another node may have taken this one for dead",
			placeNameFound: "it has another name elsewhere", placeReregistered: "the store has answered",
		},
	}, func(state, event int) int { return int(placeSteps[state][event]) })
}

func TestMemberStatesAreDrawn(t *testing.T) {
	t.Parallel()
	wantDrawn(t, drawing{
		section: "A member of a room",
		states: []string{
			memberBehind: "behind", memberCatchingUp: "catchingUp", memberLive: "live",
			memberHeadless: "headless", memberUnverified: "unverified", memberStale: "stale",
		},
		events: []string{
			memberCatchUp: "catchUp is called", memberRingFull: "its ring is full", memberCaughtUp: "it is brought to the head",
			memberAtHead: "its room was read, it has all of that", memberBelowHead: "its room was read, it has not all of that",
			memberMatches: "what it has is of this log", memberDiffers: "what it has is not of this log",
		},
	}, func(state, event int) int { return int(memberSteps[state][event]) })
}

func TestRoomStatesAreDrawn(t *testing.T) {
	t.Parallel()
	wantDrawn(t, drawing{
		section: "A room on one gateway",
		states: []string{
			roomNew: "new", roomOpening: "opening", roomOpen: "open", roomUnverified: "unverified",
			roomHeadless: "headless", roomClosing: "closing", roomClosed: "closed",
		},
		events: []string{
			roomBegun: "somebody begins to open it", roomRead: "subscribed, then read",
			roomOpenedUnverified: "the store is away, a joiner has something of it",
			roomOpenedHeadless:   "the store is away, the joiner has nothing of it",
			roomVerified:         "the store is back, it is read", roomIdled: "nobody is in it for a while",
			roomRemoved: "off the list",
		},
	}, func(state, event int) int { return int(roomSteps[state][event]) })
}

// awayStore has an empty room, unless it is away.
type awayStore struct {
	history.Store // the rest is not asked
	away          bool
}

func (s *awayStore) Room(context.Context, int32, int) (history.Room, error) {
	if s.away {
		return history.Room{}, history.ErrUnavailable
	}
	return history.Room{HeadSeq: 5}, nil
}

func (s *awayStore) Before(context.Context, int32, int64, int) ([]talk.Entry, bool, error) {
	return nil, true, nil
}

func (s *awayStore) SpanBefore(context.Context, int32, uint64, int) (first, last int64, err error) {
	return 1, 0, nil
}

// roomLife is a room that is not open yet, and what it is on.
type roomLife struct {
	t     *testing.T
	srv   *Server
	store *awayStore
	room  *room
}

func (l *roomLife) opens(after int64) { l.srv.openRoom(l.t.Context(), l.room, after) }

func (l *roomLife) closes() {
	l.room.locked(func() { l.room.emptyAt = -int64(2 * l.srv.opts.RoomLinger) })
	l.srv.closeRoom(l.t.Context(), l.room)
}

func (l *roomLife) isVerified() {
	l.store.away = false
	l.srv.verifyRoom(l.t.Context(), l.room)
}

// TestRoomStates lives through what can become of a room.
func TestRoomStates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		lives func(l *roomLife)
		want  roomState
	}{
		"nobody has begun":           {func(*roomLife) {}, roomNew},
		"read":                       {func(l *roomLife) { l.opens(0) }, roomOpen},
		"opened twice":               {func(l *roomLife) { l.opens(0); l.store.away = true; l.opens(0) }, roomOpen},
		"the store is away":          {func(l *roomLife) { l.store.away = true; l.opens(3) }, roomUnverified},
		"verified":                   {func(l *roomLife) { l.store.away = true; l.opens(3); l.isVerified() }, roomOpen},
		"away, and nothing is known": {func(l *roomLife) { l.store.away = true; l.opens(0) }, roomHeadless},
		"headless and verified":      {func(l *roomLife) { l.store.away = true; l.opens(0); l.isVerified() }, roomOpen},
		"cannot be read":             {func(l *roomLife) { l.srv.commit.UseSpool(nil); l.store.away = true; l.opens(0) }, roomClosed},
		"nobody opens it":            {func(l *roomLife) { l.srv.work.opening.Stop(); l.srv.scheduleOpen(l.room, netip.Prefix{}, 0) }, roomClosed},
		"open and closed":            {func(l *roomLife) { l.opens(0); l.closes() }, roomClosed},
		"unverified and closed":      {func(l *roomLife) { l.store.away = true; l.opens(3); l.closes() }, roomClosed},
		"headless and closed":        {func(l *roomLife) { l.store.away = true; l.opens(0); l.closes() }, roomClosed},
		"closed before it is opened": {func(l *roomLife) { l.closes() }, roomNew},
		"opened when it is closed":   {func(l *roomLife) { l.opens(0); l.closes(); l.opens(0) }, roomClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &awayStore{}
			s := keeperServer(t, store)
			hub := fanout.NewHub()
			bus := hub.Node(s)
			t.Cleanup(func() { _ = bus.Close() })
			s.bus = bus
			s.commit.UseSpool(fanouttest.NewSpool(1))
			s.health.store(nil)
			l := &roomLife{t, s, store, s.rooms.take(1, s)}
			tc.lives(l)
			if l.room.state != tc.want {
				t.Errorf("it is in state %d, want %d", l.room.state, tc.want)
			}
		})
	}
}
