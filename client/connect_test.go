package client

import (
	"testing"
	"time"

	"tuitalk/talk"
)

func TestStartGreetsAndJoins(t *testing.T) {
	t.Run("unknown user", func(t *testing.T) {
		r := newRig(t, State{}, nil)
		me := r.s.Me().UUID
		r.do(Start{})
		if d := one(t, take[Dial](r)); d.URL != "ws://a/ws" || d.Conn != 1 {
			t.Fatalf("dials %+v", d)
		}
		r.do(Opened{1})
		list := take[Send](r)
		h, j := list[0].Message.(talk.Hello), list[1].Message.(talk.JoinRoom)
		if h.Secret.IsZero() || h.Secret.UUID() != me || h.Session.IsZero() || h.Client != "tuitalk" {
			t.Fatalf("%+v", h)
		}
		if j.UUID != me || j.Resume || j.Username == "" || j.RoomID != 1 {
			t.Fatalf("%+v", j)
		}
		r.get(1, talk.Welcome{UUID: me, Server: "n1"})
		r.pass(lazySave)
		if r.disk.Secret != h.Secret {
			t.Fatalf("%+v", r.disk)
		}
		r.join(1, 0, 0)
		r.phase(Online)
		if st := r.s.Status(); st.Node != "n1" || st.Server != "ws://a/ws" || !r.s.Complete() || r.s.Loading() {
			t.Fatalf("%+v", st)
		}
	})
	t.Run("known user", func(t *testing.T) {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.do(Opened{1})
		list := take[Send](r)
		if len(list) != 2 {
			t.Fatalf("sends %+v", list)
		}
		h, j := list[0].Message.(talk.Hello), list[1].Message.(talk.JoinRoom)
		if h.Secret != mySecret || h.Session != known().Session || j.UUID != meID || j.Username != "ada" {
			t.Fatalf("%+v %+v", h, j)
		}
		r.get(1, talk.Welcome{UUID: meID})
		none(t, take[Save](r))
		r.join(1, 7, 9)
		if f := one(t, sent[talk.Fetch](r)); f.BeforeSeq != 8 || f.Limit != 100 || f.RoomID != 1 || !r.s.Loading() {
			t.Fatalf("%+v", f)
		}
	})
}

