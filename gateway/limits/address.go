package limits

import (
	"math"
	"net/netip"
	"time"
)

// address is one client address (of IPv6 a /64), or a network of such (a /48).
type address struct {
	key     netip.Prefix
	network *address // around an IPv6 address; nil for all else
	// proxies: it stands for all proxies, whose connections are not yet anybody's.
	proxies bool

	// guarded by Table.mu
	conns, unidentified, identified int
	hosts                           int  // addresses of this network that are remembered
	strangers                       line // its unidentified ones
	roomless                        line // the identified ones of it, or of the network, in no room and on the way to none
	ranks                           [rankings]rankLink
	accepts                         meter
	penalty                         penalty
	strikes                         meter

	said, read purse // what its connections say, and what they read of older history
}

// purse is a pool, and what was taken for it of the one around it: the network's, or
// the process's.
type purse struct {
	pool
	taken draw
}

// hostOf is what counts as one address.
func hostOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the zero Addr has the zero Prefix, which counts as one too
	return p
}

// NetworkOf is what one owner has, as far as anybody can tell: of IPv4 an address, of
// IPv6 a /48.
func NetworkOf(a netip.Addr) netip.Prefix {
	if a.Is6() {
		return networkOf(a)
	}
	return hostOf(a)
}

func networkOf(a netip.Addr) netip.Prefix {
	p, _ := a.Prefix(48) // it has that many bits
	return p
}

// top is by what unidentified connections are compared: a whole IPv6 network is one
// stranger.
func (a *address) top() *address {
	if a.network != nil {
		return a.network
	}
	return a
}

// inAddress and inNetwork tell which of a client's neighbours a list is made of.
// Who is in roomless is in no other.
const (
	inAddress = iota
	inNetwork
	inRoomless = inAddress
)

// The rankings: by unidentified connections, and by identified ones in no room.
const (
	byStrangers = iota
	byRoomless
	rankings
)

// mostUnidentified is how many unidentified connections it may have.
func (a *address) mostUnidentified(cfg *Config) int {
	most := cfg.UnidentifiedPerAddress
	if a.proxies {
		most = cfg.Unidentified
	}
	if most == 0 {
		return math.MaxInt
	}
	return most
}

// countUnidentified counts c in or out: n is 1 or -1.
func (a *address) countUnidentified(c *Client, list, n int) {
	a.unidentified += n
	if n > 0 {
		a.strangers.push(c, list)
	} else {
		a.strangers.drop(c, list)
	}
}

// line is connections in the order in which they came to it.
type line struct {
	oldest, newest *Client
	count          int
}

// push notes a connection as the newest.
func (l *line) push(c *Client, list int) {
	l.count++
	c.among[list] = neighbours{older: l.newest}
	if l.newest != nil {
		l.newest.among[list].newer = c
	} else {
		l.oldest = c
	}
	l.newest = c
}

func (l *line) drop(c *Client, list int) {
	l.count--
	n := c.among[list]
	if n.older != nil {
		n.older.among[list].newer = n.newer
	} else {
		l.oldest = n.newer
	}
	if n.newer != nil {
		n.newer.among[list].older = n.older
	} else {
		l.newest = n.older
	}
	c.among[list] = neighbours{}
}

// idle tells whether nothing would be lost if it were forgotten.
func (a *address) idle(now time.Duration, forget time.Duration) bool {
	return a.conns == 0 && !a.penalty.remembered(now, forget) && a.said.full(now) && a.read.full(now) &&
		a.accepts.debt(now) == 0 && a.strikes.debt(now) == 0
}

// ranking finds the address with most connections of a kind, in constant time:
// a list for each count, in the order in which they came to it.
type ranking struct {
	by    int
	lists []rankList
	most  int
}

type rankList struct{ first, last *address }

type rankLink struct{ prev, next *address }

// move takes an address from the list of one count to that of another; 0 is none.
func (r *ranking) move(a *address, from, to int) {
	if from > 0 {
		r.take(a, from)
	}
	if to > 0 {
		r.put(a, to)
	}
	for r.most > 0 && r.lists[r.most].first == nil {
		r.most--
	}
}

func (r *ranking) put(a *address, count int) {
	for len(r.lists) <= count {
		r.lists = append(r.lists, rankList{})
	}
	l := &r.lists[count]
	a.ranks[r.by] = rankLink{prev: l.last}
	if l.last != nil {
		l.last.ranks[r.by].next = a
	} else {
		l.first = a
	}
	l.last = a
	r.most = max(r.most, count)
}

func (r *ranking) take(a *address, count int) {
	l := &r.lists[count]
	if a.ranks[r.by].prev != nil {
		a.ranks[r.by].prev.ranks[r.by].next = a.ranks[r.by].next
	} else {
		l.first = a.ranks[r.by].next
	}
	if a.ranks[r.by].next != nil {
		a.ranks[r.by].next.ranks[r.by].prev = a.ranks[r.by].prev
	} else {
		l.last = a.ranks[r.by].prev
	}
	a.ranks[r.by] = rankLink{}
}

// worst is who has most, nil if nobody has any.
func (r *ranking) worst() *address {
	if r.most == 0 {
		return nil
	}
	return r.lists[r.most].first
}
