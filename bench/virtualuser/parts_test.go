package virtualuser

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
	"tuitalk/client"
	"tuitalk/talk"
	"tuitalk/websocket"
)

func TestStamps(t *testing.T) {
	for _, st := range []stamp{
		{}, {1, 2, 3, time.Now().UnixMicro(), time.Now().UnixMicro() + 250},
		{0xfff, 0xffffff, 0xffffffff, 1 << 51, 1<<51 + 1<<32 - 1},
	} {
		for _, size := range []int{scenario.MinSize, 64, 4000} {
			text := st.text(size)
			if len(text) != size {
				t.Errorf("a text of %d bytes has %d", size, len(text))
			}
			if clean, err := talk.CheckText(text); err != nil || clean != text {
				t.Errorf("nobody can say %q: %q, %v", text, clean, err)
			}
			if got, ok := readStamp(text); !ok || got != st {
				t.Errorf("%+v is read as %+v", st, got)
			}
		}
	}
	for _, text := range []string{"", "hello", "m:" + strings.Repeat("z", 60), (&stamp{}).text(48)[:40]} {
		if st, ok := readStamp(text); ok {
			t.Errorf("%q bears a stamp: %+v", text, st)
		}
	}
}

func TestTimersTickInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	base := time.Now()
	var timers timers
	people := make([]*user, 500)
	want := map[*user]time.Time{}
	for i := range people {
		people[i] = &user{index: i}
	}
	for range 5000 {
		p := people[rng.IntN(len(people))]
		switch rng.IntN(5) {
		case 0:
			timers.set(p, time.Time{})
			delete(want, p)
		case 1:
			now := base.Add(time.Duration(rng.IntN(1000)))
			if got := timers.pop(now); got != nil {
				if want[got].After(now) {
					t.Fatalf("a tick at %s too early", want[got].Sub(now))
				}
				delete(want, got)
			}
		default:
			want[p] = base.Add(time.Duration(rng.IntN(1000)))
			timers.set(p, want[p])
		}
	}
	var last time.Time
	for {
		at, ok := timers.soonest()
		p := timers.pop(base.Add(time.Second))
		if p == nil {
			break
		}
		if !ok || !at.Equal(want[p]) || at.Before(last) {
			t.Fatalf("a tick at %s, want %s, after %s", at.Sub(base), want[p].Sub(base), last.Sub(base))
		}
		last = at
		delete(want, p)
	}
	if len(want) != 0 {
		t.Errorf("%d ticks never come", len(want))
	}
}

func answer(status, headers string) string {
	return "HTTP/1.1 " + status + "\r\n" + headers + "\r\n"
}

func TestAnswersToTheUpgrade(t *testing.T) {
	tg, err := findTarget("ws://127.0.0.1:1/ws?a=b", &tlsconfig.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(tg.request), "GET /ws?a=b HTTP/1.1\r\nHost: 127.0.0.1:1\r\n") {
		t.Errorf("%s", tg.request)
	}
	good := "upgrade: WebSocket\r\nConnection: Upgrade\r\nSec-Websocket-Accept: " + tg.accept + "\r\n"
	for _, tc := range []struct{ answer, want string }{
		{answer("101 Switching Protocols", good), ""},
		{answer("101 Switching Protocols", "Upgrade: websocket\r\n"), "is not WebSocket's"},
		{answer("101 Switching Protocols", strings.Replace(good, "WebSocket", "h2c", 1)), "is not WebSocket's"},
		{answer("404 Not Found", ""), "refuses the upgrade: 404 Not Found"},
		{answer("503 Service Unavailable", "Retry-After: 1\r\n"), "refuses the upgrade: 503 Service Unavailable"},
		{"HTTP/1.0 403 Forbidden\r\n\r\n", "refuses the upgrade: 403 Forbidden"},
		{"SSH-2.0-OpenSSH_9.6\r\n", "not answer in HTTP"},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("x", maxAnswer), "not answer in HTTP"},
		{"HTTP/1.1 101 Sw", websocket.ErrPartial.Error()},
		{"H", websocket.ErrPartial.Error()},
	} {
		n, err := tg.answered([]byte(tc.answer))
		if tc.want == "" && (err != nil || n != len(tc.answer)) || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%.40q: %d, %v; want %q", tc.answer, n, err, tc.want)
		}
	}
	for _, url := range []string{"http://x/", "wss://", "ws://", "ws://127.0.0.1:bad/", "::"} {
		if _, err := findTarget(url, &tlsconfig.Policy{}); err == nil || !strings.Contains(err.Error(), "target") {
			t.Errorf("target %q: %v", url, err)
		}
	}
}

