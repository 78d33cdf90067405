package limits

import (
	"net/netip"
	"sync"
	"time"
)

// Refusal is why a connection is not taken. It is also a metric's label.
type Refusal string

const (
	RefusedNot     Refusal = ""
	RefusedFull    Refusal = "full"     // the process has as many as it takes, all of them with an identity
	RefusedAddress Refusal = "address"  // its address has as many as one may
	RefusedNetwork Refusal = "network"  // the IPv6 network around it
	RefusedRate    Refusal = "rate"     // its address opens them too fast
	RefusedKeptOut Refusal = "kept_out" // its address has flooded
	RefusedCrowd   Refusal = "crowd"    // it gave way to a newer one before it was in a room
)

// Refusals are all of them.
var Refusals = []Refusal{RefusedFull, RefusedAddress, RefusedNetwork, RefusedRate, RefusedKeptOut, RefusedCrowd}

// maxForgotten is how many addresses and identities without connections are
// remembered at most, for what they owe.
const maxForgotten = 1 << 16

// Table has the accounts of all connections of a process.
type Table struct {
	cfg        Config
	unlimited  bool // nothing that is said is bounded
	said, read pool

	mu            sync.Mutex
	total         int
	unidentified  int // but those of proxies
	addresses     map[netip.Prefix]*address
	networks      map[netip.Prefix]*address
	proxies       *address
	ranking       ranking
	roomless      ranking
	identities    map[Who]*identity
	keptAddresses int // imposed, all in all
	keptUsers     int
	swept         time.Duration
}

// New makes a table. The config must be valid.
func New(cfg Config) *Table {
	t := &Table{
		cfg: cfg, addresses: map[netip.Prefix]*address{}, networks: map[netip.Prefix]*address{},
		proxies: &address{proxies: true}, identities: map[Who]*identity{},
	}
	t.roomless.by = byRoomless
	t.said.forgives, t.read.forgives = true, true
	t.unlimited = cfg.Control == (Rate{}) && len(cfg.SlowMode) == 0
	for _, r := range []Rates{cfg.Connection, cfg.Identity, cfg.Address, cfg.Network, cfg.Room, cfg.Process, cfg.History, cfg.HistoryAddress, cfg.HistoryNetwork} {
		t.unlimited = t.unlimited && r == (Rates{})
	}
	return t
}

// Admission is the answer to Accept and Move.
type Admission struct {
	Refusal Refusal       // RefusedNot: it is counted
	Wait    time.Duration // until it is worth trying again, where that is known
	// Evicted has given way; its account is closed already. Call Evict of its
	// Holder, without locks. nil: nobody had to.
	Evicted *Client
}

// Accept opens the account of a connection from an address. proxy: it is that of a
// trusted proxy, and Move tells later who speaks.
func (t *Table) Accept(now time.Duration, c *Client, from netip.Addr, proxy bool) Admission {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.proxies
	if !proxy {
		a = t.addressOf(now, from)
		if refusal, wait := t.refusal(now, a); refusal != RefusedNot {
			return Admission{Refusal: refusal, Wait: wait}
		}
	}
	evicted, ok := t.makeRoom(a, true)
	if !ok {
		return Admission{Refusal: RefusedFull}
	}
	t.enter(now, c, a)
	return Admission{Evicted: evicted}
}

// Move carries the account of a proxy's connection to who speaks through it. If that
// is refused it stays as it was, and the connection is to be closed.
func (t *Table) Move(now time.Duration, c *Client, to netip.Addr) Admission {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.state != stateUnidentified || !c.address.proxies {
		return Admission{}
	}
	a := t.addressOf(now, to)
	if refusal, wait := t.refusal(now, a); refusal != RefusedNot {
		return Admission{Refusal: refusal, Wait: wait}
	}
	t.leave(c)
	evicted, _ := t.makeRoom(a, false)
	t.enter(now, c, a)
	return Admission{Evicted: evicted}
}

// refusal tells why an address gets no more connections.
func (t *Table) refusal(now time.Duration, a *address) (Refusal, time.Duration) {
	cfg := &t.cfg
	switch left := a.penalty.left(now); {
	case left > 0:
		return RefusedKeptOut, left
	case cfg.PerAddress > 0 && a.conns >= cfg.PerAddress:
		return RefusedAddress, 0
	case a.network != nil && cfg.PerNetwork > 0 && a.network.conns >= cfg.PerNetwork:
		return RefusedNetwork, 0
	}
	wait := a.accepts.wait(now, cfg.Accepts.span(1), cfg.Accepts.window())
	if wait > 0 {
		return RefusedRate, wait
	}
	return RefusedNot, 0
}

