package commit

import (
	"context"
	"errors"
	"time"

	"tuitalk/talk"
)

// What a lane does itself of what waits, before it appends.
const (
	// shortDrain: a partition with fewer entries a lane drains itself.
	shortDrain = 64
	// headStart is how long a lane drains before its posts go to the spool too,
	// behind what is there.
	headStart = 250 * time.Millisecond
)

// errSpoolLong: the spool holds more than a lane has time for.
var errSpoolLong = errors.New("much waits in the spool")

// drainBeforeAppend stores what the rooms of these posts have in the spool, where it
// is known or suspected to hold entries, and what they show as pending and the
// spool has lost, so that nobody overtakes them. Each room is looked at once, and
// a partition that cannot be read is not tried again for these posts.
//
// An error sends the posts to the spool too, where they are behind what waits.
// That is done at once where much waits: it is left to the replay, and nobody is
// kept waiting for it.
func (sp *spooler) drainBeforeAppend(ctx context.Context, posts []Post) error {
	sp.suspectOutage()
	var until time.Time
	var looked map[int32]bool // rooms
	var unread map[int]bool   // partitions
	for i := range posts {
		room := posts[i].Entry.RoomID
		part := sp.stream.Partition(room)
		dirty := sp.partitions[part].dirty() && !unread[part]
		if looked[room] || !dirty && !sp.shown.dirty() {
			continue
		}
		if looked == nil {
			looked, unread = map[int32]bool{}, map[int]bool{}
			until = time.Now().Add(headStart)
		}
		read, err := sp.storeWaiting(ctx, part, room, dirty, !unread[part], until)
		if err != nil {
			return err
		}
		looked[room] = true
		unread[part] = !read
	}
	return nil
}

// storeWaiting drains a partition if it is dirty, and then stores what a room
// shows as pending all the same: a Redis node may have lost it. Only what was
// shown before the drain looked is no part of what comes behind it.
//
// A spool that cannot be read at all does not hold up the room; read is false
// then. Nobody knows what this node has not heard of, and only what it accepted
// itself is stored: see Room.OwnPending.
func (sp *spooler) storeWaiting(ctx context.Context, part int, room int32, dirty, read bool, until time.Time) (bool, error) {
	r := sp.cfg.Rooms.Get(room)
	var shown []talk.Entry
	if r != nil {
		shown = r.PendingSince(sp.cfg.Clock.Coarse())
	}
	if dirty {
		var err error
		read, err = sp.drainFor(ctx, part, until)
		if err != nil && (read || !sp.store.Up()) {
			return read, err
		}
	}
	switch {
	case len(shown) == 0:
		return read, nil
	case read:
		shown = r.StillPending(shown)
	default:
		shown = r.OwnPending()
	}
	return read, sp.storeAll(ctx, shown)
}

// drainFor brings a partition into the store if little waits there. read: the
// spool could be read.
func (sp *spooler) drainFor(ctx context.Context, part int, until time.Time) (read bool, err error) {
	for {
		f, err := sp.next(ctx, part, min(shortDrain, sp.sizer.size()))
		switch {
		case err != nil:
			return false, err
		case len(f.entries) == 0:
			return true, nil
		case f.more || time.Now().After(until):
			sp.leftover.Store(true)
			return true, errSpoolLong
		}
		if err := sp.storePage(ctx, part, f); err != nil {
			return true, err
		}
	}
}
