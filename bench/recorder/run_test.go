package recorder_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/talk"
)

// memory keeps a state over a restart of a person's program.
type memory struct{ state client.State }

func (m *memory) Load() (client.State, error) { return m.state, nil }
func (m *memory) Save(s client.State) error   { m.state = s; return nil }
func (m *memory) Close() error                { return nil }

// party is some people in some rooms of a fleet, in virtual time.
type party struct {
	t      *testing.T
	rng    *rand.Rand
	fleet  *fleet
	out    bytes.Buffer
	rec    *recorder.Recorder
	people []*person
	states []*memory
	wires  []*wire
	said   int
}

const (
	rooms     = 2
	forgetful = 0 // the person whose log is trimmed early
)

func newParty(t *testing.T, seed uint64, people int) *party {
	p := &party{t: t, rng: rand.New(rand.NewPCG(seed, 2)), fleet: newFleet(seed)}
	p.rec = recorder.New(&p.out)
	for i := range people {
		secret := talk.Secret{byte(min(i, people-2)), 1} // the last two are two windows of one user
		p.states = append(p.states, &memory{client.State{Secret: secret, Name: fmt.Sprint("person ", i), Room: int32(i % rooms)}})
		p.wires = append(p.wires, &wire{fleet: p.fleet})
		p.people = append(p.people, nil)
		p.begin(i, p.rec.Client(fmt.Sprint("person ", i)))
	}
	return p
}

func (p *party) begin(i int, who *recorder.Client) {
	cfg := client.Config{Servers: []string{"ws://fleet"}, Room: p.states[i].state.Room, Seed: p.rng.Uint64(), History: 20}
	if i == forgetful {
		cfg.Keep = 40
	}
	p.people[i] = newPerson(p.t, who, p.wires[i], p.states[i], cfg)
}

func (p *party) anybody() int { return p.rng.IntN(len(p.people)) }

func (p *party) talk(i int) {
	p.said++
	p.people[i].say(client.Post{Text: fmt.Sprint("message ", p.said)})
}

// steps is what people and fleet do, at random.
func (p *party) step() {
	i := p.anybody()
	who := p.people[i]
	switch n := p.rng.IntN(100); {
	case n < 60:
		p.talk(i)
	case n < 66:
		p.breakLines(1 + p.rng.IntN(3))
	case n < 70:
		who.say(client.Join{Room: int32(p.rng.IntN(rooms))})
	case n < 73:
		who.say(client.SetName{Name: fmt.Sprint("name ", p.rng.IntN(1000))})
	case n < 76 && i != forgetful:
		who.say(client.FetchOlder{Limit: 1 + p.rng.IntN(50)})
	case n < 78:
		who.say(client.Clear{})
	case n < 80:
		p.restart(i)
	case n < 83:
		p.refused(i)
	case n < 86:
		p.store()
	case n < 90:
		p.cutOrMend(i)
	case n < 92:
		time.Sleep(time.Duration(p.rng.IntN(40)) * time.Second)
	}
	time.Sleep(time.Duration(p.rng.IntN(300)) * time.Millisecond)
}

// breakLines cuts some lines, of the newest users first or last.
func (p *party) breakLines(n int) {
	p.fleet.mu.Lock()
	defer p.fleet.mu.Unlock()
	for range min(n, len(p.fleet.seats)) {
		p.fleet.seats[p.rng.IntN(len(p.fleet.seats))].end()
	}
}

func (p *party) restart(i int) {
	who := p.people[i].who
	p.people[i].leave()
	time.Sleep(time.Duration(p.rng.IntN(3)) * time.Second)
	p.begin(i, who)
}

// refused lets somebody say what is refused, and try again, or take it back.
func (p *party) refused(i int) {
	who := p.people[i]
	p.said++
	who.say(client.Post{Text: fmt.Sprint("refuse me ", p.said)})
	time.Sleep(time.Second)
	again := p.rng.IntN(2) == 0
	who.in(func(who *person) {
		for _, o := range who.session.Outbox() {
			switch refused := o.Delivery == client.Failed && strings.HasPrefix(o.Text, "refuse me"); {
			case refused && again:
				p.fleet.mu.Lock()
				p.fleet.pardoned[o.ID] = true
				p.fleet.mu.Unlock()
				who.handle(client.Retry{ID: o.ID})
				return
			case refused:
				who.handle(client.Discard{ID: o.ID})
				return
			}
		}
	})
}

