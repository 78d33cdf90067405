package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// keepEvery is how often a gateway renews its lease and looks at the others'.
const keepEvery = time.Second

// keepPatience bounds one round; none of it is a commit that must not be
// given up.
const keepPatience = 2 * time.Second

// brokenPage is how many broken sessions one query lists.
const brokenPage = 1000

// keeper renews this gateway's lease, retires gateways whose lease stands still,
// and makes users leave whose connection has been broken for the grace.
//
// It counts only time in which the store answered, on its own monotonic clock,
// so that an outage of the store makes nobody leave. Owned by one goroutine.
type keeper struct {
	srv      *Server
	last     time.Time // of the last answer; zero before the first and after an outage
	outage   bool      // the store did not answer, and the users are not registered again
	leases   map[talk.UUID]stillLease
	sessions map[brokenSession]time.Duration // how long each has been seen broken
}

type stillLease struct {
	beat  int64
	still time.Duration
}

type brokenSession struct {
	key   history.SessionKey
	epoch int64
}

func newKeeper(s *Server) *keeper {
	return &keeper{srv: s, leases: map[talk.UUID]stillLease{}, sessions: map[brokenSession]time.Duration{}}
}

// run goes on until ended is closed.
func (k *keeper) run(ended <-chan struct{}) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		ctx, cancel := context.WithTimeout(k.srv.ctx, keepPatience)
		err := k.round(ctx, time.Now())
		cancel()
		k.srv.health.store(err)
		if err != nil {
			k.outage = true
			k.last = time.Time{}
			k.srv.log.Warn("the store did not answer; nobody leaves meanwhile", "err", err)
		}
		select {
		case <-tick.C:
		case <-ended:
			return
		}
	}
}

func (k *keeper) round(ctx context.Context, now time.Time) error {
	store := k.srv.store
	if err := store.Renew(ctx, k.srv.opts.ID); err != nil {
		return err
	}
	if k.outage {
		k.srv.registerAgain()
		k.outage = false
	}
	passed := time.Duration(0)
	if !k.last.IsZero() {
		passed = now.Sub(k.last)
	}
	leases, err := store.Leases(ctx)
	if err != nil {
		return err
	}
	for _, gateway := range k.stood(leases, k.srv.peersHeard(now), passed) {
		k.srv.log.Warn("a gateway's lease stands still; its users have the grace from now on", "gateway", gateway)
		if err := store.Retire(ctx, gateway); err != nil {
			return err
		}
	}
	if err := k.lookAtBroken(ctx, passed); err != nil {
		return err
	}
	k.last = now
	return nil
}

// stood returns the gateways whose lease has stood still for too long.
func (k *keeper) stood(leases []history.Lease, heard map[talk.UUID]bool, passed time.Duration) (dead []talk.UUID) {
	seen := make(map[talk.UUID]stillLease, len(leases))
	for _, l := range leases {
		if l.Gateway == k.srv.opts.ID {
			continue
		}
		was, known := k.leases[l.Gateway]
		now := stillLease{beat: l.Beat}
		if known && was.beat == l.Beat && !heard[l.Gateway] {
			now.still = was.still + passed
		}
		if now.still >= k.srv.opts.LeaseLost {
			dead = append(dead, l.Gateway)
			continue
		}
		seen[l.Gateway] = now
	}
	k.leases = seen
	return dead
}

// lookAtBroken lets those leave who have not come back in time.
func (k *keeper) lookAtBroken(ctx context.Context, passed time.Duration) error {
	seen := make(map[brokenSession]time.Duration, len(k.sessions))
	var behind history.SessionKey
	for {
		page, err := k.srv.store.Broken(ctx, behind, brokenPage)
		if err != nil {
			return err
		}
		for _, s := range page {
			if k.srv.reclaim(s) {
				continue
			}
			b := brokenSession{s.SessionKey, s.Epoch}
			was, known := k.sessions[b]
			if known {
				was += passed
			}
			if was >= k.srv.opts.Grace {
				k.letLeave(b)
				was = 0 // ask again only if this does not come through
			}
			seen[b] = was
		}
		if len(page) < brokenPage {
			k.sessions = seen
			return nil
		}
		behind = page[len(page)-1].SessionKey
	}
}

// reclaim enters a session anew that is said to be broken but is here: another
// node took this one for dead.
func (s *Server) reclaim(b history.Session) bool {
	c := s.windows.get(windowOf(b.SessionKey))
	if c == nil {
		return false
	}
	c.mu.Lock()
	r, name, busy := c.user.room, c.user.name, c.user.busy || c.user.provisional
	mine := r != nil && r.id == b.RoomID && c.at() == stageSocket && c.user.epoch <= b.Epoch
	c.mu.Unlock()
	if mine && !busy {
		s.enterAgain(c, r, b.SessionKey, name) // else when it is no longer on its way
	}
	return mine
}

// letLeave removes a session, on behalf of whichever gateway had it. Nodes that
// do so at once remove it once: the epoch decides.
func (k *keeper) letLeave(b brokenSession) {
	s := k.srv
	s.lane(b.key.RoomID).move(move{
		Move: history.Move{
			Action: history.Leave, Key: b.key, Epoch: b.epoch,
			EntryID: leaveID(b), Quiet: talk.MaxListed,
		},
		done: func(a history.Moved) {
			if r := s.rooms.get(b.key.RoomID); r != nil {
				s.publishMoved(r, a)
			} else if a.Entry != nil {
				s.publish(b.key.RoomID, []talk.Entry{*a.Entry})
			}
		},
	})
}

// leaveID is the same on every node, so that a repeat is one.
func leaveID(b brokenSession) talk.UUID {
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(b.key.RoomID)))
	h.Write(b.key.UUID[:])
	h.Write(b.key.Session[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(b.epoch)))
	return talk.MakeUUID(gatewayVersion, [16]byte(h.Sum(nil)))
}
