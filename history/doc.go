// Package history defines the log of every room and the record of who is
// where: the Store, which is the only sequencer of the system. It is three things, and who
// needs only one takes that: Log (what was said), Presence (who is where) and Leases (which
// gateways live).
//
// # What always holds
//
//   - A room's seqs are 1, 2, 3 … without a gap. A seq comes into being in the
//     transaction that makes its entry durable, and is never given twice or
//     taken back.
//   - Storing is idempotent. (RoomID, Author, ID) names an entry; whoever is not
//     sure that it was stored stores it again and gets the seq of the first
//     time. The author is part of the name, so that a stranger who has seen an
//     id cannot spend it first.
//   - An entry's UnixTime is the greater of the store's clock and the UnixTime
//     of the entry before it: time never runs back along seq, even if the clock
//     does. See "A clock that was wrong".
//   - Entries are never changed (but for Mender) and never removed. What After and Before
//     return for a range of stored seqs is the same for ever.
//   - What one call appends to a room stands there in the order of the call.
//   - All this is so until an operator restores a backup. Then seqs are given anew:
//     who keeps entries knows one only by its seq, its id and its date (Head, EntryAt).
//   - A store either has all of a transaction or nothing of it. A commit under
//     way is never cancelled: when the caller's context ends, the caller stops
//     waiting (ErrUnavailable: stored or not, nobody knows; say it again).
//
// # Life of an entry
//
// A gateway collects posts while its last batch is being stored, then calls
// Append with all of them. The store checks each (CheckEntry), locks the rooms
// of the batch in ascending order, looks up which ids it knows, numbers the
// others behind the heads of their rooms and commits. Only then does the
// gateway publish and acknowledge. If it dies in between, the entry is in the
// log, other gateways find it by comparing Heads and read it with After, and
// the author's resend gets the seq of the first time.
//
// A database that refuses data refuses a whole transaction. Batch.Bisect then stores
// the batch in halves, in order, until the guilty entry stands alone; it gets
// ErrBadEntry and the others are stored. But what looks like bad data may be a
// database that takes nothing at all: nothing is refused before the database was
// seen to take another entry of the same room in the same moment (Batch.Probe).
//
// # A clock that was wrong
//
// The store's clock dates entries. Where it is that of another machine, it does so
// up to MaxAhead beyond the gateway's: a database whose clock jumps ahead does not
// take its rooms along. A store that is in the gateway has no other clock to ask.
//
// A room whose newest entry is ahead of the clock by more than MaxAhead cannot go
// back. Its next entries are of the same second until that has FullSecond entries,
// then of the next one: so a page by whole seconds has an end, and the room runs
// away from the clock by a second in FullSecond entries. Gateways tell the
// operator, who sets the clock right and then mends the room (Mender). That is the
// one thing that changes entries: their times, not what or where they are.
//
// # Who is where
//
// A user (UUID) is in a room as long as at least one session (window) of his
// is. A gateway reports changes with Move; the row of a session belongs to the
// gateway that entered it last and carries an epoch, which grows with every
// Enter of its room. Leave, Break and Rename name the epoch that they mean, so a
// gateway that was out of touch cannot undo what happened since.
//
// One session is on one gateway, and the newer connection wins. The client decides
// what is newer: a connection that it opens asks to join, and that Enter, without an
// Epoch, takes the session over and gets the greatest epoch. A gateway that registers
// its sessions again after an outage did not get them just now; it says the epoch
// that it has, and the Enter does not apply if the session has a greater one, broken
// or not: somebody else has let the user in since. Whoever finds that (Sessions) ends
// its own connection of the session.
//
// Epochs order the Enters of one room. A session that is in two rooms is newer where
// its Enter (Window.Entered) says so: who entered it there takes it out of the other
// one. A name is a user's: who comes keeps the name that his other windows gave him
// (Move.KeepName), and who is renamed in a room is renamed in all that Windows lists.
//
// A gateway proves that it lives with Renew. One whose lease stands still, or that
// has sessions and no lease, as it died before the first Renew or was retired while
// it entered more, is retired by any other (Retire): its sessions become broken, like
// those for which it reported Break itself. Broken lists them, and after the grace any
// gateway may Leave them, with the LeaveID that the list gives; with two at once,
// one applies and the other finds it done. A gateway that finds a session in Broken which is connected to it
// enters it again.
//
// # Quiet rooms
//
// Joining a room of more than Quiet members, counted with the one who joins,
// writes no entry: that member is silent. So that a list of members that
// follows the entries stays true on both sides of the threshold:
//
//   - In a room of at most Quiet members every change writes its entry. When a
//     room shrinks to that size, its silent members stop being silent.
//   - A member who is not silent gets his KindRenamed and his KindLeft also in a
//     room that has become quiet.
//   - A silent member leaves without an entry. An explicit Rename always writes.
//
// Hence a list taken from Room while the room had at most Quiet members and
// carried on with the entries never names somebody who left; and it is complete
// until somebody joins silently. A list that is shorter than Count is a sample,
// and its silent members leave unseen: in such a room trust only the count.
//
// # Repeats of a Move
//
// EntryID names a move as an entry's id names a post. A repeat after an unclear
// failure finds the entry that the first one wrote and returns it instead of
// writing another:
//
//   - Enter: if the session still is as this Enter left it, the repeat changes
//     nothing and returns the same epoch (a new one if the session has been
//     marked as broken since). If the entry exists and the session has moved on
//     since, or is gone, the repeat is not Applied; whoever still means it
//     enters again with a new EntryID.
//   - Leave, Rename: if the entry exists, the repeat is Applied and changes
//     nothing. A Leave that wrote none finds no session and is not Applied.
//   - Break: the same again.
//
// That is not enough for a copy that comes late, of a write that was given up on and
// said again: it would find the session broken or gone, or another's, and no entry of
// its own where it wrote none. So who moves numbers its attempts (Turn), and nothing of
// an earlier one applies once a later one was there. That outlives a retirement: a
// gateway that was frozen is retired and goes on, and a late Enter of it would make a
// session that nobody ends, since its gateway lives and does not know of it. (It could
// look for such sessions: a walk through all that it has in the store, again and again,
// and between two walks they would be there.)
//
// An EntryID that names an entry of another kind is refused with ErrBadEntry.
//
// # Who calls what
//
// Gateways call everything, through these interfaces only: the group commits
// Log.Append and Presence.Move, one loop Leases, the read side the rest. A Store starts no goroutine that outlives its Close.
package history
