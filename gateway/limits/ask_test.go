package limits

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// speaker is a connection that has said who it is.
func (w *world) speaker(from string, n int) *holder {
	h := w.mustOpen(from)
	w.tab.Identify(w.now, &h.Client, who(n))
	return h
}

func TestAskBoundsEachLevel(t *testing.T) {
	rate := Rates{Messages: Rate{1, 4}}
	for level, cfg := range map[Level]Config{
		LevelConnection: {Connection: rate},
		LevelIdentity:   {Identity: rate},
		LevelAddress:    {Address: rate},
		LevelNetwork:    {Network: rate},
		LevelRoom:       {Room: rate},
		LevelProcess:    {Process: rate},
	} {
		t.Run(string(level), func(t *testing.T) {
			cfg.MaxConns = 10
			w := newWorld(t, cfg)
			h, room := w.speaker("2001:db8::1", 1), &Room{}
			ask := func() Verdict {
				return w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: 1, Who: who(1)}, Cost{1, 100})
			}
			for i := range 4 {
				if v := ask(); v.Wait != 0 {
					t.Fatalf("message %d waits: %+v", i, v)
				}
			}
			v := ask()
			if v.Level != level || v.Wait <= 0 || v.Wait > maxTurn {
				t.Fatalf("the fifth: %+v", v)
			}
			w.now += v.Wait
			if again := ask(); again.Wait != 0 {
				t.Errorf("after waiting %v as told: %+v", v.Wait, again)
			}
		})
	}
}

// TestAskTakesNothingWhenOneLevelRefuses: the levels that would have had enough are
// as they were.
func TestAskTakesNothingWhenOneLevelRefuses(t *testing.T) {
	w := newWorld(t, Config{
		MaxConns: 10, Connection: Rates{Messages: Rate{1, 3}}, Identity: Rates{Messages: Rate{0.001, 10}},
		Address: Rates{Messages: Rate{0.001, 10}}, Process: Rates{Messages: Rate{0.001, 10}}, Room: Rates{Messages: Rate{0.001, 10}},
	})
	h, room := w.speaker("10.0.0.1", 1), &Room{}
	for range 1000 {
		w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: 1, Who: who(1)}, Cost{1, 1})
	}
	for name, b := range map[string]*budget{"identity": &h.identity.said, "address": &h.address.said.budget, "room": &room.budget, "process": &w.tab.said.budget} {
		if got := b.messages.debt(w.now); got != 3000*time.Second {
			t.Errorf("%s: %v are taken for three messages", name, got)
		}
	}
}

func TestAskBytes(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 10, Connection: Rates{Bytes: Rate{1000, 10000}}})
	h := w.speaker("10.0.0.1", 1)
	for range 2 {
		if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 5000}); v.Wait != 0 {
			t.Fatalf("%+v", v)
		}
	}
	if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 5000}); v.Wait != 5*time.Second {
		t.Errorf("%+v", v)
	}
	w.now += 10 * time.Second
	if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 1e9}); v.Wait != 0 {
		t.Errorf("what is larger than the bucket never gets through: %+v", v)
	}
}

// TestAskCharge: an answer is paid for by what is asked next, for a bounded time.
func TestAskCharge(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 10, Connection: Rates{Messages: Rate{5, 20}}})
	h := w.speaker("10.0.0.1", 1)
	w.tab.Charge(w.now, &h.Client, Cost{Messages: 20})
	w.tab.Charge(w.now, &h.Client, Cost{Messages: 10})
	if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 1}); v.Wait != 2200*time.Millisecond {
		t.Errorf("after a charge of 30 with a burst of 20: %+v", v)
	}
	for range 100 {
		w.tab.Charge(w.now, &h.Client, Cost{Messages: 20})
	}
	if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 1}); v.Wait > maxDebt+time.Second {
		t.Errorf("a charge has no bound: %+v", v)
	}
}

