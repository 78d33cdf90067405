package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const (
	// closeTimeout is how long the bus and the store may take to close, behind the
	// longest drain.
	closeTimeout = 10 * time.Second
	// secondSignalTimeout is how long the end may take when it was asked for twice.
	secondSignalTimeout = 3 * time.Second
	// dumpBytes is the most that is written of the goroutines.
	dumpBytes = 128 << 10
)

// endWithin ends the process with an error unless it has ended by itself, whatever
// it hangs in, and shows where: a supervisor that waits for it should not have to
// kill it.
func endWithin(limit time.Duration, stderr *lineWriter) {
	time.AfterFunc(limit, func() {
		dump := make([]byte, dumpBytes)
		dump = dump[:runtime.Stack(dump, true)]
		fmt.Fprintf(stderr, "tuitalk-gateway: the end takes longer than %s; its goroutines:\n%s\n", limit, dump)
		stderr.close(flushTimeout)
		os.Exit(1)
	})
}
