package virtualuser

import (
	"strconv"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// action is something that people do now and then, besides talking.
type action struct {
	times *measure.Arrivals
	do    func(p *user)
}

// dueActions does what is due, each time with somebody else.
func (l *loop) dueActions() {
	for _, a := range l.actions {
		for at, ok := a.times.Next(); ok && !at.After(l.now); at, ok = a.times.Next() {
			a.times.Take()
			a.do(l.talkers[l.rng.IntN(len(l.talkers))])
			l.flushFailures()
		}
	}
}

// begin starts the schedules of a loop that does a part of the whole run.
func (l *loop) begin(at time.Time, part float64, seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = true
	if len(l.talkers) == 0 {
		return
	}
	sc := &l.group.cfg.Scenario
	l.posting = measure.NewArrivals(sc.Arrivals, at, sc.Rate*part, seed)
	for i, a := range []struct {
		rate float64
		do   func(*user)
	}{
		{sc.Hops, l.switchRoom}, {sc.Returns, l.reconnect}, {sc.Fetches, l.fetch}, {sc.Renames, l.rename}, {sc.Ends, l.endOne},
	} {
		if a.rate > 0 {
			times := measure.NewArrivals(scenario.Poisson, at, a.rate*part, seed+uint64(i)+1)
			l.actions = append(l.actions, &action{times, a.do})
		}
	}
}

// switchRoom lets somebody go to another room: the one in which somebody else began, so
// that large rooms stay large.
func (l *loop) switchRoom(p *user) {
	room := l.group.plan.Room(l.talkers[l.rng.IntN(len(l.talkers))].index)
	if room != p.room {
		p.protocol.enter(room)
	}
}

// reconnect lets somebody hang up without a word, and come back as fast as
// clients do whose connection broke.
func (l *loop) reconnect(p *user) {
	if !p.inside || p.live == nil {
		return
	}
	line := p.live
	p.left = true
	line.drop(false)
	p.protocol.closed(line, 0, "")
}

// rename lets somebody take a name that nobody has had.
func (l *loop) rename(p *user) {
	p.named++
	p.protocol.rename(p.label() + "-" + strconv.Itoa(p.named))
}

func (l *loop) fetch(p *user) { p.protocol.fetch(l.group.cfg.Scenario.FetchLimit) }

// Begin lets arrivals begin at that time, by the coordinator's clock.
func (s *Group) Begin(at time.Time) {
	for i, l := range s.loops {
		l.begin(s.clock.own(at), float64(len(l.talkers))/float64(max(1, s.talkers)), s.seed(100+10*i))
	}
}

// StopPosting lets nobody begin anything any more, but for the posts that are due
// already. What was posted goes on being delivered, and slow readers read what they
// have left lying.
func (s *Group) StopPosting() {
	for _, l := range s.loops {
		l.mu.Lock()
		l.at(l.clock.now())
		for hushed, more := l.now, true; more; {
			more = l.postsUntil(hushed)
		}
		l.posting, l.actions, l.quiet = nil, nil, true
		l.mu.Unlock()
	}
}

// Rate changes how many messages this share posts per second, from now on.
func (s *Group) Rate(perSecond float64) {
	talkers := 0
	for _, l := range s.loops {
		talkers += len(l.talkers)
	}
	for _, l := range s.loops {
		l.mu.Lock()
		l.at(l.clock.now())
		l.turn()
		if l.posting != nil {
			l.posting.Rate(l.now, perSecond*float64(len(l.talkers))/float64(talkers))
			l.plan()
		}
		l.mu.Unlock()
	}
}

// Storm cuts all connections at once, hard, so that everybody comes back at once.
func (s *Group) Storm() {
	for _, l := range s.loops {
		var cut []*connection
		inSteps(l, l.users, func(p *user) {
			for len(p.conns) > 0 {
				cut = append(cut, p.conns[0])
				p.conns[0].drop(true)
			}
		})
		inSteps(l, cut, func(line *connection) {
			if line.joined {
				l.sample.Lost++
			}
			line.p.protocol.closed(line, 0, "")
		})
	}
}
