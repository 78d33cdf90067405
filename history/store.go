package history

import (
	"context"
	"errors"
	"time"

	"tuitalk/talk"
)

// Errors that every store returns, wrapped with what it was doing.
var (
	// ErrBadEntry: this operation can never be stored; the others of its batch are.
	ErrBadEntry = errors.New("the store refuses this entry")
	// ErrUnavailable: the store cannot be reached or cannot write now. Whether
	// the batch was stored is unknown; repeat it, its ids make it the same.
	ErrUnavailable = errors.New("the store is unavailable")
	// ErrCorrupt: the stored data is damaged; only an operator can help.
	ErrCorrupt = errors.New("the store is damaged")
	// ErrSchema: at the start; the stored data is of a newer program than this
	// one, or of another program.
	ErrSchema = errors.New("the store was made by another program or version")
)

// Store keeps the log of every room, and who is where. It is the only
// sequencer: an entry's seq (1, 2, 3 … per room, no gaps) comes into being in
// the transaction that makes the entry durable.
//
// All methods may be called from several goroutines. A method that returns an
// error other than ErrBadEntry has failed as a whole.
type Store interface {
	// Append stores posts, in order, each at most once by (RoomID, Author, ID):
	// a repeat, also within entries, yields the seq and time of the first. It
	// sets neither Seq nor UnixTime in entries; results[i] belongs to
	// entries[i]. A data error concerns one entry only: its Result.Err wraps
	// ErrBadEntry and the rest is stored.
	Append(ctx context.Context, entries []talk.Entry) (results []Result, err error)

	// Move applies changes of presence, in order; results[i] belongs to moves[i].
	Move(ctx context.Context, moves []Move) (results []Moved, err error)

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

	// IDAt returns the id of the room's entry seq; ok is false if there is none.
	IDAt(ctx context.Context, room int32, seq int64) (id talk.UUID, ok bool, err error)

	// Renew moves on the lease of a gateway, which is its proof of life.
	Renew(ctx context.Context, gateway talk.UUID) error
	// Leases returns every gateway that has a lease, with the count of its renewals;
	// and with 0 those that have none, but sessions that are not broken: else nobody
	// would ever retire them.
	Leases(ctx context.Context) ([]Lease, error)
	// Retire marks all sessions of a gateway as broken and forgets its lease; of its turns
	// only what is older than TurnsKept, since it may live.
	Retire(ctx context.Context, gateway talk.UUID) error
	// Broken returns up to limit sessions whose connection is gone, in the
	// order of (RoomID, UUID, Session), behind the given one; the zero key means
	// from the start.
	Broken(ctx context.Context, behind SessionKey, limit int) ([]Session, error)

	// Sessions returns the sessions that have these keys, broken or not; found[i]
	// belongs to keys[i] and is without a gateway if there is none. LeaveID is not set.
	Sessions(ctx context.Context, keys []SessionKey) (found []Session, err error)

	// Windows returns the sessions that these users have in all rooms, broken or not,
	// in the order of (UUID, RoomID, Session), with what is known of each; at most
	// MaxWindows.
	Windows(ctx context.Context, users []talk.UUID) ([]Window, error)

	// Check tells whether the store can write now, without writing an entry.
	Check(ctx context.Context) error

	Close() error
}

// Result is what became of one appended entry.
type Result struct {
	Seq      int64
	UnixTime uint64
	Repeat   bool  // it was stored before, or stands earlier in the same batch
	Err      error // wraps ErrBadEntry
}

// SessionKey names one window of one user in one room.
type SessionKey struct {
	RoomID  int32
	UUID    talk.UUID
	Session talk.UUID
}

// Session is one row of who is where.
type Session struct {
	SessionKey
	Gateway talk.UUID
	Epoch   int64 // greater with every Enter in its room
	// LeaveID is for the Leave by which another ends this session: the store makes
	// it with the row, of random bytes. All who claim the session say the same,
	// so that it leaves once; and nobody else can know it, least of all the user,
	// who could otherwise spend it on a post and stay a member for ever.
	LeaveID talk.UUID
}