// cutOrMend takes somebody's way to the fleet, or gives it back.
func (p *party) cutOrMend(i int) {
	p.fleet.mu.Lock()
	defer p.fleet.mu.Unlock()
	p.wires[i].snap(!p.wires[i].cut)
}

func (p *party) store() {
	p.fleet.mu.Lock()
	defer p.fleet.mu.Unlock()
	if p.fleet.away {
		p.fleet.storeBack(p.rng.IntN(2) == 0)
	} else {
		p.fleet.away = true
	}
}

// end lets everything heal, and checks.
func (p *party) end(opts checker.Options) (*checker.Report, *checker.Recording) {
	p.fleet.mu.Lock()
	p.fleet.mangle = nil
	p.fleet.storeBack(false)
	for _, w := range p.wires {
		w.snap(false)
	}
	p.fleet.mu.Unlock()
	for i := range p.people {
		p.talk(i) // what got lost on the way is missed when something follows
	}
	time.Sleep(5 * time.Minute) // of virtual time
	p.fleet.mu.Lock()
	for id, r := range p.fleet.rooms {
		p.rec.Head(id, int64(len(r.log)))
	}
	p.fleet.mu.Unlock()
	for _, who := range p.people {
		who.in(func(who *person) { who.who.End(time.Now()) })
	}
	for _, who := range p.people {
		who.leave()
	}
	p.fleet.mu.Lock()
	for id, r := range p.fleet.rooms {
		p.rec.Truth(id, 0, r.log)
	}
	for len(p.fleet.seats) > 0 {
		p.fleet.seats[0].end()
	}
	p.fleet.mu.Unlock()
	p.fleet.open.Wait()
	if err := p.rec.Close(); err != nil {
		p.t.Fatal(err)
	}
	rec, err := checker.Decode(p.out.Bytes())
	if err != nil {
		p.t.Fatal(err)
	}
	time.Sleep(2 * fleetGrace) // until the fleet's timers are over
	return checker.Check(opts, rec), rec
}

type mangler func(*party) func(*seat, talk.Message) []talk.Message

// plan is how a party is held.
type plan struct {
	mangle mangler
	resume int // see fleet
	check  checker.Options
}

// hold runs a party and returns what the checker says.
func hold(t *testing.T, seed uint64, plan plan) (report *checker.Report, rec *checker.Recording) {
	synctest.Test(t, func(t *testing.T) {
		p := newParty(t, seed, 6)
		time.Sleep(2 * time.Second)
		p.fleet.mu.Lock()
		if plan.mangle != nil {
			p.fleet.mangle = plan.mangle(p)
		}
		if plan.resume > 0 {
			p.fleet.resume = plan.resume
		}
		p.fleet.mu.Unlock()
		for range 250 {
			p.step()
		}
		report, rec = p.end(plan.check)
	})
	return report, rec
}

func TestPeopleOnAnHonestFleet(t *testing.T) {
	verbs := map[checker.Verb]int{}
	for seed := range uint64(30) {
		report, rec := hold(t, seed, plan{})
		if report.Err() != nil {
			t.Fatalf("seed %d: %s", seed, report)
		}
		if report.Sent < 100 || report.Shown < 500 {
			t.Fatalf("seed %d: too little happened: %+v", seed, report)
		}
		for i := range rec.Events {
			verbs[rec.Events[i].Verb]++
		}
	}
	for _, v := range []checker.Verb{
		checker.Attached, checker.Identified, checker.Named, checker.Entered, checker.Left, checker.Up, checker.Down,
		checker.Restarted, checker.Cleared, checker.Shown, checker.Older, checker.Trimmed,
		checker.PendingShown, checker.PendingGone, checker.Sent, checker.Accepted, checker.Stored, checker.Refused,
		checker.Withdrawn, checker.Retried, checker.Discarded, checker.Asked, checker.Answered,
	} {
		if verbs[v] < 5 {
			t.Errorf("event %d was recorded %d times only", v, verbs[v])
		}
	}
}

func TestWhatAServerLeavesOutOpenlyIsLostUnlessAllowed(t *testing.T) {
	lost, gaps := 0, 0
	for seed := range uint64(12) {
		strict, _ := hold(t, seed, plan{resume: 25})
		for k := range strict.Counts {
			if k != checker.Lost {
				t.Fatalf("seed %d: %s", seed, strict)
			}
		}
		lost += strict.Counts[checker.Lost]
		allowing, _ := hold(t, seed, plan{resume: 25, check: checker.Options{Gaps: true}})
		if allowing.Err() != nil {
			t.Fatalf("seed %d: %s", seed, allowing)
		}
		gaps += allowing.Gaps
	}
	if lost == 0 || gaps == 0 {
		t.Errorf("%d entries lost, %d gaps", lost, gaps)
	}
}

