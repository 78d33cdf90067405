package app

import (
	"time"

	"tuitalk/client"
)

// attention follows whether somebody looks. Whatever wakes a page may have cut
// its line without a word.
func (a *App) attention(now time.Time, ev Attention) {
	a.reading.attention(ev.Shown, ev.Focused)
	a.caughtUp()
	switch ev.Kind {
	case "online", "focus", "pageshow", "visibilitychange":
		if ev.Shown {
			a.Drive(now, client.Probe{})
		}
	}
	if !ev.Shown || ev.Kind == "pagehide" {
		a.keepAll()
	}
}

// visited follows the browser's back and forward, and a link to a room.
func (a *App) visited(now time.Time, ev Visited) {
	room, ok := RoomOf(ev.Search, ev.Hash)
	if !ok || room == a.session.Room() {
		return
	}
	a.address = addressOf(room) // the browser is there already
	a.Drive(now, client.Join{Room: room})
}

// enterRoom shows a room that was joined: its draft, its unread line.
func (a *App) enterRoom(room int32) {
	a.input.draft = a.keeper.Kept(true, draftKey(room))
	a.input.visitedRoom(room)
	a.reading.enter(a.keeper.Kept(false, readKey(room)))
	a.rows.SetUnread(0)
	a.older = older{auto: true}
	a.search = search{}
	clear(a.unfolded)
	a.window.reset()
	a.labels.reset()
	a.stale = partAll
}

// leaveRoom keeps what belongs to a room.
func (a *App) leaveRoom(room int32) {
	a.keepDraft(room)
	a.keepRead(room)
	a.announcer.forget()
}
