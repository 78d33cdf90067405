package history

import (
	"errors"
	"fmt"
)

// Batch is some operations that are to be stored, each at most once and in order.
type Batch struct {
	Len int
	// Check tells what can never be stored, without asking the database.
	Check func(i int) error
	// Apply stores the operations with the given indices, which ascend, in one
	// transaction: all or, with an error, none.
	Apply func(indices []int) error
	// Probe tells whether the database would take another operation like this
	// one now, a harmless one in the same room, and leaves nothing behind.
	Probe func(i int) error
	// Refuse is called once for each that Check or Apply found guilty.
	Refuse func(i int, err error)
}

// Bisect stores the operations that Check accepts. If Apply's error wraps
// ErrBadEntry, each half is applied by itself, the first one first, until the
// guilty operation stands alone. Even then it is refused only after the database
// was seen to take another one, and to refuse this one once more: what looks
// like bad data may be a database that takes nothing at all, and what is refused
// is lost. Any other error ends Bisect: what was applied until then stays.
//
// n operations with k guilty ones take at most 1 + 2·k·(1 + log₂n) transactions.
func (b Batch) Bisect() error {
	good := make([]int, 0, b.Len)
	for i := range b.Len {
		if err := b.Check(i); err != nil {
			b.Refuse(i, err)
		} else {
			good = append(good, i)
		}
	}
	return b.bisect(good)
}

func (b Batch) bisect(indices []int) error {
	if len(indices) == 0 {
		return nil
	}
	err := b.Apply(indices)
	if err == nil || !errors.Is(err, ErrBadEntry) {
		return err
	}
	if len(indices) == 1 {
		return b.convict(indices[0], err)
	}
	half := len(indices) / 2
	if err := b.bisect(indices[:half]); err != nil {
		return err
	}
	return b.bisect(indices[half:])
}

// convict refuses an operation that failed alone, if it is its own fault.
func (b Batch) convict(i int, err error) error {
	if perr := b.Probe(i); errors.Is(perr, ErrBadEntry) {
		// %v: it must not look like the fault of an entry
		return fmt.Errorf("%w: it takes no other entry either: %v", ErrUnavailable, err)
	} else if perr != nil {
		return perr
	}
	err = b.Apply([]int{i})
	if err == nil || !errors.Is(err, ErrBadEntry) {
		return err
	}
	b.Refuse(i, err)
	return nil
}
