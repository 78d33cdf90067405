package gateway_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// shortGrace is for those who are meant to leave. No gateway is taken for dead
// because the machine is slow.
func shortGrace(o *gateway.Options) { o.Grace, o.LeaseLost = 1500*time.Millisecond, 10*time.Second }

// returnGrace is for those who break and are not meant to leave.
func returnGrace(o *gateway.Options) { o.Grace, o.LeaseLost = 4*time.Second, 10*time.Second }

// shortLease is for the users of a gateway that is dead.
func shortLease(o *gateway.Options) { o.Grace, o.LeaseLost = 4*time.Second, 1500*time.Millisecond }

// comeBack connects again as the same user and window.
func (p *peer) comeBack(addr string, session talk.UUID) *peer {
	p.t.Helper()
	q := dial(p.t, addr, talk.Extended)
	q.hello(talk.Hello{Secret: p.secret, Session: session, Client: "test"})
	return q
}

// until reads entries up to the first post with this text, and returns them all.
func (p *peer) until(text string) (all []talk.Entry) {
	p.t.Helper()
	for {
		e := expect[talk.Entry](p)
		all = append(all, e)
		if e.Kind == talk.KindPosted && e.Text == text {
			return all
		}
	}
}

func TestGraceKeepsAQuietReconnectQuiet(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	w := hello(t, n.addr)
	w.join(1, "witness")
	session := newID(4)
	a := hello(t, n.addr).comeBack(n.addr, session)
	a.join(1, "ada")
	for range 3 {
		_ = a.ws.CloseNow()
		a = a.comeBack(n.addr, session)
		a.join(1, "ada")
	}
	a.post(1, "back")
	joined := 0
	for _, e := range w.until("back") {
		if e.Kind == talk.KindJoined && e.Author == a.uuid {
			joined++
		}
		if e.Kind == talk.KindLeft {
			t.Errorf("left: %+v", e)
		}
	}
	if joined != 1 {
		t.Errorf("joined %d times", joined)
	}
}

func TestWhoStaysAwayHasLeft(t *testing.T) {
	t.Parallel()
	n := start(t, shortGrace)
	w, a := hello(t, n.addr), hello(t, n.addr)
	w.join(1, "witness")
	a.join(1, "ada")
	_ = a.ws.CloseNow()
	for {
		if e := expect[talk.Entry](w); e.Kind == talk.KindLeft {
			if e.Author != a.uuid || e.Name != "ada" {
				t.Errorf("left: %+v", e)
			}
			return
		}
	}
}

func TestTwoWindowsOfOneUser(t *testing.T) {
	t.Parallel()
	n := start(t, returnGrace)
	w := hello(t, n.addr)
	w.join(1, "witness")
	first := hello(t, n.addr)
	first.join(1, "ada")
	second := first.comeBack(n.addr, newID(4))
	second.join(1, "ada")
	first.say(talk.LeaveRoom{RoomID: 1, UUID: first.uuid, Username: "ada"})
	second.post(1, "still here")
	for _, e := range w.until("still here") {
		if e.Kind == talk.KindLeft {
			t.Errorf("left with a window open: %+v", e)
		}
	}
	second.say(talk.LeaveRoom{RoomID: 1, UUID: first.uuid, Username: "ada"})
	for {
		if e := expect[talk.Entry](w); e.Kind == talk.KindLeft {
			return
		}
	}
}

func TestANewerConnectionReplacesTheOlder(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	session := newID(4)
	old := hello(t, n.addr).comeBack(n.addr, session)
	old.join(1, "ada")
	renewed := old.comeBack(n.addr, session)
	renewed.join(1, "ada")
	if code, reason := old.expectClose(); code != talk.CloseSuperseded || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
	renewed.post(1, "me")
	renewed.heardText("me")
}

