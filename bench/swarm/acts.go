package swarm

import (
	"strconv"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
)

// act is something that people do now and then, besides talking.
type act struct {
	times *measure.Arrivals
	do    func(p *person)
}

// actsDue does what is due, each time with somebody else.
func (l *loop) actsDue() {
	for _, a := range l.acts {
		for at, ok := a.times.Next(); ok && !at.After(l.now); at, ok = a.times.Next() {
			a.times.Take()
			a.do(l.talkers[l.rng.IntN(len(l.talkers))])
			l.settle()
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
	sc := &l.swarm.cfg.Scenario
	l.posting = measure.NewArrivals(sc.Arrivals, at, sc.Rate*part, seed)
	for i, a := range []struct {
		rate float64
		do   func(*person)
	}{
		{sc.Hops, l.hop}, {sc.Returns, l.goAndReturn}, {sc.Fetches, l.fetch}, {sc.Renames, l.rename}, {sc.Ends, l.endOne},
	} {
		if a.rate > 0 {
			times := measure.NewArrivals(scenario.Poisson, at, a.rate*part, seed+uint64(i)+1)
			l.acts = append(l.acts, &act{times, a.do})
		}
	}
}

// hop lets somebody go to another room: the one in which somebody else began, so
// that large rooms stay large.
func (l *loop) hop(p *person) {
	room := l.swarm.plan.Room(l.talkers[l.rng.IntN(len(l.talkers))].index)
	if room != p.room {
		p.speaker.enter(room)
	}
}

// goAndReturn lets somebody hang up without a word, and come back as fast as
// clients do whose line broke.
func (l *loop) goAndReturn(p *person) {
	if !p.inside || p.live == nil {
		return
	}
	line := p.live
	p.left = true
	line.drop(false)
	p.speaker.closed(line, 0, "")
}

// rename lets somebody take a name that nobody has had.
func (l *loop) rename(p *person) {
	p.named++
	p.speaker.rename(p.label() + "-" + strconv.Itoa(p.named))
}

func (l *loop) fetch(p *person) { p.speaker.fetch(l.swarm.cfg.Scenario.FetchLimit) }

// Begin lets arrivals begin at that time, by the coordinator's clock.
func (s *Swarm) Begin(at time.Time) {
	for i, l := range s.loops {
		l.begin(s.clock.own(at), float64(len(l.talkers))/float64(max(1, s.talkers)), s.seed(100+10*i))
	}
}

// Hush lets nobody begin anything any more, but for the posts that are due
// already. What was posted goes on being delivered, and slow readers read what they
// have left lying.
func (s *Swarm) Hush() {
	for _, l := range s.loops {
		l.mu.Lock()
		l.at(l.clock.now())
		for hushed, more := l.now, true; more; {
			more = l.postsUntil(hushed)
		}
		l.posting, l.acts, l.hushed = nil, nil, true
		l.mu.Unlock()
	}
}

// Rate changes how many messages this share posts per second, from now on.
func (s *Swarm) Rate(perSecond float64) {
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

// Storm cuts all lines at once, hard, so that everybody comes back at once.
func (s *Swarm) Storm() {
	for _, l := range s.loops {
		var cut []*line
		inSteps(l, l.people, func(p *person) {
			for len(p.lines) > 0 {
				cut = append(cut, p.lines[0])
				p.lines[0].drop(true)
			}
		})
		inSteps(l, cut, func(line *line) {
			if line.joined {
				l.sample.Lost++
			}
			line.p.speaker.closed(line, 0, "")
		})
	}
}
