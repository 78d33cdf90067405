package checker

import (
	"slices"
	"sort"
)

// span is a stretch of seqs, both ends included.
type span struct {
	from, to int64
	at       place // where it was noticed that they are missing
}

// spans are ascending and do not touch.
type spans []span

func (l spans) find(seq int64) (i int, found bool) {
	i = sort.Search(len(l), func(i int) bool { return l[i].to >= seq })
	return i, i < len(l) && l[i].from <= seq
}

// remove takes one seq out.
func (l *spans) remove(seq int64) bool {
	i, found := l.find(seq)
	if !found {
		return false
	}
	s := &(*l)[i]
	switch {
	case s.from == s.to:
		*l = slices.Delete(*l, i, i+1)
	case s.from == seq:
		s.from++
	case s.to == seq:
		s.to--
	default:
		rest := span{seq + 1, s.to, s.at}
		s.to = seq - 1
		*l = slices.Insert(*l, i+1, rest)
	}
	return true
}

// sequence follows seqs that should come one after the other, from lo to hi so
// far. What was left out is a hole until it comes late.
type sequence struct {
	lo, hi int64
	holes  spans
}

func sequenceAfter(seq int64) sequence { return sequence{lo: seq + 1, hi: seq} }

// has tells whether seq has come.
func (q *sequence) has(seq int64) bool {
	if seq < q.lo || seq > q.hi {
		return false
	}
	_, missing := q.holes.find(seq)
	return !missing
}

// push takes a seq at the end. ok: it is next, or what lies between is noted as
// a hole; otherwise wrong says what it is.
func (q *sequence) push(seq int64, at place) (wrong Kind, ok bool) {
	switch {
	case seq > q.hi:
		if seq > q.hi+1 {
			q.holes = append(q.holes, span{q.hi + 1, seq - 1, at})
		}
		q.hi = seq
		return 0, true
	case seq < q.lo || q.holes.remove(seq):
		return Reordered, false
	}
	return Duplicate, false
}

// pushFront takes a seq at the front.
func (q *sequence) pushFront(seq int64, at place) (wrong Kind, ok bool) {
	switch {
	case seq < q.lo:
		if seq < q.lo-1 {
			q.holes = slices.Insert(q.holes, 0, span{seq + 1, q.lo - 1, at})
		}
		q.lo = seq
		return 0, true
	case seq > q.hi || q.holes.remove(seq):
		return Reordered, false
	}
	return Duplicate, false
}

// trim forgets what is before seq.
func (q *sequence) trim(seq int64) (holes spans) {
	seq = min(max(seq, q.lo), q.hi+1)
	for len(q.holes) > 0 && q.holes[0].from < seq {
		h := q.holes[0]
		if h.to >= seq {
			q.holes[0].from = seq
			h.to = seq - 1
		} else {
			q.holes = q.holes[1:]
		}
		holes = append(holes, h)
	}
	q.lo = seq
	return holes
}