// TestRestartIsInvisible: a gateway dies without a word; another takes its
// users over on the same store. Nobody left, nobody joined.
func TestRestartIsInvisible(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	hub := fanout.NewHub()
	one, two := startOn(t, store, hub, returnGrace), startOn(t, store, hub, returnGrace)
	w := hello(t, two.addr)
	w.join(1, "witness")
	session := newID(4)
	a := hello(t, one.addr).comeBack(one.addr, session)
	a.join(1, "ada")
	a.post(1, "before")
	last := w.until("before")
	e := last[len(last)-1]
	one.stop()
	a = a.comeBack(two.addr, session)
	a.say(talk.JoinRoom{RoomID: 1, UUID: a.uuid, Username: "ada", Resume: true, AfterSeq: e.Seq, AfterID: e.ID})
	if j := expect[talk.Joined](a); j.AfterSeq != e.Seq || j.Reset {
		t.Fatalf("resumed with %+v", j)
	}
	time.Sleep(6 * time.Second) // longer than the grace: nothing may happen in it
	a.post(1, "after")
	for _, e := range w.until("after") {
		if e.Kind != talk.KindPosted {
			t.Errorf("a line that nobody should see: %+v", e)
		}
	}
}

func TestTwoGatewaysAreOneRoom(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	hub := fanout.NewHub()
	one, two := startOn(t, store, hub, nil), startOn(t, store, hub, nil)
	a, b := hello(t, one.addr), hello(t, two.addr)
	a.join(1, "ada")
	b.join(1, "bob")
	a.post(1, "from one")
	b.heardText("from one")
	b.post(1, "from two")
	a.heardText("from two")
}

// TestUsersOfADeadGatewayLeave: a gateway dies without a word: its lease stands
// still, or was never written, and its sessions stay, until another lets its users
// leave.
func TestUsersOfADeadGatewayLeave(t *testing.T) {
	t.Parallel()
	for name, leased := range map[string]bool{"whose lease stands still": true, "before its first lease": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
			t.Cleanup(func() { _ = store.Close() })
			dead, ghost := newID(4), newID(4)
			if leased {
				if err := store.Renew(t.Context(), dead); err != nil {
					t.Fatal(err)
				}
			}
			enter := history.Move{
				Action: history.Enter, Key: history.SessionKey{RoomID: 1, UUID: ghost, Session: newID(4)},
				Gateway: dead, Name: "ghost", EntryID: newID(4), Quiet: talk.MaxListed,
			}
			if _, err := store.Move(t.Context(), []history.Move{enter}); err != nil {
				t.Fatal(err)
			}
			n := startOn(t, store, fanout.NewHub(), shortLease)
			w := hello(t, n.addr)
			if j := w.join(1, "witness"); j.MemberCount != 2 {
				t.Errorf("before the lease is over the room has %d members", j.MemberCount)
			}
			if e := w.untilLeft(); e.Author != ghost {
				t.Errorf("left: %+v", e)
			}
		})
	}
}

// flakyStore answers with an error while away is set.
type flakyStore struct {
	history.Store
	away atomic.Bool
}

var errAway = errors.New("test: away")

func (f *flakyStore) err() error {
	if f.away.Load() {
		return errors.Join(history.ErrUnavailable, errAway)
	}
	return nil
}

func (f *flakyStore) Append(ctx context.Context, e []talk.Entry) ([]history.Result, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Append(ctx, e)
}

func (f *flakyStore) Move(ctx context.Context, m []history.Move) ([]history.Moved, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Move(ctx, m)
}

func (f *flakyStore) Renew(ctx context.Context, g talk.UUID) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.Store.Renew(ctx, g)
}

func (f *flakyStore) Before(ctx context.Context, r int32, b int64, l int) ([]talk.Entry, bool, error) {
	if err := f.err(); err != nil {
		return nil, false, err
	}
	return f.Store.Before(ctx, r, b, l)
}

func (f *flakyStore) After(ctx context.Context, r int32, a int64, l int) ([]talk.Entry, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.After(ctx, r, a, l)
}

func (f *flakyStore) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	if err := f.err(); err != nil {
		return nil, err
	}
	return f.Store.Heads(ctx, rooms)
}