// TestChargesLeaveTheReserve: what a stranger makes us do without asking, as when he
// sends what is no message, holds up nobody who says little, at his address or
// elsewhere, however much it is.
func TestChargesLeaveTheReserve(t *testing.T) {
	cfg := Default(10000)
	cfg.Connection, cfg.Identity = Rates{}, Rates{}
	w := newWorld(t, cfg)
	var crowd []*holder
	for i := range 65 {
		crowd = append(crowd, w.speaker("10.0.0.1", i+1))
	}
	beside, elsewhere := w.speaker("10.0.0.1", 100), w.speaker("10.0.0.2", 101)
	held := map[*holder]time.Duration{}
	for step := range 600 {
		w.now += 10 * time.Millisecond
		for range 10 {
			w.tab.Charge(w.now, &crowd[step%len(crowd)].Client, Cost{Messages: 1, Bytes: 64 << 10})
		}
		if step%100 != 99 {
			continue
		}
		for _, h := range []*holder{beside, elsewhere} {
			held[h] = max(held[h], w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 300}).Wait)
		}
	}
	if held[elsewhere] > 50*time.Millisecond {
		t.Errorf("somebody elsewhere was held up for %v", held[elsewhere])
	}
	if held[beside] > time.Second { // of the process, his address takes too much
		t.Errorf("somebody beside him was held up for %v", held[beside])
	}
	if v := w.tab.Ask(w.now, &crowd[0].Client, Message, nil, Cost{1, 300}); v.Wait < 10*time.Second {
		t.Errorf("the stranger himself has to wait for %+v", v)
	}
}

// TestChargesArePaid: an address whose people ask for much that is charged when it is
// known does not get more than it may in the long run.
func TestChargesArePaid(t *testing.T) {
	cfg := Default(10000)
	cfg.Connection, cfg.Identity = Rates{}, Rates{}
	w := newWorld(t, cfg)
	var crowd []*holder
	for i := range 300 {
		crowd = append(crowd, w.speaker("10.0.0.1", i+1))
	}
	next := make([]time.Duration, len(crowd))
	const seconds = 60
	cost := 0.0
	for range seconds * 100 {
		w.now += 10 * time.Millisecond
		for i, h := range crowd {
			if w.now < next[i] {
				continue
			}
			v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 100})
			next[i] = w.now + v.Wait
			if v.Wait == 0 {
				w.tab.Charge(w.now, &h.Client, Cost{Messages: 10})
				cost += 11
			}
		}
	}
	r := cfg.Address.Messages
	if most := r.PerSecond * (seconds + 2*slack.Seconds()); cost > most || cost < 0.5*r.PerSecond*seconds {
		t.Errorf("messages worth %.0f passed, %.0f may", cost, most)
	}
}

// TestAskIsFairWithinAnAddress: 600 connections of one address that send what their
// own budget allows do not hold up somebody there who says something now and then,
// and the address as a whole keeps to its budget.
func TestAskIsFairWithinAnAddress(t *testing.T) {
	for name, size := range map[string]float64{"short": 200, "long": 4200} {
		t.Run(name, func(t *testing.T) {
			cfg := Default(10000)
			cfg.Connection, cfg.Identity, cfg.Process = Rates{}, Rates{}, Rates{}
			w := newWorld(t, cfg)
			var crowd []*holder
			var next []time.Duration
			for i := range 600 {
				crowd = append(crowd, w.speaker("10.0.0.1", i+1))
				next = append(next, w.now)
				w.now += 2 * time.Millisecond // they may not all come at once
			}
			honest := w.speaker("10.0.0.1", 0)
			began, passed, held, said := w.now, 0, time.Duration(0), 0
			for step := range 4000 { // 20 s
				w.now += 5 * time.Millisecond
				for i, h := range crowd {
					if w.now >= next[i] {
						v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, size})
						next[i] = w.now + max(v.Wait, 200*time.Millisecond)
						if v.Wait == 0 {
							passed++
						} else {
							next[i] = w.now + v.Wait
						}
					}
				}
				if step%200 == 0 {
					said++
					wait := time.Duration(0)
					for v := w.tab.Ask(w.now, &honest.Client, Message, nil, Cost{1, 300}); v.Wait > 0 && wait < 10*time.Second; {
						wait += v.Wait
						v = w.tab.Ask(w.now+wait, &honest.Client, Message, nil, Cost{1, 300})
					}
					held = max(held, wait)
				}
			}
			seconds := (w.now - began).Seconds()
			if held > 50*time.Millisecond {
				t.Errorf("somebody who speaks every second was held up for %v", held)
			}
			allowed := min(cfg.Address.Messages.PerSecond*seconds+cfg.Address.Messages.Burst, (cfg.Address.Bytes.PerSecond*seconds+cfg.Address.Bytes.Burst)/size)
			if rate := float64(passed); rate > allowed*1.02 || rate < 0.7*min(allowed, 3000*seconds) {
				t.Errorf("%.0f messages passed in %.0f s, %.0f may", rate, seconds, allowed)
			}
		})
	}
}

