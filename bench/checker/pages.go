package checker

import (
	"cmp"
	"slices"
)

// pageAsk is a page by time that was asked for, and what has come of it.
type pageAsk struct {
	number int64
	room   int32
	before uint64
	limit  int
	since  int64
	heard  int64 // when a part came last; 0: none did
	place  place
	parts  [][]place
}

func (c *check) askedBefore(s *seat, p place, e *Event, at int64) {
	s.asks = append(s.asks, ask{number: e.Seq, room: e.Room, fetch: true, since: at, place: p})
	s.pages = append(s.pages, pageAsk{number: e.Seq, room: e.Room, before: e.UnixTime(), limit: e.Number(), since: at, place: p})
}

// pageCame begins a part of a page. What was asked for before is whole then.
func (c *check) pageCame(s *seat, p place, e *Event, at int64) {
	c.answered(s, p, e, at)
	for len(s.pages) > 0 && s.pages[0].number < e.Seq {
		c.judgePage(s, &s.pages[0], true)
		s.pages = s.pages[1:]
	}
	if len(s.pages) > 0 && s.pages[0].number == e.Seq {
		one := &s.pages[0]
		one.parts, one.heard, one.place = append(one.parts, nil), at, p
	}
}

func (c *check) paged(s *seat, p place, _ *Event, _ int64) {
	if len(s.pages) == 0 || len(s.pages[0].parts) == 0 {
		return
	}
	c.report.Shown++
	parts := s.pages[0].parts
	parts[len(parts)-1] = append(parts[len(parts)-1], p)
}

// dropPages judges what has come of pages of which nothing more will come.
func (c *check) dropPages(s *seat) {
	for i := range s.pages {
		c.judgePage(s, &s.pages[i], false)
	}
	s.pages = nil
}

// pageLost judges a page whose connection is gone.
func (c *check) pageLost(s *seat, number int64) {
	i := slices.IndexFunc(s.pages, func(a pageAsk) bool { return a.number == number })
	if i >= 0 {
		c.judgePage(s, &s.pages[i], false)
		s.pages = slices.Delete(s.pages, i, i+1)
	}
}

// judgePageEnds finds the pages that never came to their end.
func (c *check) judgePageEnds(s *seat, at int64) {
	for i := range s.pages {
		one := &s.pages[i]
		if fault := c.judgePage(s, one, false); fault || one.heard == 0 || at-one.heard <= c.opts.Answer.Microseconds() {
			continue
		}
		if what := c.incomplete(one); what != "" && !c.room(one.room).wentBack() {
			c.find(NeverAnswered, one.place, Entry{Room: one.room}, "%s asked for a page of room %d, and it did not come to its end: %s", s.label, one.room, what)
		}
	}
	s.pages = nil
}

// judgePage compares an answer with the log. whole: nothing more comes of it.
func (c *check) judgePage(s *seat, one *pageAsk, whole bool) (fault bool) {
	r := c.room(one.room)
	if !r.read || r.wentBack() || len(one.parts) == 0 {
		return false
	}
	what, at := c.tornPage(r, one)
	if what == "" && whole {
		what = c.incomplete(one)
	}
	if what == "" {
		return false
	}
	c.find(TornPage, at, *c.entryOr(at, one.room), "%s asked for %d entries of room %d before second %d, and %s", s.label, one.limit, one.room, one.before, what)
	return true
}

// entryOr is the entry of an event, if it has one.
func (c *check) entryOr(p place, room int32) *Entry {
	if c.event(p).Verb == Paged {
		return c.entry(p)
	}
	return &Entry{Room: room}
}

// fromNewest are the events of a page's entries, the newest first.
func (one *pageAsk) fromNewest() []place {
	var all []place
	for _, part := range one.parts {
		for i := len(part) - 1; i >= 0; i-- {
			all = append(all, part[i])
		}
	}
	return all
}

// tornPage looks whether a page is one stretch of the log, and says why not.
func (c *check) tornPage(r *room, one *pageAsk) (what string, at place) {
	all := one.fromNewest()
	for _, p := range all {
		is := contentOf(c.entry(p))
		switch {
		case len(r.contents[is]) == 0 && r.unknown(is.unixTime):
			return "", p // from before the run
		case len(r.contents[is]) == 0:
			return "it has an entry that is not in the store", p
		case is.unixTime >= one.before:
			return "it has an entry that is not older", p
		}
	}
	if len(all) == 0 || c.oneStretch(r, all) {
		return "", one.place
	}
	return c.tear(r, all)
}