func TestStoreAway(t *testing.T) {
	t.Parallel()
	store := &flakyStore{Store: openStore(t, filepath.Join(t.TempDir(), "talk.db"))}
	t.Cleanup(func() { _ = store.Close() })
	n := startOn(t, store, fanout.NewHub(), shortGrace)
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(1, "ada")
	w.join(1, "witness")
	gone := hello(t, n.addr)
	gone.join(1, "cy")
	store.away.Store(true)
	texts := []string{"one", "two", "three"}
	var sent []talk.Entry
	for _, text := range texts {
		e := talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: a.uuid, Text: text, ID: newID(4)}
		sent = append(sent, e)
		a.say(e)
	}
	for range texts {
		if e := expect[talk.Error](a); !e.Retry || e.ID.IsZero() || e.Code != talk.CodeUnavailable && e.Code != talk.CodeOutOfTurn {
			t.Errorf("refused with %+v", e)
		}
	}
	a.say(talk.Fetch{RoomID: 1, Limit: 10, BeforeSeq: 100})
	if e := expect[talk.Error](a); e.Code != talk.CodeUnavailable {
		t.Errorf("refused with %+v", e)
	}
	if why := waitUnready(t, n); why == "" {
		t.Error("ready although the store is away")
	}
	_ = gone.ws.CloseNow() // its break must reach the store later
	store.away.Store(false)
	for _, e := range sent {
		e.Round = 1
		a.say(e)
	}
	for i, text := range texts {
		if e := a.heardText(text); e.ID != sent[i].ID {
			t.Errorf("%q came back with another id", text)
		}
	}
	for {
		if e := expect[talk.Entry](w); e.Kind == talk.KindLeft {
			if e.Author != gone.uuid {
				t.Errorf("left because the store was away: %+v", e)
			}
			return
		}
	}
}

// TestRenameWhileTheStoreIsAway: it takes effect when the store is back, and is
// not undone by the registering of everybody that follows an outage.
func TestRenameWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	store := &flakyStore{Store: openStore(t, filepath.Join(t.TempDir(), "talk.db"))}
	t.Cleanup(func() { _ = store.Close() })
	n := startOn(t, store, fanout.NewHub(), nil)
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(1, "ada")
	w.join(1, "witness")
	store.away.Store(true)
	a.say(talk.ChangeName{UUID: a.uuid, Username: "grace", OldUsername: "ada", ID: newID(4)})
	if waitUnready(t, n) == "" {
		t.Fatal("ready although the store is away")
	}
	store.away.Store(false)
	for {
		if e := expect[talk.Entry](w); e.Kind == talk.KindRenamed {
			if e.Name != "grace" || e.Text != "ada" {
				t.Fatalf("renamed: %+v", e)
			}
			break
		}
	}
	time.Sleep(2500 * time.Millisecond) // two rounds of the lease manager, in which nothing may happen
	a.post(1, "it is me")
	for _, e := range w.until("it is me") {
		if e.Kind == talk.KindRenamed {
			t.Errorf("renamed again: %+v", e)
		}
		if e.Kind == talk.KindPosted && e.Name != "grace" {
			t.Errorf("posted as %q", e.Name)
		}
	}
}

func waitUnready(t *testing.T, n *node) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if why := n.server.Ready(); why != "" {
			return why
		}
	}
	return ""
}

func TestDrainSaysReconnectAndStoresWhatItTook(t *testing.T) {
	t.Parallel()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	n := startOn(t, store, fanout.NewHub(), nil)
	a := hello(t, n.addr)
	a.join(1, "ada")
	for range 50 {
		a.post(1, "last words")
	}
	a.heardText("last words")
	n.stop()
	reconnect := false
	for {
		m, err := a.tryHear(patience)
		if err != nil {
			break
		}
		if _, ok := m.(talk.Reconnect); ok {
			reconnect = true
		}
	}
	if !reconnect {
		t.Error("no Reconnect was said")
	}
}
