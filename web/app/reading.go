package app

import (
	"strconv"
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// reading follows how far the user has read. The unread line stands where the
// user looked away, and stays there until something is missed the next time.
type reading struct {
	shown     bool // the page is not hidden
	focused   bool // and has the keyboard
	following bool // the newest row is in view

	kept   int64 // what the browser keeps of seen
	seen   int64 // seq of the newest entry that the user has seen; 0: not known
	head   int64 // seq of the newest entry that was counted
	loaded bool  // the room's entries have come since it was entered
	marked bool  // the line stands where the user looked away this time
	fresh  int   // messages of others since then
}

// enter begins a room; kept is how far the user had read it the last time.
func (r *reading) enter(kept string) {
	seen, err := strconv.ParseInt(kept, 10, 64)
	if err != nil || seen < 0 {
		seen = 0
	}
	r.seen, r.kept, r.head = seen, seen, seen
	r.loaded, r.marked, r.fresh, r.following = false, false, 0, true
}

func (r *reading) attention(shown, focused bool) { r.shown, r.focused = shown, focused }

func (r *reading) attentive() bool { return r.focused && r.following }

// arrived looks at the entries that are new since it looked the last time. It
// runs before the rows are brought up to date, when moving the line is cheap.
func (a *App) arrived(now time.Time) {
	log, r := a.session.Log(), &a.reading
	newest := a.newestSeq()
	first := !r.loaded
	if first && (a.session.Loading() || a.session.Status().Phase != client.Online) {
		return
	}
	from := r.head
	if first && r.seen == 0 || newest < from {
		from = newest // nothing is new to who was never here, or in a log that began anew
	}
	r.loaded, r.head = true, newest
	count := 0
	var last *talk.Entry
	me := a.session.Me().UUID
	for i := log.Len() - 1; i >= 0 && log.At(i).Seq > from; i-- {
		e := log.At(i)
		if e.Kind != talk.KindPosted || e.Author == me {
			continue
		}
		if last == nil {
			last = e
		}
		count++
	}
	if count > 0 {
		a.missed(from, count, first)
		a.announcer.add(now, count, view.ShowName(last.Author, last.Name), last.Text)
	}
	a.caughtUp()
}

// missed puts the unread line behind the entry from, unless the user reads along.
func (a *App) missed(from int64, count int, first bool) {
	r := &a.reading
	if r.attentive() && !first {
		return
	}
	if !r.marked {
		r.marked = true
		a.rows.SetUnread(from)
		a.stale |= partRows
	}
	r.fresh += count
	a.stale |= partPills | partTitle
}

// caughtUp takes note that the user sees the newest entry.
func (a *App) caughtUp() {
	r := &a.reading
	if !r.attentive() {
		return
	}
	if r.fresh > 0 || r.marked {
		r.fresh, r.marked = 0, false
		a.stale |= partPills | partTitle
	}
	r.seen = max(r.seen, a.newestSeq())
}

// goUnread shows the unread line.
func (a *App) goUnread(now time.Time) {
	_, line := a.rows.Unread()
	if i := a.rows.Index(line); line != (view.RowKey{}) && i > 0 {
		a.window.goTo(i, line)
		a.stale |= partRows
		return
	}
	a.notify(now, "Nothing is unread here.", false)
}

// unreadAbove reports whether the unread line is somewhere above the view.
func (a *App) unreadAbove() bool {
	_, line := a.rows.Unread()
	if line == (view.RowKey{}) || a.window.first == (view.RowKey{}) {
		return false
	}
	at, first := a.rows.Index(line), a.rows.Index(a.window.first)
	return at > 0 && first > 0 && at < first
}

// clear forgets the line: the log was emptied by the user.
func (r *reading) clear() { r.marked, r.fresh = false, 0 }
