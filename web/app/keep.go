package app

import (
	"strconv"
	"time"
)

// keepEvery is how often drafts and the place of reading are kept at most.
const keepEvery = time.Second

func draftKey(room int32) string { return "draft." + roomNumber(room) }
func readKey(room int32) string  { return "read." + roomNumber(room) }

// keepDraft keeps the draft of a room for the life of the tab.
func (a *App) keepDraft(room int32) {
	if a.input.changed {
		a.input.changed = false
		a.keeper.Keep(true, draftKey(room), a.input.draft)
	}
}

// keepRead keeps how far the user has read in a room.
func (a *App) keepRead(room int32) {
	r := &a.reading
	if r.seen > r.kept {
		r.kept = r.seen
		a.keeper.Keep(false, readKey(room), strconv.FormatInt(r.seen, 10))
	}
}

func (a *App) keepAll() {
	room := a.session.Room()
	a.keepDraft(room)
	a.keepRead(room)
	a.keepNext = time.Time{}
}

// nextKeep is when something is to be kept.
func (a *App) nextKeep() time.Time { return a.keepNext }

// noteKeep sees to it that what has changed is kept soon.
func (a *App) noteKeep(now time.Time) {
	if a.keepNext.IsZero() && (a.input.changed || a.reading.seen > a.reading.kept) {
		a.keepNext = now.Add(keepEvery)
	}
}
