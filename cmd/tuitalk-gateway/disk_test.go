//go:build integration

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

// wire is a client of the extended form on the bare protocol.
type wire struct {
	t    *testing.T
	ws   *websocket.Conn
	uuid talk.UUID
}

func dialWire(t *testing.T, addr string, room int32) *wire {
	t.Helper()
	w, err := tryWire(t, addr, room)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// tryWire connects, says who it is, and asks for a room.
func tryWire(t *testing.T, addr string, room int32) (*wire, error) {
	t.Helper()
	return tryWireBy(t, addr, room, nil)
}

func tryWireBy(t *testing.T, addr string, room int32, by *websocket.DialOptions) (*wire, error) {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", by)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(1 << 20)
	w := &wire{t: t, ws: ws}
	if err := w.trySay(talk.Hello{Client: "test", Secret: client.NewSecret()}); err != nil {
		return nil, err
	}
	for w.uuid.IsZero() {
		m, err := w.next()
		if err != nil {
			return nil, err
		}
		if m, ok := m.(talk.Welcome); ok {
			w.uuid = m.UUID
		}
	}
	return w, w.trySay(talk.JoinRoom{RoomID: room, UUID: w.uuid, Username: "writer"})
}

func (w *wire) say(m talk.Message) {
	w.t.Helper()
	if err := w.trySay(m); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) trySay(m talk.Message) error {
	b, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		return err
	}
	return w.ws.Write(w.t.Context(), websocket.MessageText, b)
}

func (w *wire) hear() talk.Message {
	w.t.Helper()
	m, err := w.next()
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *wire) next() (talk.Message, error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	_, b, err := w.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	return talk.Decode(talk.Extended, b)
}

// post sends a text and waits for its fate: the seq, or the refusal.
func (w *wire) post(room int32, id talk.UUID, round int32, text string) (seq int64, refusal talk.Error) {
	w.t.Helper()
	w.say(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: w.uuid, ID: id, Text: text, Round: round})
	for {
		switch m := w.hear().(type) {
		case talk.Stored:
			if m.ID == id {
				return m.Seq, talk.Error{}
			}
		case talk.Error:
			return 0, m
		}
	}
}

// stored posts a text until it is stored, in this round or a later one: a busy machine
// may not have the time for it at once.
func (w *wire) stored(room int32, round int32, text string) {
	w.t.Helper()
	id := newID()
	for {
		_, refusal := w.post(room, id, round, text)
		if refusal.Code == "" {
			return
		}
		if !refusal.Retry {
			w.t.Fatalf("%q is refused with %+v", text, refusal)
		}
		time.Sleep(50 * time.Millisecond) // as a client waits before it sends again
		round++
	}
}

// accepted posts a text and waits until it is said to be accepted.
func (w *wire) accepted(room int32, id talk.UUID, text string) {
	w.t.Helper()
	e := talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: w.uuid, ID: id, Text: text}
	w.say(e)
	for {
		switch m := w.hear().(type) {
		case talk.Accepted:
			if m.ID == id {
				return
			}
		case talk.Stored:
			w.t.Fatalf("stored without a store: %+v", m)
		case talk.Error:
			if !m.Retry {
				w.t.Fatalf("refused with %+v", m)
			}
			time.Sleep(50 * time.Millisecond) // as a client waits before it sends again
			e.Round++
			w.say(e)
		}
	}
}

// readRoom reads the room's first posts from the history as soon as it has so
// many.
func readRoom(t *testing.T, addr string, room int32, count int) []talk.Entry {
	t.Helper()
	var last error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		w, err := tryWire(t, addr, room)
		if err != nil {
			last = err // one that was frozen for long closes what it finds
			continue
		}
		posts, err := w.history(room)
		_ = w.ws.CloseNow()
		if len(posts) >= count {
			return posts
		}
		last = err
	}
	t.Fatalf("the history does not get %d posts: %v", count, last)
	return nil
}

// history loads the posts of a room.
func (w *wire) history(room int32) (posts []talk.Entry, err error) {
	if err := w.trySay(talk.Fetch{RoomID: room, Limit: talk.MaxFetch, BeforeSeq: 1 << 40}); err != nil {
		return nil, err
	}
	for {
		m, err := w.next()
		if err != nil {
			return nil, err
		}
		if e, ok := m.(talk.Error); ok {
			return nil, fmt.Errorf("answered with %+v", e) // the store is hardly back
		}
		h, ok := m.(talk.History)
		if !ok {
			continue
		}
		for _, m := range h.Text {
			if e, ok := m.(talk.Entry); ok && e.Kind == talk.KindPosted {
				posts = append(posts, e)
			}
		}
		if !h.More {
			return posts, nil
		}
	}
}

func newID() talk.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return talk.MakeUUID(4, b)
}

// TestDiskFull: what does not fit is refused and not acknowledged; the gateway
// lives on, says that it is not ready, and goes on when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatalf("mount a small disk (this test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	g := startGateway(t, disk, "-limits", "none")
	w := dialWire(t, g.addr, 1)
	text := strings.Repeat("full ", 700)
	stored := map[talk.UUID]int64{}
	var refused talk.UUID
	for refused.IsZero() {
		id := newID()
		seq, refusal := w.post(1, id, 0, text)
		switch {
		case refusal.Code == "":
			stored[id] = seq
		case refusal.Code != talk.CodeUnavailable || !refusal.Retry || refusal.ID != id || refusal.Message == "":
			t.Fatalf("refused with %+v", refusal)
		default:
			refused = id
		}
		if len(stored) > 1000 {
			t.Fatal("the disk does not get full")
		}
	}
	if len(stored) == 0 {
		t.Fatal("nothing was stored before the disk was full")
	}
	if !g.Running() {
		t.Fatalf("the gateway ended:\n%s", g.Log())
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	seq, refusal := int64(0), talk.Error{Code: "not yet"}
	for round := int32(1); refusal.Code != "" && round < 100; round++ {
		time.Sleep(100 * time.Millisecond) // as a client waits before it sends again
		seq, refusal = w.post(1, refused, round, text)
	}
	if refusal.Code != "" {
		t.Fatalf("with room on the disk again: %+v", refusal)
	}
	stored[refused] = seq
	if err := g.Stop(); err != nil {
		t.Fatal(err)
	}
	compareStored(t, g, stored)
}

func compareStored(t *testing.T, g *gatewayProcess, stored map[talk.UUID]int64) {
	t.Helper()
	store, err := sqlitestore.Open(g.store, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entries, _, err := store.Before(context.Background(), 1, 0, 5000)
	if err != nil {
		t.Fatal(err)
	}
	posts := 0
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			t.Errorf("seq %d at place %d", e.Seq, i+1)
		}
		if e.Kind != talk.KindPosted {
			continue
		}
		posts++
		if stored[e.ID] != e.Seq {
			t.Errorf("entry %d was acknowledged as %d", e.Seq, stored[e.ID])
		}
	}
	if posts != len(stored) {
		t.Errorf("%d posts are stored, %d were acknowledged", posts, len(stored))
	}
}
