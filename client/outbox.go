package client

import (
	"errors"
	"time"

	"tuitalk/talk"
)

// Bounds of the outbox. A post beyond them is refused, and its text stays with
// the user.
const (
	maxOutbox      = 500
	maxOutboxBytes = 1 << 20
	maxInFlight    = 32 // posts on a line that are not answered
)

// unsent is an entry of the outbox. It leaves when the log shows it, and is
// kept over restarts until it is stored.
type unsent struct {
	OutboxEntry
	since    time.Time // of posting, of the start, of a Retry: marks count from it
	conn     ConnID    // sent there, 0: nowhere
	round    int32     // in that round
	answered bool      // there and then, with Accepted
	accepted bool      // in the servers' spool, not yet stored
	failed   bool      // refused, until a Retry
	sent     bool      // perhaps, as Author; over a restart nobody knows
	reason   string    // why
	stored   int64     // its seq, when it is stored but not yet shown; else 0
}

func (u *unsent) toSend() bool { return !u.failed && u.stored == 0 }

// delivery is the mark of an entry.
func (u *unsent) delivery(now time.Time) (Delivery, string) {
	switch {
	case u.failed:
		return Failed, u.reason
	case u.stored > 0:
		return Fresh, ""
	case u.accepted:
		return Accepted, ""
	case now.Sub(u.since) >= failTime:
		return Failed, "It could not be stored for a minute. It will be sent as soon as that is possible."
	case now.Sub(u.since) >= freshTime:
		return Waiting, ""
	}
	return Fresh, ""
}

// outbox holds the user's own entries, of all rooms, in the order of posting.
type outbox struct {
	list   []unsent
	bytes  int // of text
	shown  []Outgoing
	markAt time.Time // a mark changes by itself; zero: none will
}

var errOutboxFull = errors.New("too many messages are waiting to be sent; this one must wait with you")

// restore takes over what the last run left. me is who the user is now.
func (o *outbox) restore(entries []OutboxEntry, me talk.UUID) {
	for _, e := range entries {
		if e.Text != "" && !e.ID.IsZero() && o.find(e.ID) < 0 {
			if e.Author.IsZero() {
				e.Author = me
			}
			o.list = append(o.list, unsent{OutboxEntry: e, sent: true})
			o.bytes += len(e.Text)
		}
	}
	o.changeAuthor(me)
}

const formerAuthor = "You were somebody else when you wrote it, and it may have been sent. Retry sends it as who you are now."

// changeAuthor makes the user somebody else. An entry is known by author and id:
// what was not sent yet goes out under the new one. What may have been sent, and
// so may stand in the room already, waits for the user's word.
func (o *outbox) changeAuthor(me talk.UUID) {
	for i := range o.list {
		u := &o.list[i]
		u.conn, u.accepted = 0, false
		switch {
		case u.Author == me || u.stored > 0:
		case u.sent:
			u.failed, u.reason = true, formerAuthor
		default:
			u.Author = me
		}
	}
}

// restart begins to count the marks.
func (o *outbox) restart(now time.Time) {
	for i := range o.list {
		o.list[i].since = now
	}
}

func (o *outbox) check(text string) error {
	if len(o.list) >= maxOutbox || o.bytes+len(text) > maxOutboxBytes {
		return errOutboxFull
	}
	return nil
}

func (o *outbox) add(e OutboxEntry) {
	o.list = append(o.list, unsent{OutboxEntry: e, since: e.At})
	o.bytes += len(e.Text)
}

func (o *outbox) find(id talk.UUID) int {
	for i := range o.list {
		if o.list[i].ID == id {
			return i
		}
	}
	return -1
}

// resetAnswers has the entries of a room sent again that are accepted on a connection:
// the oldest or all of them. It tells whether there are any.
func (o *outbox) resetAnswers(conn ConnID, room int32, all bool) (any bool) {
	for i := range o.list {
		u := &o.list[i]
		if u.conn == conn && u.RoomID == room && u.answered && u.toSend() {
			u.conn, any = 0, true
			if !all {
				break
			}
		}
	}
	return any
}

// onShown drops what stands in the room's log.
func (o *outbox) onShown(e *talk.Entry) bool {
	i := o.find(e.ID)
	return i >= 0 && o.list[i].Author == e.Author && o.remove(e.RoomID, e.ID)
}

func (o *outbox) remove(room int32, id talk.UUID) bool {
	i := o.find(id)
	if i < 0 || o.list[i].RoomID != room {
		return false
	}
	return o.removeIf(func(u *unsent) bool { return u.ID == id })
}

func (o *outbox) removeIf(drop func(*unsent) bool) bool {
	kept := o.list[:0]
	for i := range o.list {
		if u := &o.list[i]; drop(u) {
			o.bytes -= len(u.Text)
		} else {
			kept = append(kept, *u)
		}
	}
	changed := len(kept) < len(o.list)
	clear(o.list[len(kept):])
	o.list = kept
	return changed
}

// shownUpTo drops what is stored and shown.
func (o *outbox) shownUpTo(room int32, seq int64) bool {
	for i := range o.list {
		if u := &o.list[i]; u.stored > 0 && u.stored <= seq && u.RoomID == room {
			return o.removeIf(func(u *unsent) bool { return u.stored > 0 && u.stored <= seq && u.RoomID == room })
		}
	}
	return false
}

// leaveRoom drops what is stored: that it is not shown matters no more.
func (o *outbox) leaveRoom() { o.removeIf(func(u *unsent) bool { return u.stored > 0 }) }

// entries is what must survive.
func (o *outbox) entries() []OutboxEntry {
	var entries []OutboxEntry
	for i := range o.list {
		if u := &o.list[i]; u.stored == 0 {
			entries = append(entries, u.OutboxEntry)
		}
	}
	return entries
}

// unsentCount counts the entries that are still to be sent to other rooms.
func (o *outbox) unsentCount(room int32) (n int) {
	for i := range o.list {
		if u := &o.list[i]; u.RoomID != room && u.toSend() {
			n++
		}
	}
	return n
}

// next finds the first room but one to which entries are still to be sent.
func (o *outbox) next(but int32) (room int32, ok bool) {
	for i := range o.list {
		if u := &o.list[i]; u.RoomID != but && u.toSend() {
			return u.RoomID, true
		}
	}
	return 0, false
}

func (o *outbox) hasUnsent(room int32) bool {
	for i := range o.list {
		if u := &o.list[i]; u.RoomID == room && u.toSend() {
			return true
		}
	}
	return false
}

func (o *outbox) view(room int32, now time.Time) []Outgoing {
	o.shown = o.shown[:0]
	for i := range o.list {
		u := &o.list[i]
		if u.RoomID != room {
			continue
		}
		g := Outgoing{ID: u.ID, RoomID: room, Text: u.Text, At: u.At}
		g.Delivery, g.Reason = u.delivery(now)
		o.shown = append(o.shown, g)
	}
	return o.shown
}

// nextMarkChange is when a mark changes by itself; zero: never.
func (o *outbox) nextMarkChange(now time.Time) (at time.Time) {
	for i := range o.list {
		u := &o.list[i]
		if u.failed || u.accepted || u.stored > 0 || u.since.IsZero() {
			continue
		}
		mark := u.since.Add(freshTime)
		if !now.Before(mark) {
			mark = u.since.Add(failTime)
		}
		if now.Before(mark) {
			at = earlier(at, mark)
		}
	}
	return at
}
