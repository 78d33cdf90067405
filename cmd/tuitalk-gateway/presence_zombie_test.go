//go:build integration

package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

// visitor is a client on the bare protocol, in any form, that knows who it is.
type visitor struct {
	t       *testing.T
	ws      *websocket.Conn
	form    talk.Form
	uuid    talk.UUID
	secret  talk.Secret
	session talk.UUID
}

// visit connects; in the extended form, as the user and window of v.
func (v visitor) visit(addr string) *visitor {
	v.t.Helper()
	ws, _, err := websocket.Dial(v.t.Context(), "ws://"+addr+"/ws", nil)
	if err != nil {
		v.t.Fatal(err)
	}
	v.t.Cleanup(func() { _ = ws.CloseNow() })
	ws.SetReadLimit(1 << 20)
	v.ws = ws
	if v.form != talk.Extended {
		return &v
	}
	if v.secret.IsZero() {
		v.secret = client.NewSecret()
	}
	v.say(talk.Hello{Secret: v.secret, Session: v.session, Client: "test"})
	v.uuid = hearOf[talk.Welcome](&v).UUID
	return &v
}

func (v *visitor) say(m talk.Message) {
	v.t.Helper()
	b, err := talk.Append(nil, v.form, m)
	kind := websocket.MessageText
	if v.form == talk.Bincode {
		kind = websocket.MessageBinary
	}
	if err == nil {
		err = v.ws.Write(v.t.Context(), kind, b)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) tryHear(wait time.Duration) (talk.Message, error) {
	ctx, cancel := context.WithTimeout(v.t.Context(), wait)
	defer cancel()
	_, b, err := v.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	return talk.Decode(v.form, b)
}

// hearOf reads until a message of type M comes.
func hearOf[M talk.Message](v *visitor) M {
	v.t.Helper()
	for {
		m, err := v.tryHear(patience)
		if err != nil {
			v.t.Fatal(err)
		}
		if m, ok := m.(M); ok {
			return m
		}
	}
}

// join enters a room and waits until that is told.
func (v *visitor) join(room int32, name string) {
	v.t.Helper()
	v.say(talk.JoinRoom{RoomID: room, UUID: v.uuid, Username: name})
	if v.form == talk.Extended {
		hearOf[talk.Joined](v)
		return
	}
	for e := (talk.Entry{}); e.Kind != talk.KindJoined || e.Author != v.uuid; {
		e = hearOf[talk.Entry](v)
	}
}

// post says a text with an id, which only the extended form has.
func (v *visitor) post(room int32, id talk.UUID, text string) {
	v.t.Helper()
	v.say(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: v.uuid, Name: "ada", ID: id, Text: text})
}

// buffer sends what a frozen gateway will find in its sockets when it wakes up.
func (v *visitor) buffer(room int32, id talk.UUID, text string) (renamed talk.UUID) {
	v.t.Helper()
	renamed = newID()
	if v.form == talk.Extended {
		v.post(room, id, text)
	}
	v.say(talk.ChangeName{UUID: v.uuid, Username: "zombie", OldUsername: "ada", ID: renamed})
	v.say(talk.LeaveRoom{RoomID: room, UUID: v.uuid, Username: "ada"})
	return renamed
}