// makeRoom closes the account of an unidentified connection if there are too many
// for another one of a. newcomer: it is not counted in all yet. false: there is none
// that could give way.
func (t *Table) makeRoom(a *address, newcomer bool) (evicted *Client, ok bool) {
	cfg := &t.cfg
	full := newcomer && t.total >= cfg.MaxConns
	switch {
	case a.unidentified >= a.mostUnidentified(cfg):
		evicted = a.strangers.oldest
	case full || !a.proxies && cfg.Unidentified > 0 && t.unidentified >= cfg.Unidentified:
		evicted = t.victim(a.top())
	}
	if evicted == nil && full {
		evicted = t.roomlessVictim(a.top())
	}
	if evicted != nil {
		t.leave(evicted)
	}
	return evicted, evicted != nil || !full
}

// victim is the oldest unidentified connection of who has most of them, with the
// newcomer counted; nil if there is none.
func (t *Table) victim(newcomer *address) *Client {
	w := t.ranking.worst()
	switch {
	case t.cfg.Unidentified == 0:
		return nil
	case w == nil:
		return t.proxies.strangers.oldest
	case !newcomer.proxies && newcomer.unidentified >= w.unidentified:
		return newcomer.strangers.oldest
	}
	return w.strangers.oldest
}

// roomlessVictim is the oldest identified connection in no room of who has most of
// them. Identities are free, and who has one and joins nothing only takes a place. Who
// has asked to join is none of them; one alone may be about to ask. nil: there is none.
func (t *Table) roomlessVictim(newcomer *address) *Client {
	w := t.roomless.worst()
	switch {
	case w == nil || w.roomless.count < 2:
		return nil
	case newcomer.roomless.count >= w.roomless.count:
		return newcomer.roomless.oldest
	}
	return w.roomless.oldest
}

// enter counts an unidentified connection.
func (t *Table) enter(now time.Duration, c *Client, a *address) {
	c.address, c.state = a, stateUnidentified
	a.accepts.take(now, t.cfg.Accepts.span(1), t.cfg.Accepts.window())
	t.total++
	for at := a; at != nil; at = at.network {
		at.conns++
	}
	t.countUnidentified(c, 1)
}

// Identify notes who a client is. wait: he is kept out for so long, and the
// connection is to be closed. The owner's lock must be held.
func (t *Table) Identify(now time.Duration, c *Client, who Who) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.state != stateUnidentified {
		return 0
	}
	t.countUnidentified(c, -1)
	c.state = stateIdentified
	t.countRoomless(c, false)
	for at := c.address; at != nil; at = at.network {
		at.identified++
	}
	id := t.identities[who]
	if id == nil {
		t.forgetSome(now)
		id = &identity{who: who}
		t.identities[who] = id
	}
	id.conns++
	c.identity = id
	return id.penalty.left(now)
}

// Seat notes that a client is in a room now, or in none.
func (t *Table) Seat(c *Client, in bool) { t.change(c, &c.seated, in) }

// Enter notes that a client wants to be in a room, or that it has been answered.
func (t *Table) Enter(c *Client, wants bool) { t.change(c, &c.entering, wants) }

// change sets what decides whether a client is roomless.
func (t *Table) change(c *Client, of *bool, to bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := c.roomless()
	*of = to
	t.countRoomless(c, was)
}

// WhoAt is the user of a UUID that proves nothing, at the client's address.
func (t *Table) WhoAt(c *Client, uuid [16]byte) Who {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := Who{UUID: uuid}
	if c.address != nil {
		w.From = c.address.key
	}
	return w
}

// Leave closes an account. Once is enough, more do no harm.
func (t *Table) Leave(c *Client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leave(c)
}

func (t *Table) leave(c *Client) {
	switch c.state {
	case stateNone:
		return
	case stateUnidentified:
		t.countUnidentified(c, -1)
	case stateIdentified:
		for at := c.address; at != nil; at = at.network {
			at.identified--
		}
		c.identity.conns--
	}
	was := c.roomless()
	c.state = stateNone
	t.countRoomless(c, was)
	t.total--
	for at := c.address; at != nil; at = at.network {
		at.conns--
	}
}

