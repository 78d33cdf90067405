package app

import (
	"time"

	"tuitalk/client"
)

// visited follows the browser's back and forward, and a link to a room.
func (a *App) visited(now time.Time, ev Visited) {
	room, ok := RoomOf(ev.Search, ev.Hash)
	if !ok || room == a.session.Room() {
		return
	}
	a.address = addressOf(room) // the browser is there already
	a.Drive(now, client.Join{Room: room})
}

// enterRoom shows the room that was entered.
func (a *App) enterRoom() {
	a.attention.following = true
	a.attend()
	clear(a.unfolded)
	a.window.reset()
	a.labels.reset()
	a.stale = partAll
}
