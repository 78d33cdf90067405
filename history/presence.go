package history

import (
	"context"
	"time"

	"tuitalk/talk"
)

// Presence is who is where: the sessions of all users, and how they change. What changes
// of who is in a room is told by entries of its log.
type Presence interface {
	// Move applies changes of presence, in order; results[i] belongs to moves[i].
	Move(ctx context.Context, moves []Move) (results []Moved, err error)

	// Sessions returns the sessions that have these keys, broken or not; found[i]
	// belongs to keys[i] and is without a gateway if there is none. LeaveID is not set.
	Sessions(ctx context.Context, keys []SessionKey) (found []Session, err error)

	// Windows returns the sessions that these users have in all rooms, broken or not,
	// in the order of (UUID, RoomID, Session), with what is known of each; at most
	// MaxWindows.
	Windows(ctx context.Context, users []talk.UUID) ([]Window, error)
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