func TestNewChecks(t *testing.T) {
	good := Config{Servers: []string{"wss://a/ws"}}
	for name, c := range map[string]struct {
		change func(*Config)
		ok     bool
	}{
		"good":              {func(*Config) {}, true},
		"no server":         {func(c *Config) { c.Servers = nil }, false},
		"not a websocket":   {func(c *Config) { c.Servers = []string{"http://a"} }, false},
		"an invisible name": {func(c *Config) { c.Name = "\u200b" }, false},
		"a name":            {func(c *Config) { c.Name = " Ada  L. " }, true},
	} {
		cfg := good
		c.change(&cfg)
		if _, err := New(cfg, State{}); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, _ := New(Config{Servers: good.Servers, Name: " Ada  L. "}, State{Name: "bob"})
	if s.Me().Username != "Ada L." {
		t.Errorf("name %q", s.Me().Username)
	}
	s, _ = New(good, State{Name: "\x1b"})
	if len(s.Me().Username) != len("guest-0000") {
		t.Errorf("made-up name %q", s.Me().Username)
	}
}

func TestSecondDial(t *testing.T) {
	r := newRig(t, known(), func(c *Config) { c.Servers = []string{"ws://a/ws", "ws://b/ws"} })
	r.do(Start{})
	one(t, take[Dial](r))
	r.pass(1400 * time.Millisecond)
	none(t, take[Dial](r))
	r.pass(200 * time.Millisecond)
	if d := one(t, take[Dial](r)); d.URL != "ws://b/ws" || d.Conn != 2 {
		t.Fatalf("%+v", d)
	}
	r.do(Opened{2})
	for _, e := range r.done {
		if _, ok := e.(Hangup); ok {
			t.Fatal("the first dial is cut short")
		}
	}
	if h := take[Send](r); h[0].Conn != 2 {
		t.Fatalf("%+v", h)
	}
	r.do(Opened{1})
	if h := one(t, take[Hangup](r)); h.Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.get(2, talk.Welcome{UUID: meID})
	r.join(2, 0, 0)
	r.do(Closed{Conn: 2})
	r.pass(time.Second)
	if d := take[Dial](r); d[0].URL != "ws://b/ws" {
		t.Fatalf("the good server is not preferred: %+v", d)
	}
}

func TestHandshakeDeadlines(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	r.pass(7900 * time.Millisecond)
	none(t, take[Hangup](r))
	r.pass(200 * time.Millisecond)
	if h := one(t, take[Hangup](r)); h.Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.pass(2 * time.Second)
	if len(take[Dial](r)) == 0 {
		t.Fatal("nothing is dialled after the deadline")
	}
	if got := r.s.Status(); got.Phase != Connecting || got.Reason == "" {
		t.Fatalf("%+v", got)
	}

	r = newRig(t, known(), nil)
	r.do(Start{})
	r.do(Opened{1})
	r.done = nil
	for range 4 { // it answers, but the room does not come
		r.pass(4 * time.Second)
		r.answer(1)
	}
	if h := take[Hangup](r); len(h) != 1 || h[0].Conn != 1 {
		t.Fatalf("%+v", h)
	}
}

func TestBackoff(t *testing.T) {
	servers := []string{"ws://a/ws", "ws://b/ws", "ws://c/ws"}
	for seed := range uint64(20) {
		r := newRig(t, known(), func(c *Config) { c.Seed, c.Servers = seed, servers })
		r.do(Start{})
		last := r.now
		for n, most := range []time.Duration{0, 100, 300, 700, 1500, 3100, 5000, 5000, 5000} {
			d := one(t, take[Dial](r))
			if d.URL != servers[n%3] || d.Conn != ConnID(n+1) {
				t.Fatalf("attempt %d: %+v", n, d)
			}
			if wait := r.now.Sub(last); wait > most*time.Millisecond {
				t.Fatalf("attempt %d after %v", n, wait)
			}
			last = r.now
			r.do(Closed{Conn: d.Conn, Reason: "refused"})
			for len(r.done) == 0 || !hasDial(r.done) {
				if r.wake.IsZero() {
					t.Fatal("nothing is planned")
				}
				r.pass(r.wake.Sub(r.now))
			}
		}
	}
	a, b := newRig(t, known(), nil).s, newRig(t, known(), func(c *Config) { c.Seed = 2 }).s
	if a.backoff(9) == b.backoff(9) {
		t.Error("two seeds have the same jitter")
	}
}

func hasDial(list []Effect) bool {
	for _, e := range list {
		if _, ok := e.(Dial); ok {
			return true
		}
	}
	return false
}

func TestLostLineResumesAtOnce(t *testing.T) {
	r := online(t)
	r.pass(4 * time.Second)
	r.get(1, textEntry(6))
	r.done = nil
	r.do(Closed{Conn: 1})
	one(t, take[Dial](r)) // without delay: the line had lasted
	r.phase(Resuming)
	r.pass(1400 * time.Millisecond)
	r.phase(Resuming)
	since := r.s.Status().Since
	r.pass(200 * time.Millisecond)
	r.phase(Reconnecting)
	if r.s.Status().Since != since {
		t.Error("reconnecting does not count from when the line broke")
	}
	r.do(Opened{2})
	if j := one(t, sent[talk.JoinRoom](r)); !j.Resume || j.AfterSeq != 6 || j.AfterID != seqID(6) || j.AfterTime != 6 {
		t.Fatalf("%+v", j)
	}
	r.get(2, talk.Welcome{UUID: meID})
	r.join(2, 6, 8)
	r.phase(Online)
	r.get(2, textEntry(7), textEntry(8))
	r.logIs(1, 8)
	if sent[talk.Fetch](r) != nil {
		t.Error("history is loaded again")
	}
}

// A server that takes the user in and hangs up at once is not stormed.
func TestFlappingServer(t *testing.T) {
	r := newRig(t, known(), nil)
	r.do(Start{})
	end := r.now.Add(time.Minute)
	dials := 0
	for r.now.Before(end) {
		for _, d := range take[Dial](r) {
			dials++
			r.open(d.Conn)
			r.join(d.Conn, 0, 0)
			r.do(Closed{Conn: d.Conn})
		}
		r.pass(10 * time.Millisecond)
	}
	if dials > 60 {
		t.Errorf("%d dials in a minute", dials)
	}
}

func TestSuperseded(t *testing.T) {
	r := online(t)
	r.do(Closed{Conn: 1, Code: talk.CloseSuperseded})
	r.pass(time.Second)
	r.do(Opened{2})
	if h := one(t, sent[talk.Hello](r)); h.Session == known().Session {
		t.Error("keeps the session's name that another window has")
	}
	if r.disk.Session != r.s.State().Session {
		t.Error("the new name is not kept")
	}

	r = online(t)
	r.do(Received{1, talk.Reconnect{}})
	r.pass(time.Second)
	r.do(Opened{2})
	r.do(Closed{Conn: 1, Code: talk.CloseSuperseded}) // by its own new line
	r.open(2)
	r.join(2, 5, 5)
	r.phase(Online)
	if r.s.State().Session != known().Session {
		t.Error("takes itself for another window")
	}
}

func TestRefusedForGood(t *testing.T) {
	for name, refuse := range map[string]func(r *rig){
		"close code": func(r *rig) { r.do(Closed{Conn: 1, Code: talk.CloseNotYou, Reason: "not you"}) },
		"error":      func(r *rig) { r.get(1, talk.Error{Code: talk.CodeNotYou, Message: "not you"}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.do(Opened{1})
			refuse(r)
			r.phase(Refused)
			if st := r.s.Status(); st.Reason != "not you" {
				t.Fatalf("%+v", st)
			}
			r.done = nil
			r.do(Post{Text: "kept"})
			r.pass(time.Hour)
			r.do(Probe{})
			none(t, take[Dial](r))
			if r.s.State().Secret != mySecret || len(r.disk.Outbox) != 1 {
				t.Errorf("%+v", r.disk)
			}
			r.do(Start{})
			one(t, take[Dial](r))
			r.phase(Connecting)
		})
	}
}

// TestHelloThatIsNotUnderstood: a gateway that is older refuses Hello and leaves the
// line open. Another one may be behind the same address, so the line ends, and the
// sentence is shown.
func TestHelloThatIsNotUnderstood(t *testing.T) {
	for _, code := range []talk.Code{talk.CodeBadFrame, "something new"} {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.do(Opened{1})
		r.done = nil
		r.get(1, talk.Error{Code: code, Message: "not readable"})
		if h := one(t, take[Hangup](r)); h.Conn != 1 {
			t.Fatalf("%s: %+v", code, h)
		}
		if st := r.s.Status(); st.Phase != Connecting || st.Reason != "not readable" || st.RetryAt.IsZero() {
			t.Fatalf("%s: %+v", code, st)
		}
		r.pass(time.Second)
		if len(take[Dial](r)) == 0 {
			t.Errorf("%s: does not try another gateway", code)
		}
	}
}

func TestMove(t *testing.T) {
	r := online(t)
	r.pass(4 * time.Second)
	r.get(1, talk.Reconnect{WithinMS: 1000}, talk.Reconnect{WithinMS: 0})
	r.pass(time.Second)
	if d := one(t, take[Dial](r)); d.Conn != 2 {
		t.Fatalf("%+v", d)
	}
	r.phase(Online)
	r.open(2)
	r.get(1, textEntry(6), textEntry(7))
	none(t, take[Hangup](r))
	r.join(2, 5, 7)
	if h := one(t, take[Hangup](r)); h.Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.get(1, textEntry(8)) // what the old line still says counts no more
	r.get(2, textEntry(6), textEntry(7), textEntry(8), textEntry(9))
	r.logIs(1, 9)
	r.phase(Online)
}

func TestMoveFailsAndIsTriedAgain(t *testing.T) {
	r := online(t)
	r.get(1, talk.Reconnect{WithinMS: 10})
	r.pass(time.Second)
	one(t, take[Dial](r))
	r.do(Closed{Conn: 2})
	r.pass(time.Second)
	if len(take[Dial](r)) == 0 {
		t.Fatal("the move is forgotten")
	}
	r.phase(Online)
	r.get(1, textEntry(6))
	r.logIs(1, 6)
}

func TestDeadLineIsFound(t *testing.T) {
	r := online(t)
	r.pass(4900 * time.Millisecond)
	none(t, sent[talk.Ping](r))
	r.pass(200 * time.Millisecond)
	one(t, sent[talk.Ping](r))
	r.answer(1)
	r.pass(5100 * time.Millisecond)
	one(t, sent[talk.Ping](r))
	r.pass(2300 * time.Millisecond)
	r.phase(Online)
	r.pass(200 * time.Millisecond)
	r.phase(Resuming)
	one(t, take[Dial](r)) // 7.6 s after the last word
	r.do(Post{Text: "later"})
	none(t, sent[talk.Entry](r))

	r.answer(1) // it was only asleep
	r.phase(Online)
	one(t, sent[talk.Entry](r))
	r.do(Opened{2})
	if h := one(t, take[Hangup](r)); h.Conn != 2 {
		t.Fatalf("%+v", h)
	}
}

func TestDeadLineIsReplaced(t *testing.T) {
	r := online(t)
	r.pass(8 * time.Second)
	r.phase(Resuming)
	r.open(2)
	none(t, take[Hangup](r))
	r.join(2, 5, 5)
	if h := take[Hangup](r); len(h) == 0 || h[0].Conn != 1 {
		t.Fatalf("%+v", h)
	}
	r.phase(Online)
}

func TestProbe(t *testing.T) {
	r := online(t)
	r.do(Probe{})
	r.do(Probe{})
	one(t, sent[talk.Ping](r))
	r.pass(1600 * time.Millisecond)
	r.phase(Resuming)
	one(t, take[Dial](r))

	r = newRig(t, known(), nil)
	r.do(Start{})
	for conn := ConnID(1); conn < 8; conn++ {
		r.do(Closed{Conn: conn})
		r.done = nil
		r.do(Probe{})
		one(t, take[Dial](r)) // without waiting
	}
}

func TestServerPingIsAnswered(t *testing.T) {
	r := online(t)
	r.get(1, talk.Ping{N: 7})
	if p := one(t, sent[talk.Pong](r)); p.N != 7 {
		t.Fatalf("%+v", p)
	}
}

func TestQuit(t *testing.T) {
	r := online(t)
	r.do(SetName{Name: "new"})
	r.done = nil
	r.do(Quit{})
	r.phase(Ended)
	kinds := ""
	for _, e := range r.done {
		switch e := e.(type) {
		case Send:
			if l, ok := e.Message.(talk.LeaveRoom); ok && l.RoomID == 1 && l.UUID == meID {
				kinds += "leave "
			}
		case Save:
			kinds += "save "
		case Hangup:
			kinds += "hangup "
		case Done:
			kinds += "done"
		}
	}
	if kinds != "leave save hangup done" || r.disk.Name != "new" {
		t.Errorf("%q, %+v", kinds, r.disk)
	}
	r.done = nil
	r.do(Post{Text: "too late"})
	if len(r.done) > 0 {
		t.Errorf("%+v", r.done)
	}
}

func TestGarbledFrames(t *testing.T) {
	r := online(t)
	r.do(DecodeFailed{1, talk.ErrUnknownVariant})
	r.phase(Online)
	r.do(DecodeFailed{1, talk.ErrSyntax}) // it may have been an entry
	if h := take[Hangup](r); len(h) != 1 {
		t.Fatalf("%+v", h)
	}
	r.phase(Resuming)
}

func TestWelcomeThatMakesNoSense(t *testing.T) {
	for name, w := range map[string]talk.Welcome{
		"somebody else": {UUID: otherID},
		"nobody":        {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, known(), nil)
			r.do(Start{})
			r.do(Opened{1})
			r.get(1, w)
			one(t, take[Hangup](r))
			if st := r.s.State(); st.Secret != mySecret {
				t.Fatalf("%+v", st)
			}
			r.pass(2 * time.Second)
			if len(take[Dial](r)) == 0 {
				t.Fatal("gives up")
			}
		})
	}
}