// TestAskIsFairAmongAddresses: the same for addresses that fill the process.
func TestAskIsFairAmongAddresses(t *testing.T) {
	cfg := Config{MaxConns: 1000, Process: Rates{Messages: Rate{100, 200}}}
	w := newWorld(t, cfg)
	var crowd []*holder
	for i := range 20 {
		crowd = append(crowd, w.speaker(fmt.Sprintf("10.0.1.%d", i), i+1))
	}
	honest := w.speaker("10.0.0.1", 0)
	for step := range 3000 {
		w.now += 10 * time.Millisecond
		for _, h := range crowd {
			w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 1})
		}
		if step > 500 && step%200 == 0 {
			if v := w.tab.Ask(w.now, &honest.Client, Message, nil, Cost{1, 1}); v.Wait > 50*time.Millisecond {
				t.Fatalf("step %d: %+v", step, v)
			}
		}
	}
}

// refused tells whether a connection is to be closed for a refusal of 150 bytes.
func refused(w *world, h *holder, weight float64) bool {
	tooMany, tooDear := w.tab.Refused(w.now, &h.Client, weight, 150)
	return tooMany || tooDear
}

// TestRefusedClosesWhoGoesOn, and not who waits as it is told.
func TestRefusedClosesWhoGoesOn(t *testing.T) {
	w := newWorld(t, Default(100))
	h := w.speaker("10.0.0.1", 1)
	n := 0
	for !refused(w, h, 1) {
		w.now += 200 * time.Millisecond // five a second
		if n++; n > 1000 {
			t.Fatal("never closed")
		}
	}
	patient := w.speaker("10.0.0.2", 2)
	for range 1000 { // 32 posts on their way in a room in slow mode, each time
		closed := refused(w, patient, 1)
		for range 31 {
			closed = closed || refused(w, patient, 0.1)
		}
		if closed {
			t.Fatal("a client that waits for its turn is closed")
		}
		w.now += 5 * time.Second
	}
	for range 10000 {
		if refused(w, patient, 0) {
			t.Fatal("closed for what is the server's fault")
		}
	}
}

func TestRoomSlowMode(t *testing.T) {
	cfg := Config{MaxConns: 100, SlowMode: map[int32]time.Duration{7: 10 * time.Second}}
	w := newWorld(t, cfg)
	room := &Room{}
	a, b := w.speaker("10.0.0.1", 1), w.speaker("10.0.0.1", 2)
	say := func(h *holder, room *Room, id int32) Verdict {
		return w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: id, Who: h.identity.who}, Cost{1, 10})
	}
	if v := say(a, room, 7); v.Wait != 0 {
		t.Fatalf("%+v", v)
	}
	w.now += 4 * time.Second
	if v := say(a, room, 7); v != (Verdict{Wait: 6 * time.Second, Level: LevelSlowMode, Refuse: true}) {
		t.Errorf("%+v", v)
	}
	if v := say(b, room, 7); v.Wait != 0 {
		t.Errorf("somebody else: %+v", v)
	}
	if v := say(a, &Room{}, 8); v.Wait != 0 {
		t.Errorf("another room: %+v", v)
	}
	w.now += 6 * time.Second
	if v := say(a, room, 7); v.Wait != 0 {
		t.Errorf("after waiting as told: %+v", v)
	}
}

// TestRoomSlowModeOfAnAddress: identities are free, so who has many of one address, or
// of one network, speaks no more often in a slow room than those of an address may.
func TestRoomSlowModeOfAnAddress(t *testing.T) {
	for name, tc := range map[string]struct {
		from  string // for each identity
		crowd bool
		want  int // said by 200 identities in one period
	}{
		"an address":            {"10.0.0.1", false, 8},
		"an IPv6 /64":           {"2001:db8::%x", false, 8},
		"an IPv6 /48":           {"2001:db8:0:%x::1", false, 32},
		"many addresses":        {"10.0.0.%d", false, 200},
		"a proxy without names": {"10.0.0.1", true, 200},
	} {
		t.Run(name, func(t *testing.T) {
			const every = 10 * time.Second
			cfg := Config{MaxConns: 1000, SlowMode: map[int32]time.Duration{7: every}, SlowPerAddress: 8}
			w := newWorld(t, cfg)
			room := &Room{}
			var all []*holder
			for i := range 200 {
				from := tc.from
				if strings.Contains(from, "%") {
					from = fmt.Sprintf(from, i)
				}
				all = append(all, w.speaker(from, i))
			}
			said := func() (n int) {
				for _, h := range all {
					v := w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: 7, Who: h.identity.who, Crowd: tc.crowd}, Cost{1, 10})
					switch {
					case v.Wait == 0:
						n++
					case !v.Refuse || v.Level != LevelSlowMode || v.Wait > every:
						t.Fatalf("%+v", v)
					}
				}
				return n
			}
			for period := range 3 {
				if n := said(); n != tc.want {
					t.Errorf("period %d: %d were said, want %d", period, n, tc.want)
				}
				w.now += every
			}
			if n := len(room.said); n > 201 {
				t.Errorf("%d addresses are remembered", n)
			}
			w.now += 2 * every
			w.tab.Ask(w.now, &all[0].Client, Message, &Post{Room: room, ID: 7, Who: who(0), Crowd: tc.crowd}, Cost{1, 10})
			if n := len(room.said); n > 2 {
				t.Errorf("%d addresses are remembered when all is quiet", n)
			}
		})
	}
}

