package history

import "errors"

// Bisect stores the operations of a batch that check accepts, each at most
// once and in order. apply stores those with the given indices, which ascend,
// in one transaction: all or, with an error, none. If the error wraps
// ErrBadEntry, each half is applied by itself, the first one first, until the
// guilty operation stands alone. refuse is called once for each that check or
// apply found guilty. Any other error ends Bisect: what was applied until then
// stays.
//
// n operations with k guilty ones take at most 1 + 2·k·log₂n transactions.
func Bisect(n int, check func(i int) error, apply func(indices []int) error, refuse func(i int, err error)) error {
	good := make([]int, 0, n)
	for i := range n {
		if err := check(i); err != nil {
			refuse(i, err)
		} else {
			good = append(good, i)
		}
	}
	return bisect(good, apply, refuse)
}

func bisect(indices []int, apply func([]int) error, refuse func(int, error)) error {
	if len(indices) == 0 {
		return nil
	}
	err := apply(indices)
	if err == nil || !errors.Is(err, ErrBadEntry) {
		return err
	}
	if len(indices) == 1 {
		refuse(indices[0], err)
		return nil
	}
	half := len(indices) / 2
	if err := bisect(indices[:half], apply, refuse); err != nil {
		return err
	}
	return bisect(indices[half:], apply, refuse)
}