// TestJoinNamesTheLastEntry: by id and date, from wherever the two are known.
func TestJoinNamesTheLastEntry(t *testing.T) {
	older := entryRun(1, 5)
	older[4].UnixTime = 77 // that of the page, which is what is shown
	for name, tc := range map[string]struct {
		hears func(r *rig)
		want  talk.JoinRoom
	}{
		"of a room's end": {func(*rig) {}, talk.JoinRoom{Resume: true, AfterSeq: 5, AfterID: seqID(5), AfterTime: 5}},
		"of a page":       {func(r *rig) { r.get(1, history(5, older...)) }, talk.JoinRoom{Resume: true, AfterSeq: 5, AfterID: seqID(5), AfterTime: 77}},
		"of what is said": {func(r *rig) { r.get(1, textEntry(6)) }, talk.JoinRoom{Resume: true, AfterSeq: 6, AfterID: seqID(6), AfterTime: 6}},
		"of another room": {func(r *rig) { r.do(Join{Room: 2}) }, talk.JoinRoom{}},
	} {
		r := newRig(t, known(), nil)
		r.do(Start{})
		r.open(1)
		r.join(1, 5, 5)
		tc.hears(r)
		r.do(Closed{Conn: 1})
		r.pass(time.Second) // it is dialled meanwhile
		r.done = nil
		r.do(Opened{2})
		j := one(t, sent[talk.JoinRoom](r))
		if got := (talk.JoinRoom{Resume: j.Resume, AfterSeq: j.AfterSeq, AfterID: j.AfterID, AfterTime: j.AfterTime}); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

// TestReconnectThatResets: what the client has is not the room's log, whatever its end looks
// like. It is shown until the new line has joined, which begins from nothing.
func TestReconnectThatResets(t *testing.T) {
	for name, before := range map[string]func(r *rig){
		"in the room": func(r *rig) {
			r.get(1, talk.Reconnect{WithinMS: 1000})
			r.get(1, talk.Reconnect{WithinMS: 1000, Reset: true})
			r.logIs(1, 5)
		},
		"joining once more": func(r *rig) {
			r.get(1, talk.Gap{RoomID: 1, From: 6, To: 90, ToID: seqID(90), ToTime: 90})
			one(r.t, sent[talk.JoinRoom](r))
			r.get(1, talk.Reconnect{WithinMS: 1000, Reset: true})
		},
		"refused for now": func(r *rig) {
			r.get(1, talk.Gap{RoomID: 1, From: 6, To: 90, ToID: seqID(90), ToTime: 90})
			one(r.t, sent[talk.JoinRoom](r))
			r.get(1, talk.Error{Code: talk.CodeBusy, Retry: true, RetryMS: 60_000})
			r.get(1, talk.Reconnect{WithinMS: 1000, Reset: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := online(t)
			before(r)
			r.pass(time.Second)
			r.open(2)
			if j := one(t, sent[talk.JoinRoom](r)); j.Resume {
				t.Errorf("it goes on behind %d", j.AfterSeq)
			}
			r.join(2, 7, 7)
			if n := r.s.Log().Len(); n != 0 {
				t.Errorf("%d entries of the log that is gone are shown", n)
			}
			one(t, sent[talk.Fetch](r))
		})
	}
}
