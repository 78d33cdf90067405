package history

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"
)

func TestBisect(t *testing.T) {
	const unchecked, refused = 1, 2 // found by check, found by apply
	for _, test := range []struct {
		n   int
		bad map[int]int
	}{
		{0, nil}, {1, nil}, {10, nil}, {1, map[int]int{0: refused}}, {1, map[int]int{0: unchecked}}, {2, map[int]int{0: refused}},
		{2, map[int]int{1: refused}}, {100, map[int]int{37: refused}}, {100, map[int]int{0: unchecked, 99: refused, 50: refused, 51: refused}},
		{3, map[int]int{0: refused, 1: refused, 2: refused}}, {3, map[int]int{0: unchecked, 1: unchecked, 2: unchecked}},
	} {
		var stored, guilty []int
		transactions := 0
		err := Batch{Len: test.n, Check: func(i int) error {
			if test.bad[i] == unchecked {
				return ErrBadEntry
			}
			return nil
		}, Apply: func(indices []int) error {
			transactions++
			if slices.ContainsFunc(indices, func(i int) bool { return test.bad[i] != 0 }) {
				return fmt.Errorf("as a whole: %w", ErrBadEntry)
			}
			stored = append(stored, indices...)
			return nil
		}, Probe: func(int) error {
			transactions++
			return nil
		}, Refuse: func(i int, err error) {
			if !errors.Is(err, ErrBadEntry) {
				t.Errorf("%+v: %d refused with %v", test, i, err)
			}
			guilty = append(guilty, i)
		}}.Bisect()
		if err != nil {
			t.Errorf("%+v: %v", test, err)
		}
		if !slices.IsSorted(stored) || len(stored)+len(test.bad) != test.n {
			t.Errorf("%+v: stored %v", test, stored)
		}
		slices.Sort(guilty)
		if len(slices.Compact(guilty)) != len(test.bad) {
			t.Errorf("%+v: refused %v", test, guilty)
		}
		if most := 1 + 2*len(test.bad)*(1+bits.Len(uint(test.n))); transactions > most {
			t.Errorf("%+v: %d transactions, want at most %d", test, transactions, most)
		}
	}
}

func TestBisectEndsWithOtherErrors(t *testing.T) {
	var stored []int
	calls := 0
	err := Batch{Len: 8, Check: func(int) error { return nil }, Apply: func(indices []int) error {
		switch calls++; calls {
		case 1:
			return ErrBadEntry
		case 2:
			stored = append(stored, indices...)
			return nil
		default:
			return ErrUnavailable
		}
	}, Refuse: func(i int, err error) { t.Errorf("%d refused: %v", i, err) }}.Bisect()
	if !errors.Is(err, ErrUnavailable) || calls != 3 || !slices.Equal(stored, []int{0, 1, 2, 3}) {
		t.Errorf("%v after %d calls, stored %v", err, calls, stored)
	}
}

// TestBisectRefusesNothingUnproven: what looks like the entry's fault is not, if
// the store takes no other one, or takes this one the next time.
func TestBisectRefusesNothingUnproven(t *testing.T) {
	for name, test := range map[string]struct {
		probe error
		again error // of the entry that failed, after the probe
		want  error
	}{
		"it takes nothing":        {probe: ErrBadEntry, want: ErrUnavailable},
		"it is away":              {probe: ErrUnavailable, want: ErrUnavailable},
		"it is damaged":           {probe: ErrCorrupt, want: ErrCorrupt},
		"it takes it now":         {},
		"it has just gone":        {again: ErrUnavailable, want: ErrUnavailable},
		"it is the entry's fault": {again: ErrBadEntry},
	} {
		probed, refused := false, 0
		err := Batch{Len: 4, Check: func(int) error { return nil }, Apply: func([]int) error {
			if probed {
				return test.again
			}
			return ErrBadEntry
		}, Probe: func(int) error {
			probed = true
			return test.probe
		}, Refuse: func(int, error) { refused++ }}.Bisect()
		if !errors.Is(err, test.want) || errors.Is(err, ErrBadEntry) || (refused > 0) != (test.again == ErrBadEntry) {
			t.Errorf("%s: %v, %d refused", name, err, refused)
		}
	}
}
