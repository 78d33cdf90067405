package checker

import (
	"encoding/binary"
	"math/bits"
	"time"

	"tuitalk/talk"
)

// Verb says what an Event tells. The numbers are those of the file form.
type Verb uint8

// Of a client's program.
const (
	// Attached: a program begins for this client. It shows nothing yet.
	Attached Verb = iota + 1
	// Identified: ID is the user.
	Identified
	// Named: Hash is that of a name that the user has taken.
	Named
	// Entered: Room is where the user wants to be from now on.
	Entered
	// Left: the user has left Room for good.
	Left
	// Up: the server has let the client into Room, and the connection is good.
	Up
	// Down: the connection is lost. Seq is how long nothing had come on it, in
	// microseconds.
	Down
	// Ended: nothing of this client is recorded from here on. Flag: it is where
	// it wants to be.
	Ended
	// Original: the program speaks one of the original's forms, here and whenever
	// this client comes again. It is told no ids and no seqs, so that what it shows
	// is known by its content, and it leaves when its connection ends.
	Original
	// Killed: the program is gone for good, without a word to anybody. What it had
	// not sent stays unsent.
	Killed
	// Session: ID is what names the program to servers from now on, among those of its
	// user.
	Session
)

// Of what a client shows.
const (
	// Restarted: what is shown is empty, and Room's log goes on behind Seq. Flag:
	// since the server openly leaves entries out (Gap). What is behind Seq is owed.
	Restarted Verb = iota + 20
	// Cleared: the user has emptied what is shown; it goes on where it was.
	Cleared
	// Shown: Entry was added at the end.
	Shown
	// Older: Entry was added at the front.
	Older
	// Trimmed: what is shown begins at Seq, the entries before were dropped.
	Trimmed
	// PendingShown: Entry is shown as accepted, but not stored.
	PendingShown
	// PendingGone: Entry is not shown as pending any more.
	PendingGone
	// Heard: an Original shows Entry, which came live over its connection and says
	// neither its seq nor its id. Flag: nor of which room it is, while the client
	// was on its way to another one.
	Heard
)

// Of what a client says and is told. Room and ID name the entry; the author is
// the client's user.
const (
	// Sent: the user posted a text, of which Hash is the hash. Flag: an earlier
	// program did, and this one found it in the outbox.
	Sent Verb = iota + 40
	// Accepted, Stored (as Seq), Refused (Flag: for good) and Withdrawn are what
	// the server said.
	Accepted
	Stored
	Refused
	Withdrawn
	// Retried and Discarded are what the user did with a failed entry.
	Retried
	Discarded
	// Owed: the entry was still in the outbox when the client Ended.
	Owed
)

// Of what a server sends over one connection: a room's entries behind a seq, each once,
// ascending, without a hole. Only what is not so is recorded; and what it says of
// who is there.
const (
	// Streams: on the connection of which the next Strayed tell, Room's entries began
	// behind Seq.
	Streams Verb = iota + 80
	// Strayed: Entry came on that connection, and was not the one behind Seq, the last
	// that had come.
	Strayed
	// Leaked: Entry came on a connection that is in another room, Room. Flag: in no
	// room at all.
	Leaked
	// Listed: as of Seq the members of Room are Number people, of whom Hash is the
	// sum of their MemberHash. Flag: so the client shows it, which has followed the
	// entries up to there; else a server says so (Joined).
	Listed
	// Counted: a server says that Room has Number members now (Presence, or Joined
	// with a list that does not name all of them).
	Counted
)

// Of what a client asks a server for. Seq numbers its questions.
const (
	// Asked: it has asked, with Flag for older history of Room (Fetch), else to be
	// let in (JoinRoom).
	Asked Verb = iota + 90
	// Answered: the server has answered, or refused.
	Answered
	// Dropped: the connection on which it was asked is over. Flag: the client hung
	// up, so that it was not the server that ended it.
	Dropped
	// AskedBefore: an Original has asked for a page of Room's history by time: whole
	// seconds before UnixTime, at least Number entries.
	AskedBefore
	// Page: a part of the answer to question Seq has come. What it has follows as
	// Paged, the oldest first. A later part has what is older.
	Page
	// Paged: Entry is in the part of a page that came last. It says neither its seq
	// nor its id.
	Paged
)

// Of no client.
const (
	// Outsider: ID is a user of whom no client is recorded.
	Outsider Verb = iota + 60
	// Head: Room's store has entries up to Seq at this moment. They are owed to
	// everybody who is in the room and ends later.
	Head
	// Reading: the store's entries of Room behind Seq follow as Kept.
	Reading
	// Kept: Entry is in the store.
	Kept
)

// Event is one step of a recorded history.
type Event struct {
	At     int64 // microseconds since 1970, by the clock of the recording machine
	Seq    int64
	Hash   uint64
	ID     talk.UUID
	Client int32 // index in Recording.Clients; -1 for none
	Room   int32
	Entry  int32 // index in Recording.Entries
	Verb   Verb
	Flag   bool
}

// Number is the Number of verbs that have one; it stands where others have Entry.
func (e *Event) Number() int { return int(e.Entry) }

// UnixTime is that of verbs that have one, in seconds; it stands where others have
// Hash.
func (e *Event) UnixTime() uint64 { return e.Hash }

// Entry is an entry of a room as somebody has it; texts and names as hashes.
type Entry struct {
	Seq      int64 // 0: pending
	UnixTime uint64
	SentAt   uint64
	Text     uint64
	Name     uint64
	Author   talk.UUID
	ID       talk.UUID
	Room     int32
	Kind     talk.Kind
}

// EntryOf is how e is recorded.
func EntryOf(e *talk.Entry) Entry {
	rec := Entry{
		Seq: e.Seq, UnixTime: e.UnixTime, SentAt: e.SentAt, Text: Hash(e.Text), Name: Hash(e.Name),
		Author: e.Author, ID: e.ID, Room: e.RoomID, Kind: e.Kind,
	}
	if e.Pending {
		rec.Seq, rec.UnixTime = 0, 0 // its time is not settled
	}
	return rec
}

// Hash is FNV-1a of 64 bits: the same in every process and version.
func Hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// MemberHash stands for a member of a room in the sum of a list, which is the same
// in whichever order they are named.
func MemberHash(user talk.UUID, name string) uint64 { return memberHash(user, Hash(name)) }

func memberHash(user talk.UUID, name uint64) uint64 {
	h := binary.LittleEndian.Uint64(user[:8]) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(user[8:]), 23)
	h = (h ^ name) * 0x9e3779b97f4a7c15
	return (h ^ h>>29) * 0xbf58476d1ce4e5b9
}

// Fault is a mark of something that was done to the fleet on purpose.
type Fault struct {
	What     string // as people say it
	Evidence string // how it is known that it took hold, or that it did not
	Held     bool   // it took hold
	At       int64  // microseconds, as in Event
	Over     int64  // when it was undone; 0: it was not
}

// Recording is what one recorder wrote down.
type Recording struct {
	Clients []string // a label for each
	Entries []Entry  // each as often as it was worth it
	Events  []Event  // those of one client in the order in which they happened
	Faults  []Fault

	// Offset is added to all times: the clock of this recording's machine
	// against that of the others. It is not part of the file.
	Offset time.Duration
}

// Micro is a time as events carry it.
func Micro(t time.Time) int64 { return t.UnixMicro() }
