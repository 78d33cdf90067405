package virtualuser

import (
	"net"
	"testing"
	"time"

	"tuitalk/bench/scenario"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// roomful is a group whose members are in one room, without a server: the test
// hands them what they receive.
func roomful(t testing.TB, n int, speak scenario.Speech) *loop {
	t.Helper()
	return roomfulOf(t, Config{Scenario: small(n, 1, speak)})
}

// roomfulOf is roomful, of a configuration that needs only its target.
func roomfulOf(t testing.TB, cfg Config) *loop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the kernel answers for it
	if err != nil {
		t.Fatal(err)
	}
	cfg.Of, cfg.Targets = 1, []string{"ws://" + listener.Addr().String() + "/"}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		listener.Close()
	})
	l := s.loops[0]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(l.clock.now())
	for i, p := range l.users {
		p.protocol.start()
		line := p.conns[0]
		line.received([]byte(answer("101 Switching Protocols", "Upgrade: websocket\r\nSec-WebSocket-Accept: "+line.target.accept+"\r\n")))
		line.received(framed(t, talk.Welcome{UUID: p.user(), Limits: talk.DefaultLimits()}))
		line.received(framed(t, talk.Joined{RoomID: p.room}))
		if !p.inside {
			t.Fatalf("client %d is not inside", i)
		}
	}
	return l
}

// user is who p is.
func (p *user) user() talk.UUID {
	if s, ok := p.protocol.(*session); ok {
		return s.session.Me().UUID
	}
	return p.protocol.(*wire).me
}

func framed(t testing.TB, m talk.Message) []byte {
	t.Helper()
	b, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		t.Fatal(err)
	}
	return serverFrame(true, websocket.OpBinary, b)
}

// hear lets everybody receive what is said as number seq.
func (l *loop) hear(t testing.TB, seq int64) {
	st := stamp{client: 1 << 20, number: seq, intended: l.micro - 1000, real: l.micro - 900}
	frame := serverFrame(true, websocket.OpBinary, entryFrame(t, seq, st.text(64)))
	for _, p := range l.users {
		p.conns[0].received(frame)
	}
}

// TestWireGoesOnBehindAGap: it asks for what follows a gap, as a session does, and at the
// room's end where the server does not say behind which entry that is.
func TestWireGoesOnBehindAGap(t *testing.T) {
	for name, c := range map[string]struct {
		gap    talk.Gap
		based  bool // it can go on behind an entry
		joined bool // it asks for nothing
	}{
		"named":            {talk.Gap{RoomID: 1, From: 1, To: 90, ToID: talk.UUID{7}}, true, false},
		"not named":        {talk.Gap{RoomID: 1, From: 1, To: 90}, false, false},
		"of what it has":   {talk.Gap{RoomID: 1, From: 1, To: 3, ToID: talk.UUID{7}}, false, true},
		"of another room":  {talk.Gap{RoomID: 2, From: 1, To: 90, ToID: talk.UUID{7}}, false, true},
		"that Joined told": {talk.Gap{RoomID: 1, From: 1, To: 5, ToID: talk.UUID{7}}, true, true},
	} {
		l := roomful(t, 1, scenario.Wire)
		l.mu.Lock()
		p := l.users[0]
		w := p.protocol.(*wire)
		line := p.conns[0]
		line.received(framed(t, talk.Joined{RoomID: p.room, AfterSeq: 5, HeadSeq: 9}))
		c.gap.RoomID += p.room - 1
		line.received(framed(t, c.gap))
		if w.based != c.based || w.joined != c.joined {
			t.Errorf("%s: it goes on behind an entry: %v, it is in the room: %v", name, w.based, w.joined)
		}
		if w.based && (p.last != c.gap.To || w.lastID != c.gap.ToID) {
			t.Errorf("%s: it goes on behind %d %s", name, p.last, w.lastID)
		}
		l.mu.Unlock()
	}
}

func TestWhatADeliveryAllocates(t *testing.T) {
	const members = 100
	for speak, most := range map[scenario.Speech]float64{scenario.Session: 0.2, scenario.Wire: 0} {
		l := roomful(t, members, speak)
		l.mu.Lock()
		seq := int64(0)
		hear := func() {
			seq++
			l.hear(t, seq)
		}
		for range 2 * keepEntries {
			hear() // until their logs are full
		}
		// What it takes to make the frame, and to decode it once, is for all.
		const forAll = 20
		if n := testing.AllocsPerRun(200, hear); n > most*members+forAll {
			t.Errorf("%s: %v allocations for %d deliveries", speak, n, members)
		}
		if got := l.sample.Delivered; got != seq*members {
			t.Errorf("%s: %d deliveries of %d", speak, got, seq*members)
		}
		l.mu.Unlock()
	}
}

// BenchmarkDelivery is what a delivery costs this program, from the bytes of a
// read to the histogram, without the kernel.
func BenchmarkDelivery(b *testing.B) {
	for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
		b.Run(string(speak), func(b *testing.B) {
			l := roomful(b, 100, speak)
			l.mu.Lock()
			defer l.mu.Unlock()
			b.ReportAllocs()
			for seq := int64(1); b.Loop(); seq++ {
				l.hear(b, seq)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(time.Nanosecond)/float64(b.N)/100, "ns/delivery")
		})
	}
}
