package history

import (
	"context"

	"tuitalk/talk"
)

// Leases are the gateways' proofs of life, and the sessions that wait for somebody to come
// back or to be ended.
type Leases interface {
	// Renew moves on the lease of a gateway, which is its proof of life.
	Renew(ctx context.Context, gateway talk.UUID) error
	// Leases returns every gateway that has a lease, with the count of its renewals;
	// and with 0 those that have none, but sessions that are not broken: else nobody
	// would ever retire them.
	Leases(ctx context.Context) ([]Lease, error)
	// Retire marks all sessions of a gateway as broken and forgets its lease; of its turns
	// only what is older than TurnsKept, since it may live.
	Retire(ctx context.Context, gateway talk.UUID) error
	// Broken returns up to limit sessions whose connection is gone, in the
	// order of (RoomID, UUID, Session), behind the given one; the zero key means
	// from the start.
	Broken(ctx context.Context, behind SessionKey, limit int) ([]Session, error)
}

// Lease is a gateway's proof of life.
type Lease struct {
	Gateway talk.UUID
	Beat    int64 // grows with every Renew; 0: it has sessions and no lease
}
