package app

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// attention is whether the user sees what comes.
type attention struct {
	shown     bool // the page is not hidden
	focused   bool // and has the keyboard
	following bool // the newest row is in view
}

// attend tells the view whether the user sees what comes.
func (a *App) attend() {
	if a.view.Attend(a.attention.focused && a.attention.following) {
		a.stale |= partPills | partTitle
	}
}

// looked follows whether somebody looks. Whatever wakes a page may have cut its
// line without a word.
func (a *App) looked(now time.Time, ev Attention) {
	a.attention.shown, a.attention.focused = ev.Shown, ev.Focused
	a.attend()
	switch ev.Kind {
	case "online", "focus", "pageshow", "visibilitychange":
		if ev.Shown {
			a.Drive(now, client.Probe{})
		}
	}
	if !ev.Shown || ev.Kind == "pagehide" {
		a.save()
	}
}

// goUnread shows the unread line.
func (a *App) goUnread(now time.Time) {
	if row := a.view.UnreadRow(); row > 0 {
		a.showRow(row)
		return
	}
	a.notify(now, view.NothingUnread, false)
}

// unreadAbove reports whether the unread line is somewhere above the view.
func (a *App) unreadAbove() bool {
	at, first := a.view.UnreadRow(), a.view.Rows.Index(a.window.first)
	return at > 0 && first > 0 && at < first
}

// find shows the newest place with a text, or the next older one.
func (a *App) find(now time.Time, text string) {
	row, say := a.view.Find(text, a.bottomRow())
	if row < 0 {
		a.notify(now, say, false)
		return
	}
	a.showRow(row)
}

// showRow brings a row into view.
func (a *App) showRow(i int) {
	a.window.goTo(i, a.view.Rows.At(i).Key)
	a.stale |= partRows
}

// bottomRow is the last row in view.
func (a *App) bottomRow() int {
	if at := a.view.Rows.Index(a.window.last); at > 0 && !a.attention.following {
		return at
	}
	return a.view.Rows.Len() - 1
}
