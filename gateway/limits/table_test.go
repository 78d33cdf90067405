package limits

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// holder notes that its connection had to go.
type holder struct {
	Client
	gone bool
}

func (h *holder) Evict() { h.gone = true }

// world is a table with a clock that the test turns.
type world struct {
	t   *testing.T
	tab *Table
	now time.Duration
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, tab: New(cfg), now: time.Hour}
}

// open accepts a connection; what gives way to it is told so.
func (w *world) open(from string) (*holder, Admission) {
	h := &holder{}
	h.Holder = h
	a := w.tab.Accept(w.now, &h.Client, netip.MustParseAddr(from), false)
	if a.Evicted != nil {
		a.Evicted.Holder.Evict()
	}
	return h, a
}

func (w *world) mustOpen(from string) *holder {
	w.t.Helper()
	h, a := w.open(from)
	if a.Refusal != RefusedNot {
		w.t.Fatalf("a connection from %s is refused: %+v", from, a)
	}
	return h
}

func who(n int) Who { return Who{UUID: [16]byte{byte(n >> 8), byte(n)}} }

func TestTableBoundsConnections(t *testing.T) {
	type step struct {
		from string
		want Refusal
	}
	for name, tc := range map[string]struct {
		cfg   Config
		steps []step
	}{
		"the process": {Config{MaxConns: 2}, []step{{"10.0.0.1", ""}, {"10.0.0.2", ""}, {"10.0.0.3", RefusedFull}}},
		"an address": {Config{MaxConns: 9, PerAddress: 2}, []step{
			{"10.0.0.1", ""}, {"10.0.0.1", ""}, {"10.0.0.1", RefusedAddress}, {"10.0.0.2", ""},
		}},
		"an IPv6 /64 is one address": {Config{MaxConns: 9, PerAddress: 2}, []step{
			{"2001:db8::1", ""}, {"2001:db8::ffff:2", ""}, {"2001:db8::3", RefusedAddress}, {"2001:db8:0:1::3", ""},
		}},
		"an IPv6 /48 is a network": {Config{MaxConns: 9, PerNetwork: 2}, []step{
			{"2001:db8:0:1::1", ""}, {"2001:db8:0:2::1", ""}, {"2001:db8:0:3::1", RefusedNetwork}, {"2001:db8:1::1", ""},
		}},
		"opening them fast": {Config{MaxConns: 9, Accepts: Rate{1, 2}}, []step{
			{"10.0.0.1", ""}, {"10.0.0.1", ""}, {"10.0.0.1", RefusedRate}, {"10.0.0.2", ""},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tc.cfg)
			for i, s := range tc.steps {
				if _, a := w.open(s.from); a.Refusal != s.want {
					t.Errorf("step %d from %s: %q, want %q", i, s.from, a.Refusal, s.want)
				}
			}
		})
	}
}

// TestTableStrangersGiveWayToNewcomers: what one stranger holds open keeps nobody
// else out, however full the process is.
func TestTableStrangersGiveWayToNewcomers(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprint("full ", full), func(t *testing.T) {
			cfg := Config{MaxConns: 100, Unidentified: 25}
			w := newWorld(t, cfg)
			if full {
				for i := range 75 {
					h := w.mustOpen("10.1.0.1")
					w.tab.Identify(w.now, &h.Client, who(i))
				}
			}
			var knocking []*holder
			for range 160 {
				knocking = append(knocking, w.mustOpen("10.0.0.1"))
			}
			var honest []*holder
			for i := range 24 {
				honest = append(honest, w.mustOpen(fmt.Sprintf("10.2.0.%d", i)))
				knocking = append(knocking, w.mustOpen("10.0.0.1"))
			}
			for i, h := range honest {
				if h.gone {
					t.Errorf("honest connection %d had to go for a stranger's", i)
				}
			}
			if s := w.tab.Stats(); s.Unidentified != 25 || s.Conns > 100 {
				t.Errorf("%+v", s)
			}
			for i, h := range knocking[:160] {
				if !h.gone {
					t.Fatalf("connection %d of the stranger is still there", i)
				}
			}
		})
	}
}

