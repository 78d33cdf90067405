package history

import (
	"context"
	"time"
)

// MaxAhead is how far a room's newest entry, or the store's clock, may be ahead of
// the clock that it is compared with before something is taken to be wrong.
const MaxAhead = 5 * time.Minute

// FullSecond is how many entries make a second in a room whose newest entry is
// ahead of the clock by more than MaxAhead.
const FullSecond = 500

// Mender is a Store that can give the entries of a room that are of later than now
// other times: between that of the last good one and now, evenly and in order.
// Gateways that have the room open go on showing the old ones until they read it
// again. It returns how many entries it changed.
type Mender interface {
	Mend(ctx context.Context, room int32) (entries int64, err error)
}
