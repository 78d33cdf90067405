package gateway_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/talk"
)

// TestPanicFailsOneRequest: whatever a request panics in, its connection is closed,
// no lock stays taken, the room can be entered, and the others go on.
func TestPanicFailsOneRequest(t *testing.T) {
	t.Parallel()
	const room = 66
	in := func(name string) func(op string, at int32) bool {
		return func(op string, at int32) bool { return op == name && at == room }
	}
	join := func(p *peer) { p.say(talk.JoinRoom{RoomID: room, UUID: p.uuid, Username: "victim"}) }
	for name, tc := range map[string]struct {
		before func(p *peer)
		panics func(op string, at int32) bool
		handle int64 // the handling of this message, counted from now on, panics
		decode bool  // its decoding instead
		ask    func(p *peer)
	}{
		"subscribing to a room": {panics: in("Subscribe"), ask: join},
		"opening a room":        {panics: in("Room"), ask: join},
		"reading its newest":    {panics: in("Before"), ask: join},
		"older history": {
			before: func(p *peer) { p.join(room, "victim") },
			panics: func(op string, at int32) bool { return at == room && op != "Move" && op != "Unsubscribe" },
			ask:    func(p *peer) { p.say(talk.Fetch{RoomID: room, Limit: 9, BeforeSeq: 9}) },
		},
		"handling a message": {handle: 1, ask: join},
		"decoding a message": {handle: 1, decode: true, ask: join},
		"handling a message that has waited": {handle: 2, ask: func(p *peer) {
			join(p)
			p.say(talk.ChangeName{UUID: p.uuid, Username: "other", ID: newID(4)})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var fuse atomic.Int64
			at := map[bool]string{true: "decode", false: "handle"}[tc.decode]
			n, g := startGated(t, func(o *gateway.Options) {
				tiny(o)
				o.Failpoint = func(step string) {
					if step == at && fuse.Add(-1) == 0 { // the clock has a step of its own
						panic("a fault of a test")
					}
				}
			})
			ada, bob, victim, next := hello(t, n.addr), hello(t, n.addr), hello(t, n.addr), hello(t, n.addr)
			ada.join(1, "ada")
			bob.join(1, "bob")
			if tc.before != nil {
				tc.before(victim)
			}
			fuse.Store(tc.handle)
			if tc.panics != nil {
				g.set(func(_ context.Context, op string, at int32) error {
					if tc.panics(op, at) {
						panic("a fault of a test")
					}
					return nil
				})
			}
			tc.ask(victim)
			for err := error(nil); err == nil; {
				if _, err = victim.tryHear(patience); err != nil && isTimeout(err) {
					t.Error("the connection of the request is not closed")
				}
			}
			g.open()
			next.join(room, "next")
			ada.postStored(1, "are you there?")
			bob.heardText("are you there?")
			if n.metric(t, "tuitalk_panics_total", "") == 0 {
				t.Error("the panic is not counted")
			}
			if why := n.server.Stuck(); why != "" {
				t.Error(why)
			}
		})
	}
}

// TestPanicInThePage is answered, or its connection closed, and nobody else notices.
func TestPanicInThePage(t *testing.T) {
	t.Parallel()
	n, _ := startGated(t, func(o *gateway.Options) {
		tiny(o)
		o.Site = http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/bad" {
				panic("a fault of a test")
			}
		})
	})
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, path := range []string{"/bad", "/bad", "/good"} {
		resp, err := client.Get("http://" + n.addr + path)
		if err == nil {
			_ = resp.Body.Close()
		}
		if path == "/good" && (err != nil || resp.StatusCode != http.StatusOK) {
			t.Errorf("after two panics: %v", err)
		}
		if err, ok := err.(interface{ Timeout() bool }); ok && err.Timeout() {
			t.Errorf("%s is not answered", path)
		}
	}
	p := hello(t, n.addr)
	p.join(1, "p")
	p.postStored(1, "here")
}

// panicEnv makes a run of this test's binary the process that panics.
const panicEnv = "TUITALK_TEST_PANICS_IN"

// TestPanicOnALoopEndsTheProcess: what a lane or the lease manager has panicked in is in
// nobody knows what state.
func TestPanicOnALoopEndsTheProcess(t *testing.T) {
	t.Parallel()
	if op := os.Getenv(panicEnv); op != "" {
		panicIn(t, op)
		return
	}
	for _, op := range []string{"Append", "Move", "Renew"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicOnALoopEndsTheProcess$", "-test.v")
		cmd.Env = append(os.Environ(), panicEnv+"="+op, "TMPDIR="+t.TempDir()) // it clears up nothing
		out, err := cmd.CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("panic: a fault of a test")) {
			t.Errorf("%s: ended with %v:\n%s", op, err, out)
		}
	}
}

// panicIn runs a gateway whose store panics, in a process of its own.
func panicIn(t *testing.T, op string) {
	n, g := startGated(t, nil)
	p := hello(t, n.addr)
	if op != "Move" {
		p.join(1, "p")
	}
	g.set(func(_ context.Context, at string, _ int32) error {
		if at == op {
			panic("a fault of a test")
		}
		return nil
	})
	p.say(talk.JoinRoom{RoomID: 1, UUID: p.uuid, Username: "p"})
	p.say(talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: p.uuid, Text: "x", ID: newID(4)})
	time.Sleep(patience) // it ends before that
	t.Log("the process lives")
}