// mangled counts what a mangler did.
type mangled struct{ n int }

// oneIn lets do have one entry in n that goes to a client.
func oneIn(n int, count *mangled, do func(p *party, s *seat, e talk.Entry) []talk.Message) mangler {
	return func(p *party) func(*seat, talk.Message) []talk.Message {
		return func(s *seat, m talk.Message) []talk.Message {
			e, ok := m.(talk.Entry)
			if !ok || e.Pending || e.Kind != talk.KindPosted || p.fleet.rng.IntN(n) > 0 {
				return []talk.Message{m}
			}
			count.n++
			return do(p, s, e)
		}
	}
}

// TestClientsHealWhatTheLineDoes: nobody is shown anything wrong, and it is found
// that the line was not as it should be.
func TestClientsHealWhatTheLineDoes(t *testing.T) {
	kinds := map[string][]checker.Kind{
		"lost": {checker.Skipped}, "doubled": {checker.Repeated}, "early": {checker.Misplaced, checker.Repeated},
		"again": {checker.Repeated, checker.Misplaced}, // also from before the line
	}
	for name, do := range map[string]func(*party, *seat, talk.Entry) []talk.Message{
		"lost":    func(*party, *seat, talk.Entry) []talk.Message { return nil },
		"doubled": func(_ *party, _ *seat, e talk.Entry) []talk.Message { return []talk.Message{e, e} },
		"early": func(p *party, s *seat, e talk.Entry) []talk.Message {
			if s.in == nil || int(e.Seq) >= len(s.in.log) {
				return []talk.Message{e}
			}
			return []talk.Message{s.in.log[e.Seq], e}
		},
		"again": func(_ *party, s *seat, e talk.Entry) []talk.Message {
			return []talk.Message{e, s.in.log[max(0, e.Seq-3)]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var count mangled
			found := map[checker.Kind]int{}
			for seed := range uint64(6) {
				report, _ := hold(t, seed, plan{mangle: oneIn(10, &count, do)})
				for k, n := range report.Counts {
					found[k] += n
					if !slices.Contains(kinds[name], k) {
						t.Fatalf("seed %d: %s", seed, report)
					}
				}
				if len(report.Unsound) > 0 {
					t.Fatalf("seed %d: %s", seed, report)
				}
			}
			t.Logf("%d entries were mangled: %v", count.n, found)
			if count.n < 10 || found[kinds[name][0]] == 0 {
				t.Errorf("%d entries were mangled: %v", count.n, found)
			}
		})
	}
}

func TestForgersAreCaught(t *testing.T) {
	for name, tc := range map[string]struct {
		kinds []checker.Kind
		forge func(e *talk.Entry)
	}{
		"text":   {[]checker.Kind{checker.Forged}, func(e *talk.Entry) { e.Text = strings.ToUpper(e.Text) }},
		"name":   {[]checker.Kind{checker.Forged}, func(e *talk.Entry) { e.Name = "root" }},
		"author": {[]checker.Kind{checker.Forged}, func(e *talk.Entry) { e.Author[3]++ }},
		// Behind an entry with another id the room is begun anew, and what was missed stays out.
		"id":   {[]checker.Kind{checker.Phantom, checker.Lost}, func(e *talk.Entry) { e.ID[3]++ }},
		"time": {[]checker.Kind{checker.Disagreement}, func(e *talk.Entry) { e.UnixTime += 5 }},
	} {
		t.Run(name, func(t *testing.T) {
			caught := 0
			for seed := range uint64(4) {
				var count mangled
				report, _ := hold(t, seed, plan{mangle: oneIn(40, &count, func(_ *party, _ *seat, e talk.Entry) []talk.Message {
					tc.forge(&e)
					return []talk.Message{e}
				})})
				for k, n := range report.Counts {
					if !slices.Contains(tc.kinds, k) && k != checker.Duplicate { // a forged entry does not end the pending one
						t.Errorf("seed %d: also %s: %d\n%s", seed, k, n, report)
					}
				}
				caught += report.Counts[tc.kinds[0]]
				if count.n > 0 && report.Counts[tc.kinds[0]] == 0 {
					t.Errorf("seed %d: %d forged, none caught", seed, count.n)
				}
			}
			if caught == 0 {
				t.Error("nothing was caught")
			}
		})
	}
}
