package virtualuser

import (
	"math/rand/v2"
	"time"

	"tuitalk/client"
)

// dialling makes one connection after the other, for the protocols that have no session
// to do it.
type dialling struct {
	p       *user
	servers []string
	rng     *rand.Rand

	conn     client.ConnID
	line     *connection // nil: none is wanted before the tick
	fails    int
	deadline time.Time // of the connection until the room is joined
	dialAt   time.Time
	joined   bool // over line
}

func newDialling(p *user, servers []string, seed, stream uint64) dialling {
	return dialling{p: p, servers: servers, rng: rand.New(rand.NewPCG(seed, stream))}
}

// next dials the next server.
func (d *dialling) next() {
	d.conn++
	d.fails++
	d.dialAt = time.Time{}
	d.deadline = d.p.loop.now.Add(wireHandshake)
	d.line = d.p.dial(d.conn, d.servers[int(d.conn-1)%len(d.servers)])
}

// lost gives up the connection, and says when the next one is dialled.
func (d *dialling) lost() {
	now := d.p.loop.now
	if d.joined && now.Sub(d.line.opened) >= wireLasting {
		d.fails = 0
	}
	d.p.leaves(now)
	d.line, d.joined, d.deadline = nil, false, time.Time{}
	bound := min(wireMaxWait, wireBackoff*time.Duration(1<<min(d.fails, 10)-1))
	d.dialAt = now.Add(time.Duration(d.rng.Int64N(int64(bound) + 1)))
}
