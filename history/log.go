package history

import (
	"context"

	"tuitalk/talk"
)

// Log is the log of every room. It is the only sequencer: an entry's seq (1, 2, 3 … per
// room, no gaps) comes into being in the transaction that makes the entry durable.
type Log interface {
	// Append stores posts, in order, each at most once by (RoomID, Author, ID):
	// a repeat, also within entries, yields the seq and time of the first. It
	// sets neither Seq nor UnixTime in entries; results[i] belongs to
	// entries[i]. A data error concerns one entry only: its Result.Err wraps
	// ErrBadEntry and the rest is stored.
	Append(ctx context.Context, entries []talk.Entry) (results []Result, err error)

	// After returns up to limit entries of the room with seq > after, ascending.
	After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error)

	// Before returns the newest limit entries with seq < before, ascending, and
	// whether the room has nothing older. before <= 0 means from the head.
	Before(ctx context.Context, room int32, before int64, limit int) (entries []talk.Entry, complete bool, err error)

	// SpanBefore returns the first and the last seq of a page by whole seconds:
	// the newest entries with UnixTime < before, at least limit if there are so
	// many, and never a part of a second. first 1 and last 0 if there are none. It reads
	// no entries: however many there are in a second, it costs the same, and
	// whoever wants them reads them by seq, piece by piece.
	SpanBefore(ctx context.Context, room int32, before uint64, limit int) (first, last int64, err error)

	// Heads returns the newest entry of each room; the zero Head for an empty one.
	Heads(ctx context.Context, rooms []int32) ([]Head, error)

	// Room returns head and members as of one moment.
	Room(ctx context.Context, room int32, listed int) (Room, error)

	// EntryAt names the room's entry seq; ok is false if there is none.
	EntryAt(ctx context.Context, room int32, seq int64) (entry Head, ok bool, err error)
}

// Result is what became of one appended entry.
type Result struct {
	Seq      int64
	UnixTime uint64
	Repeat   bool  // it was stored before, or stands earlier in the same batch
	Err      error // wraps ErrBadEntry
}

// Head names an entry of a room, mostly its newest. The id tells what a seq cannot:
// whether two who say the same seq mean the same entry. UnixTime tells what the id cannot:
// whether it was stored once. A store goes back, and who was not told that his message was
// stored says it again: it may get the seq that it had in the log that is gone, behind
// entries that are others now.
type Head struct {
	Seq      int64
	ID       talk.UUID
	UnixTime uint64 // 0: not known
}

// HeadOf names a stored entry.
func HeadOf(e *talk.Entry) Head { return Head{Seq: e.Seq, ID: e.ID, UnixTime: e.UnixTime} }

// StillIs tells whether what the store has is the entry that somebody was shown. If the
// store has it of a later time, it was stored again; of an earlier one, its room was
// mended (Mender), which changes nothing else.
func (shown Head) StillIs(stored Head) bool {
	later := shown.UnixTime != 0 && stored.UnixTime > shown.UnixTime
	return shown.Seq == stored.Seq && shown.ID == stored.ID && !later
}

// Room is a room as of one moment.
type Room struct {
	HeadSeq  int64
	HeadID   talk.UUID
	HeadTime uint64
	Members  []talk.Member // ordered by when they joined; at most as many as asked for
	Count    int
}