// TestTablePeopleInNoRoomGiveWay: identities are free, so a few addresses can fill a
// process with people who join nothing; who joins displaces those, of the network with
// most of them, and nobody who is in a room.
func TestTablePeopleInNoRoomGiveWay(t *testing.T) {
	w := newWorld(t, Default(100))
	var seated, idle []*holder
	for i := range 20 {
		h := w.mustOpen(fmt.Sprintf("10.2.0.%d", i))
		w.tab.Identify(w.now, &h.Client, who(1000+i))
		w.tab.Seat(&h.Client, true)
		seated = append(seated, h)
	}
	for i := range 80 {
		h := w.mustOpen(fmt.Sprintf("2001:db8:%d:%d::1", i%5, i))
		w.tab.Identify(w.now, &h.Client, who(i))
		idle = append(idle, h)
	}
	for i := range 40 {
		h := w.mustOpen(fmt.Sprintf("10.3.0.%d", i))
		w.tab.Identify(w.now, &h.Client, who(2000+i))
		w.tab.Seat(&h.Client, true)
		seated = append(seated, h)
	}
	for i, h := range seated {
		if h.gone {
			t.Errorf("number %d in a room had to go", i)
		}
	}
	gone := 0
	for _, h := range idle {
		if h.gone {
			gone++
		}
	}
	if gone != 40 || !idle[0].gone || idle[79].gone {
		t.Errorf("%d of those in no room had to go for 40, the oldest: %v, the newest: %v", gone, idle[0].gone, idle[79].gone)
	}
}

// TestTableWhoIsAboutToJoinStays: who has asked for a room gives way to nobody, also
// while he is in none, as between two rooms; when he was refused he is like the others.
func TestTableWhoIsAboutToJoinStays(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 20, Unidentified: 5})
	var joining []*holder
	for i := range 20 {
		h := w.mustOpen("10.1.0.1")
		joining = append(joining, h)
		if i%2 == 0 {
			w.tab.Enter(&h.Client, true)
		}
		w.tab.Identify(w.now, &h.Client, who(i))
		if i%2 == 1 {
			w.tab.Seat(&h.Client, true)
			w.tab.Enter(&h.Client, true)
			w.tab.Seat(&h.Client, false)
		}
	}
	if _, a := w.open("10.2.0.1"); a.Refusal != RefusedFull {
		t.Errorf("%+v, though all places are of people who join", a)
	}
	for i, h := range joining {
		if h.gone {
			t.Errorf("number %d had to go, whose join is under way", i)
		}
	}
	for _, h := range joining[:2] {
		w.tab.Enter(&h.Client, false)
	}
	if w.mustOpen("10.2.0.1"); !joining[0].gone || joining[1].gone {
		t.Errorf("who was refused first has gone: %v, the next: %v", joining[0].gone, joining[1].gone)
	}
}

// TestTableWhoSatBeforeHeWasKnownStays: it does not matter which is noted first.
func TestTableWhoSatBeforeHeWasKnownStays(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 10, Unidentified: 5})
	var seated []*holder
	for i := range 10 {
		h := w.mustOpen("10.1.0.1")
		w.tab.Seat(&h.Client, true)
		w.tab.Identify(w.now, &h.Client, who(i))
		seated = append(seated, h)
	}
	if _, a := w.open("10.2.0.1"); a.Refusal != RefusedFull {
		t.Errorf("%+v", a)
	}
	for i, h := range seated {
		if h.gone {
			t.Errorf("number %d had to go, who is in a room", i)
		}
	}
}

// TestTableNetworkIsOneStranger: with as many addresses as he likes of a /48 he is
// still the one who has most.
func TestTableNetworkIsOneStranger(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 100, Unidentified: 10})
	first := w.mustOpen("192.0.2.1")
	for i := range 200 {
		w.mustOpen(fmt.Sprintf("2001:db8:0:%x::1", i))
	}
	if first.gone {
		t.Error("the oldest of another network had to go")
	}
}

// TestTableFindsTheOldestAtOnce: in a network with many half-open connections a
// newcomer costs no walk along those of its other addresses.
func TestTableFindsTheOldestAtOnce(t *testing.T) {
	const crowd, newcomers = 200_000, 200_000
	w := newWorld(t, Config{MaxConns: 2 * crowd, UnidentifiedPerAddress: crowd})
	for range crowd {
		w.mustOpen("2001:db8:0:1::1")
	}
	w.tab.cfg.UnidentifiedPerAddress = 1
	mine := w.mustOpen("2001:db8:0:2::1")
	began := time.Now() // this takes milliseconds, and with a walk longer than a test may
	for range newcomers {
		next := w.mustOpen("2001:db8:0:2::1")
		if !mine.gone {
			t.Fatal("the oldest of the address is still there")
		}
		mine = next
		if took := time.Since(began); took > time.Minute {
			t.Fatalf("%v already", took)
		}
	}
}

