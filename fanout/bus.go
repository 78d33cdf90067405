package fanout

import (
	"context"
	"errors"
	"math"

	"tuitalk/talk"
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("the bus is closed")

// Bus carries hints between the nodes: "entry n of room r is this". It may lose
// any of them; who receives finds holes by seq and fills them from the store.
// What it loses knowingly it reports by Handler.Lost.
//
// A node subscribes to a room once, whatever the number of its users there.
type Bus interface {
	// Subscribe returns once every Publish that begins later, on any node, will
	// be delivered here (or reported lost). A second Subscribe is a no-op.
	Subscribe(ctx context.Context, room int32) error
	// Unsubscribe ends it. A delivery that is under way may still arrive.
	Unsubscribe(ctx context.Context, room int32) error
	// Publish sends to every subscribed node but the one that publishes. It MUST
	// NOT wait, neither for the nodes nor for what is between: who publishes has
	// other rooms to serve. An error means that the note is not on its way. The
	// note and what it points to are immutable from this call on.
	Publish(ctx context.Context, note *Note) error
	// Healthy tells whether, as far as known, notes get through now.
	Healthy() bool
	// Close ends all deliveries; none is under way when it returns.
	Close() error
}

// Handler receives what a node subscribed to. Calls for one room come one at a
// time; from one publisher in the order in which it published. A handler must
// not block for long and must not call the bus.
type Handler interface {
	// Deliver hands over a note, which is shared: read only.
	Deliver(note *Note)
	// Lost says that notes of this room may be missing: look in the store.
	Lost(room int32)
}

// Note is one message between nodes about one room.
type Note struct {
	Room    int32
	Entries []talk.Entry // stored, ascending by Seq without holes; or pending, each with Pending set
	Gone    []Gone       // pending entries that were withdrawn
	Stored  []Stored     // entries that were found in the spool and in the store
	Count   int          // members of a large room, if > 0
	Entered []Entered    // sessions that another connection may have had before
	Renamed []Renamed    // users who gave themselves another name, in FleetRoom
	// Behind is the id of the entry that the same node accepted in front of Entries, which
	// are pending, and does not know to be stored; zero for none. Who does not have it has
	// missed a note.
	Behind talk.UUID
}

// FleetRoom is the channel of what concerns all nodes: each subscribes to it. There
// may be a room of this number as well, which is no matter.
const FleetRoom = math.MinInt32

// Entered says that a node has entered a session of the note's room.
type Entered struct {
	UUID, Session, Gateway talk.UUID
	Epoch                  int64
}

// Renamed is a user's name from now on, in all rooms. In the one where it was stored the
// log tells it, in its order; that room is FleetRoom if an older node does not say which.
type Renamed struct {
	UUID talk.UUID
	Name string
	Room int32
}

// Gone names a withdrawn pending entry.
type Gone struct{ Author, ID talk.UUID }

// Stored names an entry that waited in the spool although the store had it already:
// nobody shows it as new, but somebody may show it as pending, and its author may not
// know.
type Stored struct {
	Author, ID talk.UUID
	Seq        int64
}

// Size is about what the note occupies in memory, in bytes.
func (n *Note) Size() int {
	const note, entry, gone, stored, entered, renamed = 184, 136, 32, 40, 56, 40
	size := note + len(n.Entries)*entry + len(n.Gone)*gone + len(n.Stored)*stored + len(n.Entered)*entered + len(n.Renamed)*renamed
	for i := range n.Entries {
		size += len(n.Entries[i].Name) + len(n.Entries[i].Text)
	}
	for i := range n.Renamed {
		size += len(n.Renamed[i].Name)
	}
	return size
}
