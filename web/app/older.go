package app

import (
	"time"

	"tuitalk/client"
	"tuitalk/client/view"
)

// scrolled follows the view: rows and history come before it gets there.
func (a *App) scrolled(now time.Time, ev Scrolled) {
	following := a.attention.following
	if a.window.scrolled(ev, a.view.Rows) && !ev.Following {
		a.view.Scrolled()
	}
	a.attention.following = ev.Following
	a.attend()
	if following != ev.Following || a.unreadAbove() != a.rise {
		a.stale |= partPills
	}
	if a.view.WantsOlder(a.nearTop) {
		a.Drive(now, client.FetchOlder{Limit: view.PageEntries})
	}
}

// nearTop tells whether the view comes near to the oldest entry: all rows above
// are in the page.
func (a *App) nearTop() bool {
	w := &a.window
	return w.view.View != 0 && w.view.Above < ahead(w.view) &&
		(len(w.shown) == 0 || a.view.Rows.Index(w.shown[0].key) <= 1)
}

// frameOlder writes what stands above the first row.
func (a *App) frameOlder(p *Patch) {
	room := roomNumber(a.view.Room())
	p.pick(refOlder)
	p.empty()
	top := a.view.Top()
	p.flag("hidden", top == view.TopUnknown)
	switch top {
	case view.TopLoading:
		p.words("Loading older messages")
	case view.TopEmpty:
		p.words("Nothing was said in room " + room + " yet")
	case view.TopBegins:
		p.words("Here room " + room + " begins")
	case view.TopCleared, view.TopMore:
		p.button("quick", "older", "", "Load older messages")
	}
	p.end()
}