// oneStretch tells whether entries are one stretch of the log, from its newest on.
func (c *check) oneStretch(r *room, all []place) bool {
	return slices.ContainsFunc(r.contents[contentOf(c.entry(all[0]))], func(hi int64) bool {
		for i, p := range all {
			if !r.isAt(hi-int64(i), contentOf(c.entry(p))) {
				return false
			}
		}
		return true
	})
}

// tear finds the first entry of a page that is not the one before the last.
func (c *check) tear(r *room, all []place) (what string, at place) {
	seqs := r.contents[contentOf(c.entry(all[0]))]
	last := seqs[len(seqs)-1]
	for _, p := range all[1:] {
		is := contentOf(c.entry(p))
		if r.isAt(last-1, is) {
			last--
			continue
		}
		if seq := newestBelow(r.contents[is], last); seq > 0 {
			return "it leaves out the entry " + seqsOf(span{seq + 1, last - 1, p}), p
		}
		return "it has an entry a second time, or in the wrong place", p
	}
	return "its entries do not follow each other", all[0]
}

// newestBelow is the last of ascending seqs that is below another; 0: none is.
func newestBelow(seqs []int64, below int64) int64 {
	for i := len(seqs) - 1; i >= 0; i-- {
		if seqs[i] < below {
			return seqs[i]
		}
	}
	return 0
}

// unknown tells whether an entry of a time may be from before what was read.
func (r *room) unknown(unixTime uint64) bool {
	return r.after > 0 && (len(r.list) == 0 || unixTime <= r.list[0].UnixTime)
}

// incomplete says what is missing of a page that is not torn; "" if nothing is.
func (c *check) incomplete(one *pageAsk) string {
	r := c.room(one.room)
	all := one.fromNewest()
	top := r.newestBefore(one.before)
	sure := min(top, r.knownBy(one.since-c.opts.Skew.Microseconds())) // what was stored when it was asked for
	if len(all) == 0 {
		if sure > r.after {
			return "nothing came, although there are older ones"
		}
		return ""
	}
	lo, hi := r.ends(contentOf(c.entry(all[len(all)-1])), contentOf(c.entry(all[0])), len(all))
	switch {
	case lo == 0 || lo <= r.after+1 && r.after > 0:
		return "" // it reaches what was not read
	case hi < sure:
		return "it does not begin with the newest ones"
	case lo > 1 && len(all) < one.limit:
		return "it ends before it has so many"
	case lo > 1 && r.at(lo-1) != nil && r.at(lo-1).UnixTime == r.at(lo).UnixTime:
		return "it splits a second"
	}
	older := 0 // of the oldest second, which a page must have whole
	for seq := lo; seq <= hi && r.at(seq) != nil && r.at(seq).UnixTime == r.at(lo).UnixTime; seq++ {
		older++
	}
	if len(all)-older >= one.limit {
		return "it has a second more than that"
	}
	return ""
}

// ends are the first and the last seq of so many entries; 0: they do not fit together.
func (r *room) ends(first, last content, n int) (lo, hi int64) {
	for _, hi := range r.contents[last] {
		if lo := hi - int64(n) + 1; r.isAt(lo, first) {
			return lo, hi
		}
	}
	return 0, 0
}

// newestBefore is the last seq of an earlier second.
func (r *room) newestBefore(unixTime uint64) int64 {
	i, _ := slices.BinarySearchFunc(r.list, unixTime, func(e Entry, t uint64) int {
		if e.UnixTime < t {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return r.list[i-1].Seq
}

// noteKnown notes that somebody was shown an entry of the store, or told of it.
func (r *room) noteKnown(at, seq int64) {
	if n := len(r.known); n > 0 && r.known[n-1].seq >= seq && r.known[n-1].at <= at {
		return
	}
	r.known = append(r.known, head{at, seq})
}

// sortKnown makes what was known first come first, with growing seqs.
func (r *room) sortKnown() {
	slices.SortFunc(r.known, func(a, b head) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) })
	kept := r.known[:0]
	for _, h := range r.known {
		if len(kept) == 0 || h.seq > kept[len(kept)-1].seq {
			kept = append(kept, h)
		}
	}
	r.known = kept
}

// knownBy is the newest seq that was known to be stored by then.
func (r *room) knownBy(at int64) int64 {
	i, _ := slices.BinarySearchFunc(r.known, at, func(h head, at int64) int {
		if h.at <= at {
			return -1
		}
		return 1
	})
	if i == 0 {
		return 0
	}
	return r.known[i-1].seq
}