// MaxWindows bounds what Windows returns.
const MaxWindows = 10_000

// Window is a session with what its room knows of its user.
type Window struct {
	Session
	Entered talk.UUID // EntryID of the Enter that gave the epoch
	Name    string    // of the user in this room
}

// Action is what a Move does.
type Action uint8

const (
	// Enter puts a session into a room, or takes it over from wherever it was:
	// the row is created or gets a new epoch, the gateway, and is not broken.
	// It writes KindJoined if it is the first session of the user in the room;
	// KindRenamed if the user was there under another name, unless KeepName says that
	// a member keeps his. With an Epoch it is a re-registration: it does not apply if the session has a greater one.
	Enter Action = iota
	// Leave removes the session. It writes KindLeft if it was the user's last there.
	Leave
	// Break notes that the session's connection is gone; the grace begins.
	Break
	// Rename gives the user another name in this room. It writes KindRenamed
	// unless the name is the same.
	Rename
)

// Move is one change of presence. Leave, Break and Rename apply only while the
// session's epoch is Epoch: a gateway that was out of touch cannot undo what
// happened since. In a room of more than Quiet members Enter writes no entry,
// and Leave writes KindLeft only for a user whose presence was told: see "Quiet
// rooms" in the package comment, and "Repeats of a Move".
type Move struct {
	Action  Action
	Key     SessionKey
	Gateway talk.UUID // Enter
	Name    string    // Enter, Rename
	// KeepName: who is a member already, keeps the name that he has. Enter.
	KeepName bool
	Epoch    int64 // Leave, Break, Rename; Enter: 0, or of a re-registration
	Quiet    int   // Enter, Leave: the most members a room can have before joins go quiet
	// EntryID is the id of the entry that this move may write, so that a
	// repeat after an unclear failure does not write it twice. Break needs none.
	EntryID talk.UUID
	// Turn is the same for all moves of a call.
	Turn Turn
}

// Turn numbers the attempts of one who moves, a lane of a gateway: it makes one at a
// time, and one that it has given up on may still be under way when it says the same
// again. Once the store has had a Turn, nothing of an earlier one of the same lane
// applies, for TurnsKept at least, whatever else happens: a gateway that is retired may
// be frozen or cut off, and goes on. The zero Turn is nobody's, and always its turn.
type Turn struct {
	Gateway talk.UUID
	Lane    int32
	Number  int64 // from 1
}

// TurnsKept is how long a store knows the last Turn of a lane. What was given up on
// longer ago is not under way any more.
const TurnsKept = 24 * time.Hour

// Moved is what became of a Move.
type Moved struct {
	Applied bool        // false: stale epoch, no such session, a repeat that came too late, or not its Turn
	Epoch   int64       // after Enter: the session's new epoch
	Name    string      // after Enter: what the user is called in the room, as of Entry if there is one
	First   bool        // after Enter: the user was not in the room before; after Leave: was the last
	Entry   *talk.Entry // the entry that was written, now or by the first of repeats, with seq and time; nil for none
	Members int         // distinct users in the room afterwards
	Err     error       // wraps ErrBadEntry
}

// Lease is a gateway's proof of life.
type Lease struct {
	Gateway talk.UUID
	Beat    int64 // grows with every Renew; 0: it has sessions and no lease
}

// Head names the newest entry of a room. The id tells what a seq cannot: whether
// two who say the same seq mean the same entry.
type Head struct {
	Seq int64
	ID  talk.UUID
}

// Room is a room as of one moment.
type Room struct {
	HeadSeq  int64
	HeadID   talk.UUID
	HeadTime uint64
	Members  []talk.Member // ordered by when they joined; at most as many as asked for
	Count    int
}