// logOf reads a room from the store.
func (f *fleetParts) logOf(t *testing.T, room int32) []talk.Entry {
	t.Helper()
	store, err := pgstore.Open(t.Context(), f.pg.DSN(), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entries, _, err := store.Before(t.Context(), room, 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestAZombieWithBufferedFrames: a gateway is frozen, with a rename and a leave of
// a client in its sockets; the client moves to another gateway; the first one
// wakes up. Nobody is renamed, nobody leaves, and what was said is stored once.
func TestAZombieWithBufferedFrames(t *testing.T) {
	t.Parallel()
	f := startFleetParts(t)
	other, zombie := f.gateway(t, "-grace", "4s"), f.gateway(t, "-grace", "4s")
	room := int32(0)
	for _, tc := range []struct {
		name   string
		form   talk.Form
		frozen time.Duration // a lease is 5 s
		quiet  time.Duration // afterwards, in which nothing may happen
	}{
		{"it has its lease and reads them", talk.Extended, 2 * time.Second, time.Second},
		{"it has lost its lease and closes", talk.Extended, 8 * time.Second, time.Second},
		{"bincode, it has lost its lease and closes", talk.Bincode, 8 * time.Second, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			keeps := tc.frozen < 5*time.Second
			var z zombieCase
			for ok := false; !ok; ok = !keeps || z.took <= 4*time.Second { // else it has lost its lease
				room++
				z = freezeAndMove(t, zombie, other, tc.form, room, tc.frozen)
			}
			old, moved := z.old, z.moved
			if keeps {
				old.wantStale(z.renamed)
			} else {
				old.wantClosed()
			}
			time.Sleep(tc.quiet)
			moved.post(room, newID(), "the end")
			for e := (talk.Entry{}); e.Text != "the end"; {
				e = hearOf[talk.Entry](moved)
			}
			f.checkNoZombie(t, room, old)
		})
	}
}

// zombieCase is a client whose gateway was frozen, and who moved meanwhile.
type zombieCase struct {
	old, moved *visitor
	renamed    talk.UUID     // the rename that the frozen gateway finds
	took       time.Duration // from the freeze to the end of it, however slow the machine is
}

func freezeAndMove(t *testing.T, zombie, other *gatewayProcess, form talk.Form, room int32, frozen time.Duration) (z zombieCase) {
	t.Helper()
	id := newID()
	v := visitor{t: t, form: form, session: newID()}
	if form != talk.Extended {
		v.uuid = newID()
	}
	z.old = v.visit(zombie.addr)
	z.old.join(room, "ada")
	began := time.Now()
	if err := zombie.Freeze(); err != nil {
		t.Fatal(err)
	}
	z.renamed = z.old.buffer(room, id, "half said")
	z.moved = z.old.visit(other.addr)
	z.moved.join(room, "ada")
	if form == talk.Extended {
		z.moved.post(room, id, "half said")
	}
	time.Sleep(frozen - time.Since(began))
	if err := zombie.Thaw(); err != nil {
		t.Fatal(err)
	}
	z.took = time.Since(began)
	return z
}

// wantStale waits until a rename is refused, or the session's newer connection has
// ended this one, whichever the gateway hears of first.
func (v *visitor) wantStale(id talk.UUID) {
	v.t.Helper()
	for {
		m, err := v.tryHear(patience)
		if websocket.CloseStatus(err) == talk.CloseSuperseded {
			return
		}
		if err != nil {
			v.t.Fatal(err)
		}
		if e, ok := m.(talk.Error); ok && e.ID == id {
			if e.Code != talk.CodeRefused {
				v.t.Errorf("the rename was refused with %+v", e)
			}
			return
		}
	}
}

// wantClosed waits until the connection ends, without an answer to what is in it.
func (v *visitor) wantClosed() {
	v.t.Helper()
	for {
		m, err := v.tryHear(patience)
		switch m := m.(type) {
		case talk.Error, talk.Stored, talk.Accepted:
			v.t.Errorf("the zombie answered with %+v", m)
		}
		if errors.Is(err, context.DeadlineExceeded) {
			v.t.Fatal("the zombie keeps the connection")
		}
		if err != nil {
			return
		}
	}
}

func (f *fleetParts) checkNoZombie(t *testing.T, room int32, v *visitor) {
	t.Helper()
	var presence []talk.Kind
	said := map[string]int{}
	for _, e := range f.logOf(t, room) {
		switch {
		case e.Author != v.uuid:
		case e.Kind == talk.KindPosted:
			said[e.Text]++
			if e.Name != "ada" {
				t.Errorf("%q was said as %q", e.Text, e.Name)
			}
		default:
			presence = append(presence, e.Kind)
		}
	}
	if want := []talk.Kind{talk.KindJoined}; !slices.Equal(presence, want) {
		t.Errorf("the log says %v of them, want %v", presence, want)
	}
	if v.form == talk.Extended && said["half said"] != 1 || said["the end"] != 1 {
		t.Errorf("stored how often: %v", said)
	}
}
