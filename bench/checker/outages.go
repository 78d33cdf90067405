package checker

import (
	"slices"
	"sort"
	"time"
)

// outages follows what the faults did to one client.
type outages struct {
	next   int // the first fault that is yet to come
	list   []outage
	broken int // of the list, those with a lost connection

	// what is news to the user
	here int64              // when he came; what was said before is history
	top  int64              // the newest seq shown since
	told map[entryName]bool // shown as pending, not yet as stored
}

// outage is what one fault did to one client.
type outage struct {
	fault   int
	broken  bool  // the connection is lost, or nothing has come since it is back
	heard   bool  // a message came that was sent after the fault
	counts  bool  // longest is known
	since   int64 // when the connection was lost last: of what came on it before
	back    int64 // when it was live again after that
	longest time.Duration
	delay   time.Duration
}

// forget ends all waiting: the user is where other things are said.
func (o *outages) forget(at int64) {
	for i := range o.list {
		o.list[i].broken = false
	}
	o.broken, o.here, o.top, o.told = 0, at, 0, nil
}

// gatherSaid notes when something was said in each room.
func (c *check) gatherSaid() {
	for i := range c.sends {
		if s := &c.sends[i]; !s.adopted {
			r := c.room(s.room)
			r.said = append(r.said, s.at)
		}
	}
	for _, r := range c.rooms {
		slices.Sort(r.said)
	}
}

// saidIn tells whether anybody said anything in a time, its ends included.
func (r *room) saidIn(from, to int64) bool {
	i, _ := slices.BinarySearch(r.said, from)
	return i < len(r.said) && r.said[i] <= to
}

// beginOutages begins the faults that came before now.
func (c *check) beginOutages(s *seat, now int64) {
	o := &s.outages
	for o.next < len(c.faults) && c.faults[o.next].from <= now {
		if s.up {
			o.list = append(o.list, outage{fault: o.next})
		}
		o.next++
	}
}

func (c *check) lineLost(s *seat, at, heard int64) {
	o := &s.outages
	for i := range o.list {
		one := &o.list[i]
		w := &c.faults[one.fault]
		if at >= w.to || one.broken {
			continue
		}
		one.broken, one.since = true, max(heard, w.from)
		o.broken++
	}
}

// lineBack ends the waiting of those who have missed nothing.
func (c *check) lineBack(s *seat, at int64) {
	o := &s.outages
	for i := range o.list {
		one := &o.list[i]
		if !one.broken {
			continue
		}
		one.back = at
		if !c.room(s.room).saidIn(one.since, at) {
			one.waited(one.since, at)
			one.broken = false
			o.broken--
		}
	}
}

func (one *outage) waited(from, to int64) {
	one.counts = true
	one.longest = max(one.longest, time.Duration(to-from)*time.Microsecond)
}

// heardLive notes that a message has come while it was news.
func (c *check) heardLive(s *seat, p place, at int64) {
	o := &s.outages
	e := c.entry(p)
	news := o.isNews(e, c.room(e.Room).seqs[nameOf(e)])
	if len(o.list) == 0 {
		return
	}
	v := c.verdict(p)
	if v.sentAt != 0 {
		o.delayed(v.windows, time.Duration(at-v.sentAt)*time.Microsecond)
	}
	if !news || !s.up {
		return
	}
	if o.broken > 0 {
		c.resumed(o, v.sentAt, at)
	}
	if v.sentAt != 0 && v.sentAt >= o.here {
		c.interrupted(o, v, at)
	}
}

// toldAccepted is to an author what a pending message is to others: it is there.
func (c *check) toldAccepted(s *seat, p place, _ *Event, at int64) {
	o := &s.outages
	name := c.said(p)
	c.touched(s, name.room, p, at, false)
	i, ok := c.sendOf[name]
	if !ok || o.told[name] {
		return
	}
	if o.told == nil {
		o.told = map[entryName]bool{}
	}
	o.told[name] = true
	if sentAt := c.sends[i].at; s.up && sentAt >= o.here {
		c.interrupted(o, &verdict{sentAt: sentAt, windows: c.windowsAt(sentAt)}, at)
	}
}

// isNews tells whether the user has not been shown an entry yet, pending or stored.
// seq is what the store has it as, 0 if it has not. One that was shown as stored may
// come once more as pending: who woke from a long sleep says so of all that it held.
func (o *outages) isNews(e *Entry, seq int64) bool {
	name := nameOf(e)
	told := o.told[name]
	switch {
	case e.Seq > 0:
		news := e.Seq > o.top && !told
		o.top = max(o.top, e.Seq)
		delete(o.told, name)
		return news
	case seq > 0 && seq <= o.top:
		return false
	}
	if o.told == nil {
		o.told = map[entryName]bool{}
	}
	o.told[name] = true
	return !told
}

// resumed ends the outages of lost connections. The first message may be from before
// the loss: then the news stopped earlier than the connection.
func (c *check) resumed(o *outages, sentAt, at int64) {
	for i := range o.list {
		one := &o.list[i]
		if !one.broken {
			continue
		}
		from := one.since
		if sentAt >= o.here && sentAt != 0 {
			from = min(from, max(sentAt, c.faults[one.fault].from))
		}
		one.waited(from, at)
		one.broken, one.heard = false, true
	}
	o.broken = 0
}

// interrupted counts what a message took that was under way when a fault came,
// or was sent in its window, until the next one came: what it waits from then on is
// the next one's. For what was sent while the connection was lost, the wait for the first
// message after counts.
func (c *check) interrupted(o *outages, v *verdict, at int64) {
	for i := len(o.list) - 1; i >= 0 && c.faults[o.list[i].fault].from > v.sentAt; i-- {
		// It shows that the connection holds, but nothing of what was said after.
		from := c.faults[o.list[i].fault].from
		o.list[i].longest = max(o.list[i].longest, time.Duration(at-from)*time.Microsecond)
	}
	for _, w := range v.windows {
		if one := o.of(w); one != nil {
			one.heard, one.counts = true, true
			if v.sentAt < one.since || v.sentAt >= one.back {
				one.waited(v.sentAt, min(at, c.faults[w].to))
			}
		}
	}
}

// of finds what a fault did; nil: the client was not there.
func (o *outages) of(fault int32) *outage {
	i := sort.Search(len(o.list), func(i int) bool { return o.list[i].fault >= int(fault) })
	if i < len(o.list) && o.list[i].fault == int(fault) {
		return &o.list[i]
	}
	return nil
}

// delayed notes how long an entry took that was sent in some faults' windows.
func (o *outages) delayed(windows []int32, took time.Duration) {
	for _, w := range windows {
		if one := o.of(w); one != nil {
			one.delay = max(one.delay, took)
		}
	}
}

func (c *check) addOutages(s *seat) {
	for i := range s.outages.list {
		one := &s.outages.list[i]
		w := &c.faults[one.fault]
		// who has heard nothing is not missing anything where nobody has said anything
		missing := one.broken || !one.heard && s.wanting &&
			c.room(s.room).saidIn(max(w.from, s.outages.here), min(w.to-1, s.at))
		switch {
		case missing && !s.up:
			w.notBack++
		case missing:
			w.unheard++
		}
		if one.counts {
			w.blackouts = append(w.blackouts, one.longest)
		}
		if one.delay > 0 {
			w.delays = append(w.delays, one.delay)
		}
	}
}