// TestDefaultLeavesRoomBesideOneNetwork: the /48 that one customer has, with people
// who say who they are at each of its addresses, is not all of a gateway.
func TestDefaultLeavesRoomBesideOneNetwork(t *testing.T) {
	for _, most := range []int{1, 100, 768, 20_000} {
		w := newWorld(t, Default(most))
		for i := range 16 {
			for n := range most {
				h, a := w.open(fmt.Sprintf("2001:db8:0:%x::1", i))
				if a.Refusal == RefusedRate {
					w.now += time.Second
				} else if a.Refusal == RefusedNot {
					w.tab.Identify(w.now, &h.Client, who(i*most+n))
				}
			}
		}
		if _, a := w.open("192.0.2.1"); most > 1 && a.Refusal != RefusedNot {
			t.Errorf("of %d: somebody else is refused: %q", most, a.Refusal)
		}
	}
}

// TestTableProxiesHaveTheirOwnClass: what a proxy opens counts for who speaks
// through it, and before that in a bounded class of its own.
func TestTableProxiesHaveTheirOwnClass(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 100, Unidentified: 10, PerAddress: 3, UnidentifiedPerAddress: 3})
	open := func() *holder {
		h := &holder{}
		h.Holder = h
		a := w.tab.Accept(w.now, &h.Client, netip.MustParseAddr("127.0.0.1"), true)
		if a.Refusal != RefusedNot {
			t.Fatalf("a proxy is refused: %+v", a)
		}
		if a.Evicted != nil {
			a.Evicted.Holder.Evict()
		}
		return h
	}
	var waiting []*holder
	for range 12 {
		waiting = append(waiting, open())
	}
	for i, h := range waiting {
		if h.gone != (i < 2) {
			t.Errorf("proxy's connection %d: gone %v", i, h.gone)
		}
	}
	to := netip.MustParseAddr("192.0.2.1")
	for i, h := range waiting[2:6] {
		a := w.tab.Move(w.now, &h.Client, to)
		w.tab.Identify(w.now, &h.Client, who(i))
		if want := map[bool]Refusal{true: RefusedAddress}[i == 3]; a.Refusal != want {
			t.Errorf("client %d through the proxy: %q, want %q", i, a.Refusal, want)
		}
	}
	for _, h := range waiting {
		w.tab.Leave(&h.Client)
		w.tab.Leave(&h.Client)
	}
	w.empty()
}

// empty checks that nothing is counted any more, and that all is forgotten in time.
func (w *world) empty() {
	w.t.Helper()
	if s := w.tab.Stats(); s.Conns != 0 || s.Unidentified != 0 {
		w.t.Errorf("everybody has gone, and there are %+v", s)
	}
	for _, m := range []map[netip.Prefix]*address{w.tab.addresses, w.tab.networks} {
		for k, a := range m {
			if a.conns != 0 || a.unidentified != 0 || a.identified != 0 || a.strangers != (line{}) || a.roomless != (line{}) || a.ranks != ([rankings]rankLink{}) {
				w.t.Errorf("%v is left with %d, %d unidentified, %d identified", k, a.conns, a.unidentified, a.identified)
			}
		}
	}
	if w.tab.ranking.worst() != nil || w.tab.roomless.worst() != nil {
		w.t.Error("somebody is ranked who is not here")
	}
	w.now += 24 * time.Hour
	w.tab.Sweep(w.now)
	if s := w.tab.Stats(); s.Addresses != 0 || s.Identities != 0 || len(w.tab.networks) != 0 {
		w.t.Errorf("after a day there is still %+v", s)
	}
}

// TestTableGivesBackExactly lets connections come, move, say who they are, be
// displaced, struck and leave in any order, and counts along.
func TestTableGivesBackExactly(t *testing.T) {
	addrs := []string{"10.0.0.1", "10.0.0.2", "127.0.0.1", "2001:db8:0:1::1", "2001:db8:0:2::1", "2001:db8:1::1"}
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, Config{
			MaxConns: 10 + rng.IntN(20), Unidentified: rng.IntN(12), PerAddress: rng.IntN(12), PerNetwork: rng.IntN(20),
			UnidentifiedPerAddress: rng.IntN(6), Accepts: Rate{float64(rng.IntN(30)), 20}, Strikes: Rate{1, 2},
			KeepOut: time.Second, KeepOutMax: time.Minute, Identity: Rates{Messages: Rate{1, 3}},
		})
		open := map[*holder]bool{}
		for range 600 {
			w.now += time.Duration(rng.IntN(100)) * time.Millisecond
			w.step(rng, open, netip.MustParseAddr(addrs[rng.IntN(len(addrs))]))
			for h := range open {
				if h.gone {
					delete(open, h)
				}
			}
			if s := w.tab.Stats(); s.Conns != len(open) || s.Conns > w.tab.cfg.MaxConns {
				t.Fatalf("seed %d: %d connections are open, at most %d may be, %+v are counted", seed, len(open), w.tab.cfg.MaxConns, s)
			}
		}
		for h := range open {
			w.tab.Leave(&h.Client)
		}
		w.empty()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// step does one random thing.
