package checker

import (
	"slices"
	"time"
)

// ask is a join or a fetch that is not answered.
type ask struct {
	number int64
	room   int32
	fetch  bool
	since  int64 // when it was asked for first
	place  place // where it was asked for last
	again  bool  // the client hung up, and will ask anew
}

func (a *ask) is(o *ask) bool { return a.room == o.room && a.fetch == o.fetch }

// asked notes what is asked for. What was given up before and is asked for again has
// been waited for all the time.
func (c *check) asked(s *seat, p place, e *Event, at int64) {
	one := ask{number: e.Seq, room: e.Room, fetch: e.Flag, since: at, place: p}
	if !one.fetch {
		c.touched(s, e.Room, p, at, false)
	}
	i := slices.IndexFunc(s.asks, func(a ask) bool { return a.again && a.is(&one) })
	if i >= 0 {
		one.since = s.asks[i].since
		s.asks = slices.Delete(s.asks, i, i+1)
	}
	s.asks = append(s.asks, one)
}

// answered ends a wait, and whatever was given up of the same kind.
func (c *check) answered(s *seat, p place, e *Event, at int64) {
	i := slices.IndexFunc(s.asks, func(a ask) bool { return a.number == e.Seq })
	if i < 0 {
		return
	}
	one := s.asks[i]
	if !one.fetch {
		c.touched(s, one.room, p, at, false)
	}
	s.asks = slices.DeleteFunc(s.asks, func(a ask) bool { return a.number == e.Seq || a.again && a.is(&one) })
}

// dropped ends a wait: what a server or the network ends need not be answered. A
// client that hangs up because nothing comes goes on waiting.
func (c *check) dropped(s *seat, _ place, e *Event, _ int64) {
	c.pageLost(s, e.Seq)
	i := slices.IndexFunc(s.asks, func(a ask) bool { return a.number == e.Seq })
	switch {
	case i < 0:
	case e.Flag && s.misses(&s.asks[i]):
		s.asks[i].again = true
	default:
		s.asks = slices.Delete(s.asks, i, i+1)
	}
}

// misses tells whether the client still wants what it gave up: another connection may
// have brought it, or the user has gone elsewhere. Nobody hangs up for want of history,
// so one whose connection was changed meanwhile asks for it anew, if at all.
func (s *seat) misses(a *ask) bool {
	return !a.fetch && s.wanting && a.room == s.room && !s.up
}

// judgeAsks finds what was never answered.
func (c *check) judgeAsks(s *seat, at int64) {
	for i := range s.asks {
		a := &s.asks[i]
		waited := time.Duration(at-a.since) * time.Microsecond
		if waited <= c.opts.Answer || a.again && !s.misses(a) {
			continue
		}
		what := "to be let into"
		if a.fetch {
			what = "for history of"
		}
		c.find(NeverAnswered, a.place, Entry{Room: a.room}, "%s asked %s room %d and was not answered to the end, for %v",
			s.label, what, a.room, waited.Round(time.Millisecond))
	}
}
