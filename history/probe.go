package history

import (
	"crypto/rand"

	"tuitalk/talk"
)

// ProbeEntry is a post that any store takes, to see whether it takes one now.
func ProbeEntry(room int32) talk.Entry {
	return talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: probeID(), ID: probeID(), Name: "probe", Text: "probe"}
}

// ProbeMove is ProbeEntry for changes of presence.
func ProbeMove(room int32) Move {
	return Move{
		Action: Enter, Key: SessionKey{RoomID: room, UUID: probeID(), Session: probeID()},
		Gateway: probeID(), Name: "probe", EntryID: probeID(), Quiet: talk.MaxListed,
	}
}

func probeID() talk.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return talk.MakeUUID(4, b)
}
