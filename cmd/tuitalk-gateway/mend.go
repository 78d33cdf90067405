package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"tuitalk/gateway"
	"tuitalk/history"
)

// mendTimeout bounds the mending of one room.
const mendTimeout = 10 * time.Minute

// mend gives the entries of a room that are of later than now other times, and
// says so.
func mend(c *config, stdout io.Writer) error {
	room, err := strconv.ParseInt(c.mendRoom, 10, 32)
	if err != nil {
		return fmt.Errorf("-mend-room %q is not the number of a room", c.mendRoom)
	}
	o := gateway.Defaults()
	store, err := openStore(c, &o, nil)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(context.Background(), mendTimeout)
	defer cancel()
	entries, err := store.(history.Mender).Mend(ctx, int32(room))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "room %d: %d entries were of later than now and have other times\n", room, entries)
	return nil
}
