//go:build !linux

package sqlitestore

import "time"

// elapsed is how long the program runs.
func elapsed() time.Duration { return time.Since(started) }
