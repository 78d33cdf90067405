package virtualuser

import "time"

// Outage is how one client lost its connection and came back. Times are by the
// coordinator's clock; zero: not (yet).
type Outage struct {
	Client   int
	Lost     time.Time // when its connection ended, or was heard last
	Detected time.Time // when the client knew
	Opened   time.Time // when the next connection was open
	Joined   time.Time // when it was in its room again
	CaughtUp time.Time // when it was shown all that had been said before it joined
	Node     string    // that it was on when it lost the connection
}

// leaves notes that the user is not in its room any more; heard is when its
// connection was still good.
func (p *user) leaves(heard time.Time) {
	if !p.inside {
		return
	}
	p.inside, p.owed = false, 0
	l := p.loop
	l.inside--
	if l.began && !p.left {
		p.outages = append(p.outages, Outage{
			Client: p.index, Lost: l.clock.shared(heard), Detected: l.clock.shared(l.now), Node: p.node,
		})
	}
}

// comes notes that the user is in its room. line is the one that has just
// joined it, nil if the old one speaks again; head is what Joined named.
func (p *user) comes(line *connection, head int64) {
	if p.inside {
		return
	}
	p.inside = true
	p.loop.inside++
	if !p.arrived {
		p.arrived = true
		p.loop.arrived++
	}
	if p.left {
		p.left = false
		return
	}
	n := len(p.outages)
	if n == 0 || !p.outages[n-1].Joined.IsZero() {
		return
	}
	o := &p.outages[n-1]
	o.Joined = p.loop.clock.shared(p.loop.now)
	if line != nil {
		o.Opened = p.loop.clock.shared(line.opened)
	}
	if line == nil || p.last >= head {
		p.caughtUp()
		return
	}
	p.owed = head
}

func (p *user) caughtUp() {
	p.owed = 0
	p.outages[len(p.outages)-1].CaughtUp = p.loop.clock.shared(p.loop.now)
}

// Outages are the losses of connections since Begin, client by client.
func (s *Group) Outages() []Outage {
	var all []Outage
	for _, l := range s.loops {
		inSteps(l, l.users, func(p *user) { all = append(all, p.outages...) })
	}
	return all
}
