package app

import (
	"strconv"
	"strings"

	"tuitalk/client/view"
)

// RoomOf reads the room from a page's address: "?room=7", "#7" or "#room=7".
func RoomOf(search, hash string) (room int32, ok bool) {
	for _, pair := range strings.Split(strings.TrimPrefix(search, "?"), "&") {
		if value, found := strings.CutPrefix(pair, "room="); found {
			if room, err := view.ParseRoom(value); err == nil {
				return room, true
			}
		}
	}
	fragment := strings.TrimPrefix(strings.TrimPrefix(hash, "#"), "room=")
	if fragment == "" {
		return 0, false
	}
	room, err := view.ParseRoom(fragment)
	return room, err == nil
}

// addressOf is the address of a room.
func addressOf(room int32) string { return "?room=" + roomNumber(room) }

func roomNumber(room int32) string { return strconv.Itoa(int(room)) }