// countUnidentified counts a connection as one that has not said who it is, or no
// longer.
func (t *Table) countUnidentified(c *Client, n int) {
	a := c.address
	a.countUnidentified(c, inAddress, n)
	if a.network != nil {
		a.network.countUnidentified(c, inNetwork, n)
	}
	if top := a.top(); !a.proxies {
		t.unidentified += n
		t.ranking.move(top, top.unidentified-n, top.unidentified)
	}
}

// countRoomless counts a connection as an identified one in no room, or no longer. was:
// it is counted as one.
func (t *Table) countRoomless(c *Client, was bool) {
	is := c.roomless()
	if is == was || c.address.proxies {
		return // nobody knows whose those of the proxies are
	}
	top := c.address.top()
	before := top.roomless.count
	if is {
		top.roomless.push(c, inRoomless)
	} else {
		top.roomless.drop(c, inRoomless)
	}
	t.roomless.move(top, before, top.roomless.count)
}

// Strike notes that a connection was closed for flooding. It returns for how long
// its user and its address are kept out from now on; 0 for who is not, or was
// already. exempt: the address is one that must not be kept out.
func (t *Table) Strike(now time.Duration, c *Client, exempt bool) (user, addr time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.identity != nil {
		if user = c.identity.penalty.impose(now, &t.cfg); user > 0 {
			t.keptUsers++
		}
	}
	a := c.address
	if a == nil || a.proxies || exempt || t.cfg.Strikes.PerSecond <= 0 {
		return user, 0
	}
	// an office is not kept out for one of its people
	r := t.cfg.Strikes
	r.Burst = max(r.Burst, float64(a.identified)/10)
	if a.strikes.wait(now, r.span(1), r.window()) == 0 {
		a.strikes.take(now, r.span(1), r.window())
		return user, 0
	}
	if addr = a.penalty.impose(now, &t.cfg); addr > 0 {
		t.keptAddresses++
	}
	return user, addr
}

func (t *Table) addressOf(now time.Duration, from netip.Addr) *address {
	key := hostOf(from)
	a := t.addresses[key]
	if a != nil {
		return a
	}
	t.forgetSome(now)
	a = &address{key: key}
	if from.Is6() {
		key := networkOf(from)
		if a.network = t.networks[key]; a.network == nil {
			a.network = &address{key: key}
			t.networks[key] = a.network
		}
		a.network.hosts++
	}
	t.addresses[a.key] = a
	return a
}

// forgetSome keeps what is remembered of who is not here bounded: before it grows
// over that, all go of whom nothing bad is known, and then anybody.
func (t *Table) forgetSome(now time.Duration) {
	if len(t.addresses)+len(t.identities) < 2*t.cfg.MaxConns+maxForgotten {
		return
	}
	for _, harsh := range []bool{false, true} {
		t.forget(func(conns int, p *penalty, _ bool) bool {
			return conns == 0 && (harsh || p.left(now) == 0)
		}, now)
		if len(t.addresses)+len(t.identities) < 2*t.cfg.MaxConns+maxForgotten/2 {
			return
		}
	}
}

// sweepEvery is how often what is of no more interest is forgotten.
const sweepEvery = 10 * time.Second

// Sweep forgets what is of no more interest, from time to time.
func (t *Table) Sweep(now time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now < t.swept+sweepEvery {
		return
	}
	t.swept = now
	t.forget(func(_ int, _ *penalty, idle bool) bool { return idle }, now)
}

func (t *Table) forget(gone func(conns int, p *penalty, idle bool) bool, now time.Duration) {
	keep := forgetAfter * t.cfg.KeepOutMax
	for key, a := range t.addresses {
		if gone(a.conns, &a.penalty, a.idle(now, keep)) {
			delete(t.addresses, key)
			if a.network != nil {
				a.network.hosts--
			}
		}
	}
	for key, a := range t.networks {
		if a.hosts == 0 && gone(a.conns, &a.penalty, a.idle(now, keep)) {
			delete(t.networks, key)
		}
	}
	for who, id := range t.identities {
		if gone(id.conns, &id.penalty, id.conns == 0 && id.said.full(now) && !id.penalty.remembered(now, keep)) {
			delete(t.identities, who)
		}
	}
}

// Stats are figures for metrics.
type Stats struct {
	Conns, Unidentified          int
	Addresses, Identities        int // of which something is remembered
	KeptOutAddresses, KeptOutIDs int // since the start
}

// Stats counts.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{
		Conns: t.total, Unidentified: t.unidentified + t.proxies.unidentified,
		Addresses: len(t.addresses), Identities: len(t.identities),
		KeptOutAddresses: t.keptAddresses, KeptOutIDs: t.keptUsers,
	}
}
