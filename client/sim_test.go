package client

import (
	"flag"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/talk"
)

var (
	simSeed  = flag.Uint64("seed", 0, "run the simulation of this seed only, and tell what happens")
	simSeeds = flag.Uint64("seeds", 2000, "how many seeds to simulate; a tenth of them with -short")
)

// TestSimulation lets users talk over a fleet and a network that fail in every
// way, lets it heal, and checks that nothing was lost, doubled or reordered.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		if errs := simulate(*simSeed, noBug, true); len(errs) > 0 {
			t.Fatalf("seed %d: %q", *simSeed, errs)
		}
		return
	}
	seeds := *simSeeds
	if testing.Short() {
		seeds /= 10
	}
	var wg sync.WaitGroup
	var next atomic.Uint64
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= seeds && !t.Failed(); seed = next.Add(1) {
				if errs := simulate(seed, noBug, false); len(errs) > 0 {
					t.Errorf("seed %d (repeat with -run 'TestSimulation$' -seed %d): %q", seed, seed, errs)
				}
			}
		})
	}
	wg.Wait()
}

// TestSimulationNotices shows that the check can fail: a fleet that loses,
// doubles or reorders one message does not pass.
func TestSimulationNotices(t *testing.T) {
	for b := losesOne; b <= lastBug; b++ {
		for seed := uint64(1); seed <= 20; seed++ {
			if errs := simulate(seed, b, false); len(errs) == 0 {
				t.Errorf("bug %d, seed %d: nothing was noticed", b, seed)
			}
		}
	}
}

// simulate runs one world and says what was wrong in it.
func simulate(seed uint64, b bug, verbose bool) []string {
	w := newWorld(seed)
	w.verbose = verbose
	w.people()
	for range 30 + w.rng.IntN(30) {
		w.run(w.upTo(1200 * time.Millisecond))
		if len(w.errs) > 0 {
			return w.errs
		}
		w.users[w.rng.IntN(len(w.users))].act()
		if w.rng.IntN(4) == 0 {
			w.trouble()
		}
	}
	w.heal(b)
	if len(w.errs) == 0 {
		w.checkAll()
	}
	return w.errs
}

// people lets three to four users in. Two of them may be windows of one person,
// and two may even believe to be the same window.
func (w *world) people() {
	n := 3 + w.rng.IntN(2)
	for i := range n {
		state := State{Secret: w.secret()}
		if i == 1 && w.rng.IntN(2) == 0 {
			state.Name = "twin"
			if w.rng.IntN(3) == 0 {
				state.Session = w.uuid()
			}
			w.addUser(state, 1)
		}
		w.addUser(state, 1)
	}
}

// trouble breaks something.
func (w *world) trouble() {
	f := w.fleet
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		u := w.users[w.rng.IntN(len(w.users))]
		for _, x := range u.wiresInOrder() {
			x.sever(w.rng.IntN(2) == 0)
		}
	case 3:
		for _, s := range slices.Clone(f.seats) {
			s.wire.sever(w.rng.IntN(3) == 0)
		}
	case 4:
		for _, s := range slices.Clone(f.seats) {
			s.send(talk.Reconnect{WithinMS: 1000})
			w.after(w.upTo(4*time.Second), func() {
				if !s.ended {
					s.wire.close(1001, "going away")
				}
			})
		}
	case 5, 6:
		if !f.down {
			f.down, f.spool = true, w.rng.IntN(2) == 0
			w.after(w.upTo(6*time.Second), f.restore)
		}
	case 7:
		if len(f.seats) > 0 {
			f.seats[w.rng.IntN(len(f.seats))].wire.close(talk.CloseSlowConsumer, "too slow")
		}
	}
}

// heal ends all trouble and gives everybody time, then lets everybody speak
// once more: who missed something sees it by that at the latest.
func (w *world) heal(b bug) {
	w.fleet.restore()
	w.faults, w.bug = false, b
	for _, u := range w.users {
		if b != noBug {
			u.post()
			u.post()
		}
	}
	w.run(100 * time.Second)
	for _, u := range w.users {
		u.post()
	}
	w.run(20 * time.Second)
}

// checkAll holds what must be true in the end.
func (w *world) checkAll() {
	for _, u := range w.users {
		if n := len(u.s.State().Outbox); n > 0 || len(u.s.Outbox()) > 0 {
			w.fail("user %d: %d entries are left in the outbox", u.number, n)
		}
		if u.s.Status().Phase != Online {
			w.fail("user %d: phase %d in the end", u.number, u.s.Status().Phase)
		}
		if len(u.s.Pending()) > 0 {
			w.fail("user %d: %d entries are pending for ever", u.number, len(u.s.Pending()))
		}
		if u.dials > 400 {
			w.fail("user %d has dialled %d times", u.number, u.dials)
		}
		if u.s.Loading() {
			w.fail("user %d waits for older history", u.number)
		}
		for _, x := range u.wires {
			if x != u.wires[u.s.live.id] {
				w.fail("user %d still has connection %d", u.number, x.conn)
			}
		}
		w.checkPosts(u)
		w.checkView(u)
	}
	for _, r := range w.fleet.rooms {
		for i, e := range r.log {
			n := 0
			for _, other := range r.log {
				if e.Kind == talk.KindPosted && other.Text == e.Text {
					n++
				}
			}
			if n > 1 {
				w.fail("room %d: %q is stored %d times", r.id, r.log[i].Text, n)
			}
		}
	}
}

// checkPosts: what the user said is stored, in the order in which he said it.
func (w *world) checkPosts(u *simUser) {
	last := map[int32]int64{}
	for _, p := range u.posted {
		var seq int64
		for _, e := range w.fleet.room(p.room).log {
			if e.Text == p.text && e.ID == p.id {
				seq = e.Seq
			}
		}
		if seq == 0 && !p.discarded {
			w.fail("user %d: %q is lost", u.number, p.text)
		}
		if seq > 0 && seq < last[p.room] {
			w.fail("user %d: %q is stored before what was said before", u.number, p.text)
		}
		last[p.room] = max(last[p.room], seq)
	}
}

// checkView: what the user sees reaches to the end of the room's log, and the
// members are those who are there.
func (w *world) checkView(u *simUser) {
	r := w.fleet.room(u.s.Room())
	log := u.s.Log()
	head := int64(len(r.log))
	if log.Len() == 0 || log.At(log.Len()-1).Seq != head {
		w.fail("user %d: room %d ends at %d, but the view has %d entries and ends elsewhere", u.number, r.id, head, log.Len())
	}
	members := u.s.Members()
	for _, m := range members {
		if name, here := r.people[m.UUID]; !here || name != m.Username {
			w.fail("user %d: %q is not in room %d as that (%q)", u.number, m.Username, r.id, name)
		}
	}
	if len(members) != len(r.people) || u.s.MemberCount() != len(r.people) {
		w.fail("user %d: %d members (%d), really %d", u.number, len(members), u.s.MemberCount(), len(r.people))
	}
	if name := r.people[u.s.Me().UUID]; name != u.s.Me().Username {
		w.fail("user %d: called %q, but calls himself %q", u.number, name, u.s.Me().Username)
	}
}