// TestRefusalsArePaidFor: what it takes to refuse comes from what an address may say,
// so nobody who opens many connections has more sent to him than that; those of others
// are answered meanwhile.
func TestRefusalsArePaidFor(t *testing.T) {
	cfg := Default(10_000)
	cfg.Accepts = Rate{} // a stranger with 1,000 connections a second
	w := newWorld(t, cfg)
	sent, closed := 0, 0
	for i := range 10_000 { // in ten seconds: each connection says what is refused, until it had to be closed
		h := w.speaker("10.0.0.1", i)
		for range 59 {
			if sent += 150; refused(w, h, 1) {
				closed++
				break
			}
		}
		w.tab.Leave(&h.Client)
		w.now += time.Millisecond
		if i%100 == 0 {
			other := w.speaker(fmt.Sprintf("10.1.0.%d", i/100), 20_000+i)
			if refused(w, other, 1) {
				t.Fatal("somebody else is closed for it")
			}
		}
	}
	most := int(cfg.Address.Bytes.Burst+10*cfg.Address.Bytes.PerSecond) + 150*10_000
	if sent > most || closed == 0 {
		t.Errorf("%d bytes were sent, more than %d; %d connections were closed", sent, most, closed)
	}
}

// TestRoomGoesIntoSlowModeByItself, and out of it.
func TestRoomGoesIntoSlowModeByItself(t *testing.T) {
	cfg := Config{MaxConns: 1000, Room: Rates{Messages: Rate{10, 50}}, AutoSlowMin: 5 * time.Second, AutoSlowMax: time.Minute}
	w := newWorld(t, cfg)
	room := &Room{}
	var crowd []*holder
	for i := range 200 {
		crowd = append(crowd, w.speaker(fmt.Sprintf("10.0.0.%d", i), i))
	}
	said, slow := 0, 0
	for range 6000 { // a minute of 100 messages a second each
		w.now += 10 * time.Millisecond
		for _, h := range crowd {
			switch v := w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: 1, Who: h.identity.who}, Cost{1, 10}); {
			case v.Wait == 0:
				said++
			case v.Level == LevelSlowMode:
				slow++
				if v.Wait > cfg.AutoSlowMax {
					t.Fatalf("%+v", v)
				}
			}
		}
	}
	if said > 50+600+10 || said < 400 || slow == 0 {
		t.Errorf("%d were said, %d had to wait for their turn", said, slow)
	}
	if n := len(room.spoke); n > 200 {
		t.Errorf("%d speakers are remembered", n)
	}
	w.now += slowFor + cfg.AutoSlowMax
	for i := range 3 {
		if v := w.tab.Ask(w.now, &crowd[0].Client, Message, &Post{Room: room, ID: 1, Who: who(0)}, Cost{1, 10}); v.Wait != 0 {
			t.Errorf("message %d after it was quiet: %+v", i, v)
		}
	}
	if room.spoke != nil {
		t.Error("a room that is not slow remembers who spoke")
	}
}

func TestAskDoesNotAllocate(t *testing.T) {
	w := newWorld(t, Default(1000))
	h, room := w.speaker("2001:db8::1", 1), &Room{}
	if n := testing.AllocsPerRun(1000, func() {
		w.now += 300 * time.Millisecond
		w.tab.Ask(w.now, &h.Client, Message, &Post{Room: room, ID: 1, Who: who(1)}, Cost{1, 100})
	}); n != 0 {
		t.Errorf("%v allocations for each message", n)
	}
}

func BenchmarkAsk(b *testing.B) {
	tab := New(Default(1000))
	h := &holder{}
	h.Holder = h
	now := time.Hour
	tab.Accept(now, &h.Client, netip.AddrFrom4([4]byte{10, 0, 0, 1}), false)
	tab.Identify(now, &h.Client, who(1))
	room := &Room{}
	for b.Loop() {
		now += 300 * time.Millisecond
		tab.Ask(now, &h.Client, Message, &Post{Room: room, ID: 1, Who: who(1)}, Cost{1, 100})
	}
}

