package virtualuser

import (
	"maps"
	"time"

	"tuitalk/bench/measure"
)

// Sample is what happened since the last one, and how things stand.
func (s *Group) Sample() measure.Sample {
	s.sampling.Lock()
	defer s.sampling.Unlock()
	now := s.clock.shared(s.clock.now())
	sum := measure.Sample{At: s.sampled.Unix()}
	for _, l := range s.loops {
		part := l.take()
		sum.Add(&part)
	}
	s.sampled = now
	self, err := s.watch.Read()
	if err != nil {
		s.cfg.Logf("the generator cannot watch itself: %v", err)
	}
	sum.Self = self
	return sum
}

// take takes what a loop has counted, and lets it count anew.
func (l *loop) take() measure.Sample {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.sample
	l.sample = measure.Sample{}
	taken.Open, taken.Inside, taken.Nodes = l.open, l.inside, maps.Clone(l.nodes)
	return taken
}

// work is how long a loop has been at work: its poller, which works also when it
// is kept off its processor, and its pacer.
func (l *loop) work() time.Duration {
	ran, waited, err := measure.ThreadWork(l.poller.tid)
	sum := ran + waited
	if pacer := int(l.pacerThread.Load()); pacer != 0 && err == nil {
		ran, _, err = measure.ThreadWork(pacer)
		sum += ran
	}
	if err != nil {
		l.group.cfg.Logf("the generator cannot watch itself: %v", err)
	}
	return sum
}

// Heads says how far each room's store is in the end. It is written down, and
// Owed goes by it.
func (s *Group) Heads(heads map[int32]int64) {
	s.sampling.Lock()
	s.heads = maps.Clone(heads)
	s.sampling.Unlock()
	if s.rec == nil {
		return
	}
	for room, seq := range heads {
		s.rec.Head(room, seq)
	}
}

// Owed tells how many clients are behind or not in their room, and with how many
// messages: those that they posted and do not know to be stored, and those that they
// were not shown.
func (s *Group) Owed() (clients, messages int) {
	s.sampling.Lock()
	heads := s.heads
	s.sampling.Unlock()
	for _, l := range s.loops {
		inSteps(l, l.users, func(p *user) {
			owed := p.protocol.outbox() + p.protocol.behind(heads[p.room])
			if owed > 0 || !p.inside {
				clients++
				messages += owed
			}
		})
	}
	return clients, messages
}
