package limits

import "time"

// state is how far a client's account has come.
type state uint8

const (
	stateNone         state = iota // not counted
	stateUnidentified              // counted; it has not said who it is
	stateIdentified                // it has
)

// Client is the account of one connection. The zero value is not counted anywhere.
type Client struct {
	// Holder is whose account it is; set before Accept.
	Holder Holder

	// guarded by Table.mu, but read by who pays, after Move
	address *address

	// guarded by Table.mu
	state    state
	entering bool          // a join of it is under way, or waits for its turn
	seated   bool          // it is in a room
	among    [2]neighbours // in the lists of its address, and of the network around

	// guarded by the owner
	identity *identity // nil until Identify
	own      budget
	control  meter
	refusals meter

	taken     draw // of its address's pool
	readTaken draw
}

// neighbours are those before and behind a client in a list.
type neighbours struct{ older, newer *Client }

// roomless tells whether it is somebody who is in no room, and comes to none.
func (c *Client) roomless() bool { return c.state == stateIdentified && !c.entering && !c.seated }

// Holder is a connection that can be asked to go. Evict is called without locks.
type Holder interface{ Evict() }

// Kind is what is paid for.
type Kind uint8

const (
	Message Kind = iota
	Control      // a ping, a pong, a piece of a message: what has no turn to wait for
)

// Level is who owns a budget. It is also a metric's label.
type Level string

const (
	LevelConnection Level = "connection"
	LevelIdentity   Level = "identity"
	LevelAddress    Level = "address"
	LevelNetwork    Level = "network"
	LevelRoom       Level = "room"
	LevelSlowMode   Level = "slow_mode"
	LevelProcess    Level = "process"
	LevelHistory    Level = "history" // older entries, whoever reads them
)

// Levels are all of them.
var Levels = []Level{LevelConnection, LevelIdentity, LevelAddress, LevelNetwork, LevelRoom, LevelSlowMode, LevelProcess, LevelHistory}

// Verdict is the answer to Ask. The zero value: it is paid.
type Verdict struct {
	Wait  time.Duration // until it may be asked again; 0: it is paid
	Level Level         // whose budget wants it
	// Refuse: the message must not wait for it here, as it takes longer than what
	// comes behind should.
	Refuse bool
}

// Ask takes the cost of a message from every budget that has a say, or from none.
// post is nil unless the message is one to a room. The owner's lock must be held.
func (t *Table) Ask(now time.Duration, c *Client, k Kind, post *Post, cost Cost) Verdict {
	if t.unlimited {
		return Verdict{}
	}
	cfg := &t.cfg
	v := Verdict{Level: LevelConnection}
	if k == Control {
		v.Wait = c.control.wait(now, cfg.Control.span(cost.Messages), cfg.Control.window())
	} else {
		v.Wait = c.own.wait(now, &cfg.Connection, cost)
	}
	if c.identity != nil {
		v.raise(LevelIdentity, c.identity.said.wait(now, &cfg.Identity, cost))
	}
	all, n := t.shares(c, false)
	for i := range all[:n] {
		v.raise(all[i].level, all[i].wait(now, cost))
	}
	if v.Wait == 0 && post != nil {
		v = post.Room.ask(now, cfg, c.address, post, cost)
	}
	if v.Wait == 0 {
		t.take(now, c, k, cost, all[:n], true)
		return Verdict{}
	}
	return v
}

// raise notes that a level wants a longer wait than those before it.
func (v *Verdict) raise(l Level, wait time.Duration) {
	if wait > v.Wait {
		v.Wait, v.Level = wait, l
	}
}

// take: see pool.take.
func (t *Table) take(now time.Duration, c *Client, k Kind, cost Cost, shares []share, asked bool) {
	cfg := &t.cfg
	if k == Control {
		c.control.take(now, cfg.Control.span(cost.Messages), cfg.Control.window())
	} else {
		c.own.take(now, &cfg.Connection, cost, maxDebt)
	}
	if c.identity != nil {
		c.identity.said.take(now, &cfg.Identity, cost, maxDebt)
	}
	takeShares(now, shares, cost, asked)
}

func takeShares(now time.Duration, shares []share, cost Cost, asked bool) {
	for i := range shares {
		shares[i].take(now, cost, asked)
	}
}

// AskHistory is how long a client has to wait until so many bytes of older history
// are read for it; 0: they are taken from every budget that has a say. The owner's
// lock must be held.
func (t *Table) AskHistory(now time.Duration, c *Client, bytes float64) time.Duration {
	if t.unlimited {
		return 0
	}
	cost, wait := Cost{Bytes: bytes}, time.Duration(0)
	all, n := t.shares(c, true)
	for i := range all[:n] {
		wait = max(wait, all[i].wait(now, cost))
	}
	if wait == 0 {
		takeShares(now, all[:n], cost, true)
	}
	return wait
}

// ChargeHistory is Charge for older history that was more than was asked for. The
// owner's lock must be held.
func (t *Table) ChargeHistory(now time.Duration, c *Client, bytes float64) {
	if !t.unlimited && bytes > 0 {
		all, n := t.shares(c, true)
		takeShares(now, all[:n], Cost{Bytes: bytes}, false)
	}
}

// Charge takes the cost of what was done already, such as an answer that was
// longer than its question, whether it is there or not: what the client says next
// waits, though no longer than half a minute, and so do others that took more than
// their share. The owner's lock must be held.
func (t *Table) Charge(now time.Duration, c *Client, cost Cost) {
	if !t.unlimited {
		all, n := t.shares(c, false)
		t.take(now, c, Message, cost, all[:n], false)
	}
}

// Refused counts a refusal of so much weight: 1 for what can never be taken, less
// for what the client is to send again, 0 for what is not its fault. bytes is what it
// takes to say so beyond what it answers: it is paid for like what is said. tooMany: it was
// one too many. tooDear: it takes more bytes than are left to those with whom the client
// shares, which need not be its fault. Either way its connection is to be closed. The
// owner's lock must be held.
func (t *Table) Refused(now time.Duration, c *Client, weight float64, bytes int) (tooMany, tooDear bool) {
	if weight <= 0 {
		return false, false
	}
	r := t.cfg.Refusals
	if c.refusals.wait(now, r.span(weight), r.window()) > 0 {
		return true, false
	}
	if !t.affords(now, c, Cost{Bytes: float64(bytes)}) {
		return false, true
	}
	c.refusals.take(now, r.span(weight), r.window())
	return false, false
}

// affords takes a cost from what a client shares with others, if all of it is there.
func (t *Table) affords(now time.Duration, c *Client, cost Cost) bool {
	if t.unlimited {
		return true
	}
	all, n := t.shares(c, false)
	for i := range all[:n] {
		if all[i].wait(now, cost) > 0 {
			return false
		}
	}
	takeShares(now, all[:n], cost, true)
	return true
}
