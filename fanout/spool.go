package fanout

import (
	"context"
	"errors"

	"tuitalk/talk"
)

var (
	// ErrNotReplicated: no replica has confirmed the entry. It may be in the
	// spool all the same, but must not be called accepted. Add it again: a
	// repeat only waits again.
	ErrNotReplicated = errors.New("no replica has the entry")
	// ErrSpoolFull: the spool takes no more. The entry is not in it.
	ErrSpoolFull = errors.New("the spool is full")
	// ErrSpoolLost: the entry behind which this one is to stand is not in the spool,
	// and this one is not either.
	ErrSpoolLost = errors.New("the spool does not have the entry before this one")
)

// Spool keeps entries while the store is away: a stream per partition of the
// rooms, on a master and at least one replica (and on their disks, if they write
// through: appendfsync always). An entry is in it once, by
// (RoomID, Author, ID), until it is removed.
//
// # Draining
//
// Any node that reaches the store may drain any partition, several at once:
//
//  1. Read from the start, in stream order.
//  2. Append what was read to the store, in that order.
//  3. Publish the entries with their seq.
//  4. Remove what is stored, or was refused for good.
//
// A node that dies between two steps leaves entries that the next drain reads
// again; the store knows their ids and gives them the seq they have. Since
// everybody appends from the start and removes only what is stored, what is
// stored of a room is always the first part of its stream, so that two drains
// at once, or one that was suspended, cannot reorder anything.
//
// # Losing entries
//
// A master can die before its replica has the newest entries, and a server can come
// back with an older file, or with nothing. So a partition may lose its end, of
// whatever length, but nothing out of its middle: what is there was added behind all
// that its node had added before. Whoever adds names the last entry in the room of each
// author that he does not know to be stored: the last of the room is not enough, since
// what he has added anew another node may have added long before. If one is missing,
// nothing of the room is added behind the hole, not behind a repeat of what is there from
// before it either, and he adds all that he has of the room once more, in order: so no
// message is stored before an earlier one of its author that was accepted. If a drain has
// removed it, he adds what is stored, and the next drain finds repeats.
type Spool interface {
	// Add puts entries into the spool, in order. results[i] is nil once
	// entries[i] is on a master and a replica. An error other than ErrSpoolFull
	// leaves open whether it is in the spool. If an entry of a room is not
	// accepted, the later ones of that room in entries are not either.
	//
	// behind has entries behind which those of the same room are to stand: see "Losing
	// entries".
	Add(ctx context.Context, entries []talk.Entry, behind ...talk.Entry) (results []error)

	// Partitions is how many partitions there are, the same on every node.
	Partitions() int
	// Partition is where the entries of a room are: 0 to Partitions()-1.
	Partition(room int32) int

	// Working returns nil while entries of at least one partition would be accepted,
	// by what the last uses of the spool came to; else why not. It asks nobody and
	// does not block.
	Working() error

	// Depths returns how many entries each partition holds, -1 where it cannot
	// be told; err is then one of the reasons.
	Depths(ctx context.Context) (depths []int64, err error)

	// Read returns up to limit entries of a partition behind the given one, in
	// stream order. An empty after means from the start; a drain always begins
	// there.
	Read(ctx context.Context, partition int, after SpoolID, limit int) ([]Spooled, error)

	// Remove takes entries out, each together with the memory of its id. What
	// is not there is no error.
	Remove(ctx context.Context, partition int, ids ...SpoolID) error
}

// SpoolID is the place of an entry in its partition's stream.
type SpoolID string

// Spooled is one entry of the spool.
type Spooled struct {
	ID    SpoolID
	Entry talk.Entry // Pending is set, Seq is 0
	// Err: this node cannot read the entry, which a newer one may have
	// written. It must be left where it is; the others go on.
	Err error
}
