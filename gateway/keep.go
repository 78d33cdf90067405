package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
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

// maxClaims is how many users leave in one round; the others are next.
const maxClaims = 4 * maxBatch

// keeper renews this gateway's lease, retires gateways whose lease stands still,
// and makes users leave whose connection has been broken for the grace.
//
// It counts only time in which the store answered, on its own monotonic clock,
// so that an outage of the store makes nobody leave. What it decided and the
// store did not take it decides anew, unlike a lane: the user may have come back
// meanwhile. Owned by one goroutine.
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
		k.keep(time.Now())
		select {
		case <-tick.C:
		case <-ended:
			return
		}
	}
}

// keep does a round, and notes what it means if the store does not answer.
func (k *keeper) keep(now time.Time) {
	ctx, cancel := context.WithTimeout(k.srv.ctx, keepPatience)
	defer cancel()
	err := k.round(ctx, now)
	k.srv.health.store(err)
	if err == nil {
		return
	}
	if !k.outage {
		k.srv.log.Warn("the store does not answer; nobody leaves until it does", "err", err)
	}
	k.outage = true
	k.last = time.Time{}
}

func (k *keeper) round(ctx context.Context, now time.Time) error {
	store := k.srv.store
	if err := store.Renew(ctx, k.srv.opts.ID); err != nil {
		return err
	}
	if k.outage {
		k.srv.registerAgain()
		k.giveTime()
		k.outage = false
	}
	passed := k.passed(now)
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

// passed returns for how long the store has answered without a break. If this
// process stood still, nobody knows what the store did meanwhile.
func (k *keeper) passed(now time.Time) time.Duration {
	if k.last.IsZero() {
		return 0
	}
	passed := now.Sub(k.last)
	if passed > max(k.srv.opts.LeaseLost, keepEvery+keepPatience) {
		k.giveTime()
		return 0
	}
	return passed
}

// giveTime is called after an outage: nobody is claimed before all gateways have
// had the time of a lease to enter those who came to them meanwhile.
func (k *keeper) giveTime() {
	clear(k.leases)
	most := max(0, k.srv.opts.Grace-k.srv.opts.LeaseLost)
	for b, broken := range k.sessions {
		k.sessions[b] = min(broken, most)
	}
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
	var due []brokenSession
	var behind history.SessionKey
	for more := true; more; {
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
			if was >= k.srv.opts.Grace && len(due) < maxClaims {
				due = append(due, b)
			}
			seen[b] = was
		}
		if more = len(page) == brokenPage; more {
			behind = page[len(page)-1].SessionKey
		}
	}
	k.sessions = seen
	return k.letLeave(ctx, due)
}

// letLeave removes sessions, on behalf of whichever gateway had them. Nodes that
// do so at once remove each once: the epoch decides.
func (k *keeper) letLeave(ctx context.Context, due []brokenSession) error {
	for batch := range slices.Chunk(due, maxBatch) {
		moves := make([]history.Move, len(batch))
		for i, b := range batch {
			moves[i] = history.Move{
				Action: history.Leave, Key: b.key, Epoch: b.epoch,
				EntryID: leaveID(b), Quiet: talk.MaxListed,
			}
		}
		answers, err := k.srv.store.Move(ctx, moves)
		if err != nil {
			return err
		}
		for i, a := range answers {
			delete(k.sessions, batch[i]) // if it should still be there, its grace begins anew
			k.srv.showLeft(batch[i].key.RoomID, a)
		}
	}
	return nil
}

// showLeft shows what became of a claim, here and elsewhere.
func (s *Server) showLeft(room int32, a history.Moved) {
	if a.Err != nil {
		s.log.Error("the store refuses to let a user leave", "room", room, "err", a.Err)
		return
	}
	if r := s.rooms.get(room); r != nil {
		s.publishMoved(r, a)
	} else if a.Entry != nil {
		s.publish(room, []talk.Entry{*a.Entry})
	}
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
