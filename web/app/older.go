package app

import (
	"time"

	"tuitalk/client"
)

// olderPage is how many entries are loaded at a time when the user scrolls up.
const olderPage = 100

// olderPause is how long loading by itself rests after it brought nothing.
const olderPause = 4 * time.Second

// older follows the loading of older history as the user scrolls up.
type older struct {
	auto    bool      // it loads by itself; not after a Clear, until the user scrolls
	loading bool      // a Fetch is under way
	rests   time.Time // no attempt by itself before; zero: at once
}

// settled takes note of how a Fetch went.
func (o *older) settled(now time.Time, loading, brought bool) {
	if o.loading && !loading && !brought {
		o.rests = now.Add(olderPause)
	}
	if brought {
		o.rests = time.Time{}
	}
	o.loading = loading
}

func (o *older) next() time.Time { return o.rests }

// due reports that a rest is over.
func (o *older) due(now time.Time) bool {
	if o.rests.IsZero() || now.Before(o.rests) {
		return false
	}
	o.rests = time.Time{}
	return true
}

// scrolled follows the view: rows and history come before it gets there.
func (a *App) scrolled(now time.Time, ev Scrolled) {
	following := a.reading.following
	a.window.scrolled(ev, a.rows)
	a.reading.following = ev.Following
	if !ev.Following {
		a.older.auto = true
	}
	a.caughtUp()
	if following != ev.Following || a.unreadAbove() != a.rise {
		a.stale |= partPills
	}
	a.loadMore(now)
}

// loadMore loads older history when the view comes near to the oldest entry.
func (a *App) loadMore(now time.Time) {
	w := &a.window
	if !a.older.auto || !a.older.rests.IsZero() || w.view.View == 0 || w.view.Above >= ahead(w.view) {
		return
	}
	if len(w.shown) > 0 && a.rows.Index(w.shown[0].key) > 1 {
		return // there are rows that are not in the page yet
	}
	a.loadOlder(now, olderPage)
}

// loadOlder asks for entries before the first one, if there is any use in it.
func (a *App) loadOlder(now time.Time, limit int) {
	s := a.session
	if s.Loading() || s.Complete() || s.Status().Phase != client.Online {
		return
	}
	a.Drive(now, client.FetchOlder{Limit: limit})
}

// frameOlder writes what stands above the first row.
func (a *App) frameOlder(p *Patch) {
	s := a.session
	p.pick(refOlder)
	p.empty()
	p.flag("hidden", false)
	switch {
	case s.Loading():
		p.words("Loading older messages")
	case s.Complete() && a.rows.Len() <= 1:
		p.words("Nothing was said in room " + roomNumber(s.Room()) + " yet")
	case s.Complete():
		p.words("Here room " + roomNumber(s.Room()) + " begins")
	case s.Status().Phase != client.Online:
		p.flag("hidden", true)
	default:
		p.button("quick", "older", "", "Load older messages")
	}
	p.end()
}
