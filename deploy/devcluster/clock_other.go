//go:build !amd64

package devcluster

import (
	"errors"
	"time"
)

const clocksCanBeSet = false

var (
	errBusy = errors.New("it is reading the clock")
	errGone = errors.New("it has ended")
)

// setAhead would need the machine code of this processor.
func setAhead(int, time.Duration) error {
	return errors.New("the clock of one process cannot be set on this machine: only on amd64")
}