func entryFrame(t testing.TB, seq int64, text string) []byte {
	t.Helper()
	b, err := talk.Append(nil, talk.ExtendedBincode, talk.Entry{
		Kind: talk.KindPosted, RoomID: 1, Author: talk.UUID{1}, Name: "ann", Text: text, ID: talk.UUID{2, byte(seq)}, Seq: seq,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMemo(t *testing.T) {
	m := newDecodeCache(talk.ExtendedBincode)
	for range 3 {
		for seq := range int64(3 * cacheSlots) { // more than it holds
			st := stamp{number: seq}
			frame := entryFrame(t, seq, st.text(64))
			want, err := talk.Decode(talk.ExtendedBincode, frame)
			d := m.decode(frame)
			clear(frame) // it was only lent
			if err != nil || d.err != nil || d.message != want || d.stamp == nil || *d.stamp != st {
				t.Fatalf("%+v, want %+v", d, want)
			}
		}
	}
	if d := m.decode([]byte{byte(talk.TagPostMessage), 0, 0, 0, 16}); d.err == nil || d.message != nil {
		t.Errorf("%+v", d)
	}
	if d := m.decode(entryFrame(t, 1, "hello")); d.stamp != nil || d.err != nil {
		t.Errorf("%+v", d)
	}
	frame := entryFrame(t, 7, (&stamp{}).text(64))
	m.decode(frame)
	if n := testing.AllocsPerRun(100, func() { m.decode(frame) }); n != 0 {
		t.Errorf("%v allocations for a message that is known", n)
	}
}

// TestSessionsDoNotChangeMessages: many sessions are handed the same decoded
// message.
func TestSessionsDoNotChangeMessages(t *testing.T) {
	messages := []talk.Message{
		talk.Welcome{UUID: talk.Secret{9}.UUID(), Server: "s"},
		talk.Joined{RoomID: 1, HeadSeq: 1, AfterSeq: 1, MemberCount: 2, Members: []talk.Member{
			{UUID: talk.UUID{3}, Username: "zoe"}, {UUID: talk.UUID{1}, Username: "ann"},
		}},
		talk.Entry{Kind: talk.KindPosted, RoomID: 1, Author: talk.UUID{1}, Name: strings.Repeat("n", 5000), Text: strings.Repeat("x", 200_000), ID: talk.UUID{2}, Seq: 2},
		talk.History{RoomID: 1, BeforeSeq: 2, Complete: true, Text: []talk.Message{
			talk.Entry{Kind: talk.KindJoined, RoomID: 1, Author: talk.UUID{1}, Name: strings.Repeat("n", 5000), ID: talk.UUID{5}, Seq: 1},
		}},
	}
	before := fmt.Sprintf("%#v", messages)
	for range 2 {
		s, err := client.New(client.Config{Servers: []string{"ws://x"}, Name: "me", Room: 1, Seed: 1}, client.State{Secret: talk.Secret{9}})
		if err != nil {
			t.Fatal(err)
		}
		s.Handle(time.Now(), client.Start{})
		s.Handle(time.Now(), client.Opened{Conn: 1})
		for _, m := range messages {
			s.Handle(time.Now(), client.Received{Conn: 1, Message: m})
		}
		_ = s.Members()
		if s.Log().Len() != 2 || len(s.Members()) == 0 {
			t.Fatalf("%d entries are shown, %d members", s.Log().Len(), len(s.Members()))
		}
	}
	if after := fmt.Sprintf("%#v", messages); after != before {
		t.Errorf("a session has changed what it was handed")
	}
}

func TestClockOfTheCoordinator(t *testing.T) {
	c := clock{base: time.Now(), offset: -3 * time.Hour}
	now := c.now()
	theirs := c.shared(now)
	if got := theirs.Sub(now.Round(0)); got != c.offset {
		t.Errorf("%s off", got)
	}
	if back := c.own(theirs); back.Sub(now).Abs() > time.Microsecond {
		t.Errorf("%s off on the way back", back.Sub(now))
	}
	if c.micro(now) != theirs.UnixMicro() || !c.shared(time.Time{}).IsZero() {
		t.Error("stamps have another time")
	}
}

func TestSharesAreWhole(t *testing.T) {
	seen := []int{}
	for share := range 3 {
		s, err := New(Config{Scenario: small(10, 2, scenario.Wire), Share: share, Of: 3, Targets: []string{"ws://127.0.0.1:1/"}, Loops: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range s.loops {
			for _, p := range l.users {
				seen = append(seen, p.index)
				if p.room != s.plan.Room(p.index) {
					t.Errorf("client %d is in room %d", p.index, p.room)
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	slices.Sort(seen)
	if !slices.Equal(seen, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%v", seen)
	}
}

// small is a scenario of a few clients.
func small(clients, rooms int, speak scenario.Speech) scenario.Scenario {
	return scenario.Scenario{
		Clients: clients, Rooms: rooms, FirstRoom: 1, Size: 64, Arrivals: scenario.Constant, FetchLimit: 10,
		Duration: scenario.Duration(time.Second), Speak: speak, Form: scenario.Bincode, Seed: 7,
	}
}
