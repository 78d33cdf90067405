package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tuitalk/talk"
)

// TestSpoolAtRandom: authors speak, and move between two nodes, whose ways to the
// store break, come back and are slow at random; so do their ways to read the
// spool, and to tell each other. In the end everything that was said is stored
// once, in the order of each author.
func TestSpoolAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := newRestless(t, seed)
			for range 80 {
				r.step()
			}
			r.check()
		})
	}
}

// restless is a room on two nodes in which things break.
type restless struct {
	*spoolFleet
	rng     *rand.Rand
	nodes   []*spoolNode
	authors []*mover
}

// mover is an author, who keeps what he does not know to be stored.
type mover struct {
	*peer
	at     int // index of the node
	round  int32
	outbox []talk.Entry
	said   []string
}

func newRestless(t *testing.T, seed uint64) *restless {
	r := &restless{spoolFleet: newSpoolFleet(t), rng: rand.New(rand.NewPCG(seed, 1))}
	for i := range 2 {
		n := r.gateway(nil)
		r.nodes = append(r.nodes, n)
		hello(t, n.addr).join(5, "resident") // so that the room is open there
		for range 2 {
			p := hello(t, n.addr)
			p.join(5, "ada")
			r.authors = append(r.authors, &mover{peer: p, at: i})
		}
	}
	return r
}

func (r *restless) step() {
	r.t.Helper()
	n := r.nodes[r.rng.IntN(2)]
	switch r.rng.IntN(14) {
	case 0, 1:
		n.way.away.Store(true)
	case 2, 3:
		n.way.away.Store(false)
	case 4:
		n.slow(time.Duration(r.rng.IntN(700)) * time.Millisecond)
	case 5:
		n.bus.blind.Store(r.rng.IntN(2) == 0)
	case 6:
		n.bus.deaf.Store(r.rng.IntN(2) == 0)
	case 7:
		r.move(r.authors[r.rng.IntN(len(r.authors))])
	default:
		var speakers []*mover
		for _, m := range r.authors {
			if r.rng.IntN(3) > 0 {
				m.speak()
				speakers = append(speakers, m)
			}
		}
		for _, m := range speakers {
			m.settle(m.outbox[len(m.outbox)-1])
		}
	}
}

// slow has a node's appends take until then.
func (n *spoolNode) slow(by time.Duration) {
	until := time.Now().Add(by)
	wait := func(talk.Entry) bool {
		time.Sleep(time.Until(until))
		return false
	}
	n.way.refuse.Store(&wait)
}

// move takes an author to the other node, where he says all of his outbox again.
func (r *restless) move(m *mover) {
	r.t.Helper()
	_ = m.ws.CloseNow()
	m.at = 1 - m.at
	m.peer = m.comeBack(r.nodes[m.at].addr, newID(4))
	m.join(5, "ada")
	for _, e := range slices.Clone(m.outbox) {
		m.say(e)
		m.settle(e)
	}
}

// speak says the next thing.
func (m *mover) speak() {
	m.t.Helper()
	text := fmt.Sprint(len(m.said))
	e := talk.Entry{Kind: talk.KindPosted, RoomID: 5, Author: m.uuid, Text: text, ID: newID(4), Round: m.round}
	m.said, m.outbox = append(m.said, text), append(m.outbox, e)
	m.say(e)
}

// settle says an entry of the outbox again until it is accepted or stored.
func (m *mover) settle(e talk.Entry) {
	m.t.Helper()
	for {
		switch answer := m.fate(e.ID).(type) {
		case talk.Accepted:
			return
		case talk.Stored:
			m.outbox = slices.DeleteFunc(m.outbox, func(o talk.Entry) bool { return o.ID == e.ID })
			return
		case talk.Error:
			if !answer.Retry {
				m.t.Fatalf("refused: %+v", answer)
			}
		}
		time.Sleep(10 * time.Millisecond)
		m.round++
		e.Round = m.round
		m.say(e)
	}
}

func (r *restless) check() {
	r.t.Helper()
	for _, n := range r.nodes {
		n.way.away.Store(false)
		n.bus.blind.Store(false)
		n.bus.deaf.Store(false)
	}
	awaitTrue(r.t, "the spool to be empty", func() bool { return r.waiting() == 0 })
	for _, n := range r.nodes {
		n.awaitMetric(r.t, "tuitalk_pending_entries", "", func(v float64) bool { return v == 0 })
	}
	got := r.byAuthor(5)
	for _, m := range r.authors {
		if !slices.Equal(got[m.uuid], m.said) {
			r.t.Errorf("the log has %q of an author who said %q", got[m.uuid], m.said)
		}
	}
}
