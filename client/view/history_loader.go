package view

import "tuitalk/client"

// PageEntries is how many older entries are loaded at a time while scrolling.
const PageEntries = 100

// historyLoader decides when older history is loaded without being asked for:
// once for each oldest entry, and once more whenever the user scrolls.
type historyLoader struct {
	off    bool  // after a Clear, until the user scrolls
	tried  bool  // with that oldest entry
	oldest int64 // its seq
}

// WantsOlder tells whether older history is to be loaded; the caller hands a
// FetchOlder of PageEntries to the driver at once. near tells whether the top of
// the rows is near enough, and is asked only where the answer matters.
func (v *View) WantsOlder(near func() bool) bool {
	s, l := v.session, &v.loader
	oldest := v.oldest()
	if l.off || s.Status().Phase != client.Online || s.Loading() || s.Complete() ||
		l.tried && l.oldest == oldest || !near() {
		return false
	}
	l.tried, l.oldest = true, oldest
	return true
}

// Scrolled notes that the user moved the view.
func (v *View) Scrolled() { v.loader.off, v.loader.tried = false, false }

// Older is what the driver gets when the user presses for older history.
func (v *View) Older() client.Event {
	v.loader.off, v.fetch = false, fetch{asked: true, quiet: true}
	return client.FetchOlder{Limit: PageEntries}
}

// Top is what is known of what is above the first row.
type Top uint8

const (
	TopUnknown Top = iota // there is no line that could tell
	TopMore               // there is more
	TopLoading            // it is being loaded
	TopBegins             // the room begins here
	TopEmpty              // the room has no entry
	TopCleared            // the user emptied the log
)

// Top tells what is above the first row.
func (v *View) Top() Top {
	s := v.session
	empty := s.Log().Len() == 0
	switch {
	case s.Loading():
		return TopLoading
	case s.Complete() && empty:
		return TopEmpty
	case s.Complete():
		return TopBegins
	case empty && v.loader.off:
		return TopCleared
	}
	if p := s.Status().Phase; p == client.Online || p == client.Resuming {
		return TopMore
	}
	return TopUnknown
}
