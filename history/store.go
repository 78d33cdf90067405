package history

import (
	"context"
	"errors"
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

// Store is all that a fleet asks of a database. Who needs only a part of it takes that.
//
// All methods may be called from several goroutines. A method that returns an
// error other than ErrBadEntry has failed as a whole.
type Store interface {
	Log
	Presence
	Leases

	// Check tells whether the store can write now, without writing an entry.
	Check(ctx context.Context) error

	Close() error
}