func (w *world) step(rng *rand.Rand, open map[*holder]bool, addr netip.Addr) {
	h := &holder{}
	h.Holder = h
	for o := range open {
		if rng.IntN(3) == 0 {
			h = o
			break
		}
	}
	var a Admission
	switch {
	case !open[h]:
		if a = w.tab.Accept(w.now, &h.Client, addr, addr.IsLoopback()); a.Refusal == RefusedNot {
			open[h] = true
		}
	case rng.IntN(4) == 0:
		a = w.tab.Move(w.now, &h.Client, addr)
	case rng.IntN(3) == 0:
		w.tab.Identify(w.now, &h.Client, who(rng.IntN(5)))
	case rng.IntN(3) == 0:
		w.tab.Seat(&h.Client, rng.IntN(2) == 0)
	case rng.IntN(3) == 0:
		w.tab.Enter(&h.Client, rng.IntN(2) == 0)
	case rng.IntN(3) == 0:
		w.tab.Strike(w.now, &h.Client, rng.IntN(2) == 0)
	case rng.IntN(3) == 0:
		w.tab.Ask(w.now, &h.Client, Message, nil, Cost{1, 100})
	default:
		w.tab.Leave(&h.Client)
		delete(open, h)
	}
	if a.Evicted != nil {
		a.Evicted.Holder.Evict()
	}
}

// TestTableStaysBounded: who was here is forgotten before it is too much.
func TestTableStaysBounded(t *testing.T) {
	w := newWorld(t, Config{MaxConns: 10, Accepts: Rate{1e-6, 5}})
	for i := range 3 * maxForgotten {
		h := w.mustOpen(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).String())
		w.tab.Leave(&h.Client)
	}
	if s := w.tab.Stats(); s.Addresses > maxForgotten+20 {
		t.Errorf("%d addresses are remembered", s.Addresses)
	}
}

func TestTableKeepsOut(t *testing.T) {
	cfg := Default(1000)
	w := newWorld(t, cfg)
	h := w.mustOpen("2001:db8::1")
	w.tab.Identify(w.now, &h.Client, who(1))
	strike := func(exempt bool) (user, addr time.Duration) { return w.tab.Strike(w.now, &h.Client, exempt) }
	if user, addr := strike(false); user != cfg.KeepOut || addr != 0 {
		t.Errorf("the first time: the user %v, the address %v", user, addr)
	}
	if user, _ := strike(false); user != 0 {
		t.Errorf("who is kept out is kept out again, for %v", user)
	}
	other := w.mustOpen("2001:db8::2")
	if left := w.tab.Identify(w.now, &other.Client, who(1)); left != cfg.KeepOut {
		t.Errorf("another window of the user is kept out for %v", left)
	}
	var addr time.Duration
	for n := 0; addr == 0; n++ {
		if _, addr = strike(true); addr != 0 {
			t.Fatal("an address that is exempt is kept out")
		}
		if _, addr = strike(false); n > 10 {
			t.Fatal("the address is never kept out")
		}
	}
	if addr != cfg.KeepOut {
		t.Errorf("the address is kept out for %v the first time", addr)
	}
	if _, a := w.open("2001:db8::3"); a.Refusal != RefusedKeptOut || a.Wait != addr {
		t.Errorf("another address of the /64: %+v", a)
	}
	w.mustOpen("2001:db8:0:1::1")
	for last := addr; last < cfg.KeepOutMax; {
		w.now += last
		w.mustOpen("2001:db8::4")
		for addr = 0; addr == 0; { // what has grown back during the time comes first
			_, addr = strike(false)
		}
		if addr != min(2*last, cfg.KeepOutMax) {
			t.Fatalf("after %v it is kept out for %v", last, addr)
		}
		last = addr
	}
	w.now += cfg.KeepOutMax * (forgetAfter + 1)
	for {
		if _, addr = strike(false); addr != 0 {
			break
		}
	}
	if addr != cfg.KeepOut {
		t.Errorf("after it has behaved for long it is kept out for %v", addr)
	}
}

// TestTableOfficeIsNotKeptOutForOne: it takes more than one in ten of its people.
func TestTableOfficeIsNotKeptOutForOne(t *testing.T) {
	w := newWorld(t, Default(10000))
	var last *holder
	for i := range 400 {
		last = w.mustOpen("10.0.0.1")
		w.tab.Identify(w.now, &last.Client, who(i))
	}
	for n := range 40 {
		if _, addr := w.tab.Strike(w.now, &last.Client, false); addr != 0 {
			t.Fatalf("kept out after %d", n)
		}
	}
	if _, addr := w.tab.Strike(w.now, &last.Client, false); addr == 0 {
		t.Error("never kept out")
	}
}
