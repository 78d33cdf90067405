package view

import (
	"strconv"

	"tuitalk/client"
	"tuitalk/talk"
)

// readMark is how far the user has read in the room. While he sees what comes
// it follows the newest entry; when he looks away it stands still, and the
// unread line is put before what comes with the first message that he misses. It
// stays there until something is missed the next time.
type readMark struct {
	here    bool  // the user sees what comes
	seen    int64 // seq of the newest entry that he has seen; 0: not known
	saved   int64 // what is kept of seen
	counted int64 // seq up to which entries are counted
	loaded  bool  // the room's entries have come since it was entered
	marked  bool  // the line stands where the user looked away this time
	fresh   int   // messages of others since then
}

// enter begins a room; kept is how far the user had read it the last time.
func (m *readMark) enter(kept string) {
	seen, err := strconv.ParseInt(kept, 10, 64)
	if err != nil || seen < 0 {
		seen = 0
	}
	*m = readMark{here: m.here, seen: seen, saved: seen, counted: seen}
}

// Attend says whether the user sees what comes: somebody looks, and the newest
// row is in view. It reports whether what is unread has changed.
func (v *View) Attend(here bool) (changed bool) {
	v.mark.here = here
	return v.catchUp()
}

// Fresh is how many messages of others came since the user looked away.
func (v *View) Fresh() int { return v.mark.fresh }

// UnreadRow is where the unread line stands; -1: there is none.
func (v *View) UnreadRow() int {
	_, line := v.Rows.Unread()
	if line == (RowKey{}) {
		return -1
	}
	return v.Rows.Index(line)
}

// NothingUnread is what to say when there is no unread line to jump to.
const NothingUnread = "There is nothing unread."

// updateUnread looks at the entries that came. It runs before the rows are
// brought up to date, when moving the line is cheap.
func (v *View) updateUnread(c client.Change, n *News) {
	m, s := &v.mark, v.session
	if c&client.Reset != 0 {
		m.loaded, m.counted, m.fresh = false, m.seen, 0
	}
	first, newest := !m.loaded, v.newest()
	if first {
		if s.Loading() || s.Status().Phase != client.Online {
			return
		}
		m.loaded = true
		if m.seen == 0 || newest > 0 && newest < m.seen {
			m.seen, m.counted = newest, newest // nothing is new to who was never here, or in a log that began anew
		}
	}
	from := max(m.seen, m.counted)
	n.Said, n.Last = v.saidSince(from)
	m.counted = max(m.counted, newest)
	if n.Said > 0 && (first || !m.here) {
		if !m.marked {
			m.marked = true
			v.Rows.SetUnread(from)
		}
		m.fresh += n.Said
		n.Unread = true
	}
	if v.catchUp() {
		n.Unread = true
	}
}

// saidSince counts the messages of others behind seq. last is the newest of them.
func (v *View) saidSince(seq int64) (count int, last *talk.Entry) {
	me := v.session.Me().UUID
	for i := v.session.Log().Len() - 1; i >= 0; i-- {
		e := v.entry(i)
		if e.Seq <= seq {
			break
		}
		if e.Kind != talk.KindPosted || e.Author == me {
			continue
		}
		if last == nil {
			last = e
		}
		count++
	}
	return count, last
}

// catchUp notes that the user sees the newest entry, if he does.
func (v *View) catchUp() (changed bool) {
	m := &v.mark
	if !m.here || !m.loaded {
		return false
	}
	changed = m.fresh > 0 || m.marked
	m.fresh, m.marked = 0, false
	m.seen = max(m.seen, v.newest())
	return changed
}

// readAll notes that the user wants to see no more of what there is.
func (v *View) readAll() {
	m := &v.mark
	m.seen = max(m.seen, v.newest())
	m.counted, m.fresh, m.marked = m.seen, 0, false
	v.Rows.SetUnread(0)
}
