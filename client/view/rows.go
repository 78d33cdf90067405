package view

import (
	"sort"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// RowKind says what a Row shows.
type RowKind uint8

const (
	RowHead    RowKind = iota // the top: what is known of older history; always row 0
	RowDay                    // a new local day begins
	RowGap                    // Count entries between here are not loaded
	RowUnread                 // the unread line
	RowEntry                  // a posted Entry
	RowFold                   // Count joins, leaves and renames in a row; see Rows.Fold
	RowPending                // somebody else's Entry that is accepted, but not stored
	RowUnsent                 // an own Outgoing
)

// RowKey names a row for as long as it exists in one room: views keep what
// they made of a row under its key. A row of kind RowFold may grow: its Count
// belongs to what was kept.
type RowKey struct {
	Kind RowKind
	Seq  int64     // of the entry, or of the one that follows the line
	ID   talk.UUID // RowPending, RowUnsent
}

// Row is one row of a log as people see it. The pointers are valid until the
// session handles its next event.
type Row struct {
	Kind     RowKind
	Key      RowKey
	Entry    *talk.Entry      // RowEntry, RowPending; RowFold: the first; lines: the one that follows
	Outgoing *client.Outgoing // RowUnsent
	Number   int              // RowUnsent: its place in the outbox, from 1
	Count    int              // RowFold, RowGap
	Day      time.Time        // RowDay: any time of that day
	Own      bool             // written by the user
	Follows  bool             // RowEntry, RowUnsent: soon after another one by the same author
}

const (
	maxFold    = 100 // entries in one RowFold
	followSecs = 300 // within these, an entry "follows" the one before
)

// Text is what was said, as it came: show it through talk.CleanText. It is ""
// for a row that is no message.
func (r Row) Text() string {
	switch r.Kind {
	case RowEntry, RowPending:
		return r.Entry.Text
	case RowUnsent:
		return r.Outgoing.Text
	}
	return ""
}

// entries is the part of Log that rows need.
type entries interface {
	Len() int
	At(i int) *talk.Entry
}

// storedRow is a row made of the log. Positions count from an origin that
// stays when older entries are put in front: log index = pos + Rows.shift.
type storedRow struct {
	pos  int32
	n    int32 // entries in a fold
	kind RowKind
}

// Rows derives rows from a Session, step by step: an entry added at either end
// costs the same in a log of any length. A Rows belongs to the goroutine that
// owns the Session.
type Rows struct {
	loc *time.Location

	log     entries
	pending []talk.Entry
	outbox  []client.Outgoing
	me      talk.Member

	front []storedRow // older rows, in reverse
	back  []storedRow // newer rows
	shift int32       // entries put in front since the last rebuild
	count int         // entries of the log that have rows
	first int64       // seq of the first of them
	last  int64       // seq of the last of them

	unread    int64 // the line stands behind this seq; 0: none
	unreadKey RowKey
	day       dayCache
}

// NewRows makes rows with days as they are in loc.
func NewRows(loc *time.Location) *Rows { return &Rows{loc: loc} }

// Update takes over what changed in s. It must be called after each Handle,
// before any other method.
func (r *Rows) Update(s *client.Session, c client.Change) {
	r.update(s.Log(), s.Pending(), s.Outbox(), s.Me(), c)
}

func (r *Rows) update(log entries, pending []talk.Entry, outbox []client.Outgoing, me talk.Member, c client.Change) {
	r.log, r.pending, r.outbox, r.me = log, pending, outbox, me
	if c&client.Reset != 0 || r.count == 0 {
		r.rebuild()
		return
	}
	older, ok := r.moved()
	switch {
	case !ok:
		r.rebuild()
		return
	case older > 0:
		r.prepend(older)
	case older < 0:
		r.trim(-older)
	}
	r.extend()
}

// SetUnread puts the unread line behind the entry seq; 0 takes it away. It
// costs as much as the log is long, except for the last entry.
func (r *Rows) SetUnread(seq int64) {
	if seq == r.unread {
		return
	}
	simple := r.unreadKey == RowKey{} && (seq == 0 || seq >= r.last)
	r.unread = seq
	if !simple && r.log != nil {
		r.rebuild()
	}
}

// Unread is the seq behind which the unread line stands, and the key of its
// row. The key is zero while no unread entry is there.
func (r *Rows) Unread() (seq int64, line RowKey) { return r.unread, r.unreadKey }

// Len is the number of rows.
func (r *Rows) Len() int { return 1 + r.stored() + len(r.pending) + len(r.outbox) }

func (r *Rows) stored() int { return len(r.front) + len(r.back) }

// At makes row i, 0 at the top.
func (r *Rows) At(i int) Row {
	if i == 0 {
		return Row{Kind: RowHead}
	}
	i--
	if n := r.stored(); i >= n {
		return r.tail(i - n)
	}
	s := r.row(i)
	at := int(s.pos + r.shift)
	e := r.log.At(at)
	row := Row{Kind: s.kind, Key: RowKey{Kind: s.kind, Seq: e.Seq}, Entry: e}
	switch s.kind {
	case RowDay:
		row.Day = entryTime(e.UnixTime, r.loc)
	case RowGap:
		row.Count = int(e.Seq - r.log.At(at-1).Seq - 1)
	case RowFold:
		row.Count = int(s.n)
	case RowEntry:
		row.Own = e.Author == r.me.UUID
		row.Follows = i > 0 && r.row(i-1).kind == RowEntry && follows(r.log.At(at-1), e)
	}
	return row
}

func follows(prev, e *talk.Entry) bool {
	return prev.Author == e.Author && prev.Name == e.Name && e.UnixTime < prev.UnixTime+followSecs
}

func (r *Rows) tail(i int) Row {
	if i < len(r.pending) {
		e := &r.pending[i]
		return Row{Kind: RowPending, Key: RowKey{Kind: RowPending, ID: e.ID}, Entry: e}
	}
	i -= len(r.pending)
	o := &r.outbox[i]
	return Row{
		Kind: RowUnsent, Key: RowKey{Kind: RowUnsent, ID: o.ID}, Outgoing: o,
		Number: i + 1, Own: true, Follows: i > 0 || r.unsentFollows(o),
	}
}

// unsentFollows decides as it will be decided once o is stored, so that its
// name does not come and go.
func (r *Rows) unsentFollows(o *client.Outgoing) bool {
	n := r.stored()
	if n == 0 || len(r.pending) > 0 || r.row(n-1).kind != RowEntry {
		return false
	}
	e := talk.Entry{Author: r.me.UUID, Name: r.me.Username, UnixTime: uint64(o.At.Unix())}
	return follows(r.log.At(r.count-1), &e)
}

// Index finds the row of a key, or the one that took its place: the entry that
// a line stood before, the fold that swallowed another, the stored entry that
// was unsent. It is -1 when there is none.
func (r *Rows) Index(k RowKey) int {
	if k.Kind == RowHead {
		return 0
	}
	if k.Kind == RowPending || k.Kind == RowUnsent {
		return r.indexID(k)
	}
	at := r.search(k.Seq)
	if r.log == nil || at == r.log.Len() || r.log.At(at).Seq != k.Seq {
		return -1
	}
	return 1 + r.rowOf(int32(at)-r.shift, k.Kind)
}

// rowOf is the stored row of the entry at pos: the line before it of the given
// kind if there is one.
func (r *Rows) rowOf(pos int32, kind RowKind) int {
	i := sort.Search(r.stored(), func(i int) bool { return r.row(i).pos > pos }) - 1
	for j := i; j >= 0 && r.row(j).pos == pos; j-- {
		if r.row(j).kind == kind {
			return j
		}
	}
	return i
}

func (r *Rows) indexID(k RowKey) int {
	for i := r.stored() + 1; i < r.Len(); i++ {
		if r.At(i).Key.ID == k.ID {
			return i
		}
	}
	for i := r.stored() - 1; i >= max(0, r.stored()-maxFold); i-- {
		if s := r.row(i); s.kind == RowEntry && r.log.At(int(s.pos+r.shift)).ID == k.ID {
			return i + 1
		}
	}
	return -1
}

// search is the index of the first entry with at least that seq.
func (r *Rows) search(seq int64) int {
	if r.log == nil {
		return 0
	}
	return sort.Search(r.log.Len(), func(i int) bool { return r.log.At(i).Seq >= seq })
}

func (r *Rows) row(i int) *storedRow {
	if n := len(r.front); i < n {
		return &r.front[n-1-i]
	}
	return &r.back[i-len(r.front)]
}

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

// entryTime is an entry's time as people read it. Times beyond the year 9999
// become its end.
func entryTime(sec uint64, loc *time.Location) time.Time {
	return time.Unix(clampUnix(sec), 0).In(loc)
}

// SaidAt is when people said an entry: what waited in the spool is stored later.
func SaidAt(e *talk.Entry, loc *time.Location) time.Time {
	if e.SentAt != 0 {
		return entryTime(e.SentAt, loc)
	}
	return entryTime(e.UnixTime, loc)
}

// DayLabel is what a RowDay says.
func DayLabel(t time.Time) string { return t.Format("Monday, 2 January 2006") }
