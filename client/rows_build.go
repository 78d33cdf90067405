package client

import (
	"time"

	"tuitalk/talk"
)

func (r *Rows) rebuild() {
	r.front, r.back = r.front[:0], r.back[:0]
	r.shift, r.count, r.first, r.last = 0, 0, 0, 0
	r.unreadKey = RowKey{}
	r.extend()
}

// extend makes rows of the entries that were added at the end.
func (r *Rows) extend() {
	n := r.log.Len()
	if len(r.back) == 0 && len(r.front) > 0 {
		r.back, r.front = reversed(r.front), r.front[:0]
	}
	for i := r.count; i < n; i++ {
		r.back = r.push(r.back, i, i > 0)
	}
	r.mark(n)
}

// moved is how many entries were put in front of those that have rows, or, when
// it is negative, were dropped there. It is not ok when the log is another one.
func (r *Rows) moved() (older int, ok bool) {
	n := r.log.Len()
	at := r.search(r.last)
	if at == n || r.log.At(at).Seq != r.last {
		return 0, false
	}
	older = at - (r.count - 1)
	if older >= 0 {
		return older, r.log.At(older).Seq == r.first
	}
	return older, r.log.At(0).Seq == r.log.At(at).Seq-int64(at)
}

// prepend makes rows of the older entries at the front.
func (r *Rows) prepend(older int) {
	r.shift += int32(older)
	r.count += older
	r.beginAnew()
}

// trim drops the rows of n entries at the front.
func (r *Rows) trim(n int) {
	r.shift -= int32(n)
	r.count -= n
	for r.stored() > 1 && r.row(1).pos <= -r.shift {
		r.dropFirst()
	}
	r.beginAnew()
}

// beginAnew makes the rows at the front once more, down to the first entry or
// fold that is there already: the lines before it may come or go, and the fold
// may grow or shrink.
func (r *Rows) beginAnew() {
	upTo := 0
	for r.stored() > 0 && upTo == 0 {
		if s := r.row(0); s.kind == RowEntry || s.kind == RowFold {
			upTo = int(s.pos+r.shift) + int(max(s.n, 1))
		}
		r.dropFirst()
	}
	var rows []storedRow
	for i := range upTo {
		rows = r.push(rows, i, i > 0)
	}
	for i := len(rows) - 1; i >= 0; i-- {
		r.front = append(r.front, rows[i])
	}
	r.mark(r.count)
}

func (r *Rows) dropFirst() {
	if n := len(r.front); n > 0 {
		r.front = r.front[:n-1]
		return
	}
	r.back = r.back[1:]
}

func reversed(rows []storedRow) []storedRow {
	out := make([]storedRow, 0, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		out = append(out, rows[i])
	}
	return out
}

// mark notes that the first n entries of the log have rows.
func (r *Rows) mark(n int) {
	r.count = n
	if n > 0 {
		r.first, r.last = r.log.At(0).Seq, r.log.At(n-1).Seq
	}
}

// push adds the rows of log entry i behind rows, which end with the entry
// before it when there is one.
func (r *Rows) push(rows []storedRow, i int, hasPrev bool) []storedRow {
	e := r.log.At(i)
	pos := int32(i) - r.shift
	var prev *talk.Entry
	if hasPrev {
		prev = r.log.At(i - 1)
	}
	if prev != nil && e.Seq > prev.Seq+1 {
		rows = append(rows, storedRow{pos: pos, kind: RowGap})
	}
	if prev == nil || !r.day.same(prev.UnixTime, e.UnixTime, r.loc) {
		rows = append(rows, storedRow{pos: pos, kind: RowDay})
	}
	if r.unread > 0 && e.Seq > r.unread && (prev == nil || prev.Seq <= r.unread) {
		rows = append(rows, storedRow{pos: pos, kind: RowUnread})
		r.unreadKey = RowKey{Kind: RowUnread, Seq: e.Seq}
	}
	if e.Kind == talk.KindPosted {
		return append(rows, storedRow{pos: pos, kind: RowEntry})
	}
	if n := len(rows); n > 0 && rows[n-1].kind == RowFold && rows[n-1].n < maxFold {
		rows[n-1].n++
		return rows
	}
	return append(rows, storedRow{pos: pos, n: 1, kind: RowFold})
}

// dayCache remembers the bounds of the local day that was looked at last.
type dayCache struct{ from, to int64 } // unix seconds, to is exclusive

func (d *dayCache) same(a, b uint64, loc *time.Location) bool {
	x, y := clampUnix(a), clampUnix(b)
	if y < d.from || y >= d.to {
		t := time.Unix(y, 0).In(loc)
		d.from = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, loc).Unix()
		d.to = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, loc).Unix()
	}
	return x >= d.from && x < d.to
}

// maxUnix is the end of the year 9999; what a server says beyond that is shown
// as that.
const maxUnix = 253402300799

func clampUnix(sec uint64) int64 { return int64(min(sec, maxUnix)) }

// EntryTime is an entry's time as people read it. Times beyond the year 9999
// become its end.
func EntryTime(sec uint64, loc *time.Location) time.Time {
	return time.Unix(clampUnix(sec), 0).In(loc)
}

// DayLabel is what a RowDay says.
func DayLabel(t time.Time) string { return t.Format("Monday, 2 January 2006") }