// TestHistoryIsSharedFairly: who reads all that he may, from many addresses, holds up
// nobody who reads little, and all together get what they may.
func TestHistoryIsSharedFairly(t *testing.T) {
	w := newWorld(t, Default(10000))
	rate, piece := w.tab.cfg.History.Bytes.PerSecond, 128.0*1024
	var crowd []*holder
	for i := range 120 {
		crowd = append(crowd, w.speaker(fmt.Sprintf("10.0.1.%d", i/2), i+1))
	}
	honest := w.speaker("10.0.0.1", 0)
	next := make([]time.Duration, len(crowd))
	const seconds = 30
	read := 0.0
	for step := range seconds * 100 {
		w.now += 10 * time.Millisecond
		for i, h := range crowd {
			if w.now < next[i] {
				continue
			}
			wait := w.tab.AskHistory(w.now, &h.Client, piece)
			next[i] = w.now + wait
			if wait == 0 {
				read += piece
			}
		}
		if step%300 == 299 {
			if wait := w.tab.AskHistory(w.now, &honest.Client, 20<<10); wait > 50*time.Millisecond {
				t.Fatalf("second %d: somebody who reads a little every 3 s waits %v", step/100, wait)
			}
		}
	}
	if most := rate*seconds + w.tab.cfg.History.Bytes.Burst; read > 1.02*most || read < 0.8*most {
		t.Errorf("%.0f bytes were read, %.0f may", read, most)
	}
	if v := w.tab.Ask(w.now, &crowd[0].Client, Message, nil, Cost{1, 100}); v.Wait != 0 {
		t.Errorf("who reads much may not speak: %+v", v)
	}
}

// TestHistoryThatIsMoreThanAskedFor is paid for by who goes on.
func TestHistoryThatIsMoreThanAskedFor(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 10, History: Rates{Bytes: Rate{1000, 1000}}, HistoryAddress: Rates{Bytes: Rate{500, 1000}}})
	h, other := w.speaker("10.0.0.1", 1), w.speaker("10.0.0.2", 2)
	if wait := w.tab.AskHistory(w.now, &h.Client, 10); wait != 0 {
		t.Fatalf("the first piece waits %v", wait)
	}
	for range 3 {
		w.tab.ChargeHistory(w.now, &h.Client, 5000)
	}
	if wait := w.tab.AskHistory(w.now, &h.Client, 500); wait == 0 {
		t.Error("after a charge of more than there is, the next piece does not wait")
	}
	if wait := w.tab.AskHistory(w.now, &other.Client, 100); wait != 0 {
		t.Errorf("somebody else has to wait %v for it", wait)
	}
}

// TestAskStaysCheapAndFairAtTheShare: addresses that ask for a little more than they
// get, of a process that is full, neither ask all the time nor take what is reserved
// for those who say little.
func TestAskStaysCheapAndFairAtTheShare(t *testing.T) {
	cfg := Config{MaxConns: 10000, Process: Rates{Bytes: Rate{2 << 20, 2 << 20}}}
	w := newWorld(t, cfg)
	const crowd, step, each = 300, time.Millisecond, 200 * time.Millisecond
	var flood []*holder
	due, asks := make([]time.Duration, crowd), make([]time.Duration, crowd) // the next message, and when it is asked for
	for i := range crowd {
		flood = append(flood, w.speaker(fmt.Sprintf("10.0.1.%d", i%60), i+1))
		due[i] = w.now + time.Duration(i)*each/crowd
		asks[i] = due[i]
	}
	honest := w.speaker("10.0.0.1", 0)
	asked, passed := 0, 0
	for n := range 20_000 {
		w.now += step
		for i, h := range flood {
			for w.now >= asks[i] {
				asked++
				if v := w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 4200}); v.Wait > 0 {
					asks[i] = w.now + v.Wait
					break
				}
				passed++
				due[i] = max(due[i]+each, w.now-10*each) // a backlog has an end
				asks[i] = max(w.now, due[i])
			}
		}
		if n%250 == 249 {
			if v := w.tab.Ask(w.now, &honest.Client, Message, nil, Cost{1, 300}); v.Wait > 0 {
				t.Fatalf("after %d ms somebody who says little waits: %+v", n, v)
			}
		}
	}
	if most := 20*2<<20/4200 + 2<<20/4200; passed > most || passed < most*8/10 {
		t.Errorf("%d messages passed, %d may", passed, most)
	}
	if asked > 10*passed {
		t.Errorf("%d messages were asked for %d times", passed, asked)
	}
}
