package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/gateway/commit"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// leaseEvery is how often a gateway renews its lease and looks at the others'.
const leaseEvery = time.Second

// leaseTimeout bounds the sign of life of one round; none of it is a commit that
// must not be given up.
const leaseTimeout = 2 * time.Second

// presenceTimeout bounds each step of a round's work for others.
const presenceTimeout = time.Second

// roundTimeout bounds all of them together, so that work without end leaves time for
// the next sign of life within a lease.
func (k *leaseManager) roundTimeout() time.Duration { return k.srv.opts.LeaseLost / 2 }

// brokenPage is how many broken sessions one query lists.
const brokenPage = 1000

// leaseManager renews this gateway's lease, retires gateways whose lease stands still,
// and makes users leave whose connection has been broken for the grace.
//
// A round is a sign of life and then work. The work of a big gateway's end may
// take longer than there is time for: that is no outage, and the next round goes
// on with what is left.
//
// It counts only time in which the store answered, on its own monotonic clock,
// so that an outage of the store makes nobody leave. What it decided and the
// store did not take it decides anew, unlike a lane: the user may have come back
// meanwhile. Owned by one goroutine.
type leaseManager struct {
	srv      *Server
	presence history.Presence
	lease    history.Leases
	loop     *sched.Loop
	ctx      context.Context // of the loop
	last     time.Time       // of the last answer; zero before the first and after an outage
	outage   bool            // the store did not answer, and the users are not registered again
	leases   map[talk.UUID]stillLease

	answered time.Duration // for how long the store has answered in all
	// sessions says when each broken session was first seen, in terms of
	// answered.
	sessions map[brokenSession]time.Duration
	scan     brokenScan
	shard    int  // of the connections, whose sessions are looked up next
	rounds   int  // in which sessions could be looked up
	alone    bool // no other gateway has a lease
}

// brokenScan is a walk through all broken sessions, which may take several rounds.
type brokenScan struct {
	behind history.SessionKey
	seen   map[brokenSession]time.Duration // the lease manager's sessions, once it is at its end
}

type stillLease struct {
	beat  int64
	still time.Duration
}

// brokenSession names a session as it was when its connection broke.
type brokenSession struct {
	key     history.SessionKey
	epoch   int64
	leaveID talk.UUID
}

// grace is how long somebody has to come back. Nobody of the original's form can:
// each of its connections is a session of its own.
func (k *leaseManager) grace(b *brokenSession) time.Duration {
	if !b.key.UUID.Proven() {
		return 0
	}
	return k.srv.opts.Grace
}

func newLeaseManager(s *Server) *leaseManager {
	l := s.loops.Add("keeper")
	return &leaseManager{
		srv: s, presence: s.presence, lease: s.leases, loop: l, ctx: l.Context(s.ctx),
		leases: map[talk.UUID]stillLease{}, scan: newBrokenScan(),
	}
}

func newBrokenScan() brokenScan {
	return brokenScan{seen: map[brokenSession]time.Duration{}}
}

// run goes on until ended is closed.
func (k *leaseManager) run(ended <-chan struct{}) {
	tick := time.NewTicker(leaseEvery)
	defer tick.Stop()
	for {
		k.loop.Begin()
		k.runRound(time.Now())
		k.loop.Expect(leaseEvery)
		select {
		case <-tick.C:
		case <-ended:
			return
		}
	}
}

// runRound does a round, and notes what it means if the store does not answer.
func (k *leaseManager) runRound(now time.Time) {
	dead, err := k.heartbeat(now)
	k.srv.health.store(err)
	if err == nil {
		if err = k.cleanUp(dead); err != nil {
			k.srv.health.store(err)
		}
	}
	if err == nil {
		return
	}
	if !k.outage {
		k.srv.log.Warn("the store does not answer; nobody leaves until it does", "err", err)
	}
	k.outage = true
	k.last = time.Time{}
}

// heartbeat renews the lease of this gateway and returns those whose lease has
// stood still for too long.
func (k *leaseManager) heartbeat(now time.Time) (dead []talk.UUID, err error) {
	ctx, cancel := context.WithTimeout(k.ctx, leaseTimeout)
	defer cancel()
	if err := k.lease.Renew(ctx, k.srv.opts.ID); err != nil {
		return nil, err
	}
	if k.outage {
		k.srv.reregisterAll()
		k.restartGrace()
		k.outage = false
		k.srv.log.Info("the store answers again")
	}
	passed := k.passed(now)
	leases, err := k.lease.Leases(ctx)
	if err != nil {
		return nil, err
	}
	k.last = now
	k.alone = len(leases) < 2
	k.answered += passed
	return k.deadGateways(leases, k.srv.peersHeard(now), passed), nil
}

// cleanUp does what must be done on behalf of those who cannot.
func (k *leaseManager) cleanUp(dead []talk.UUID) error {
	ctx, cancel := context.WithTimeout(k.ctx, k.roundTimeout())
	defer cancel()
	var due []brokenSession
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"reset who is where", k.resetPresence},
		{"retire gateways", func(ctx context.Context) error { return k.retire(ctx, dead) }},
		{"look up the sessions and the users of this node", k.checkSessions},
		{"look at broken sessions", func(ctx context.Context) (err error) {
			due, err = k.scanBroken(ctx)
			return err
		}},
		{"let users leave", func(ctx context.Context) error { return k.expireSessions(ctx, due) }},
	} {
		if err := k.step(ctx, step.what, step.do); err != nil {
			return err
		}
	}
	return nil
}

// step gives a part of the work its time: half of what is left of the round's, so that
// there is some for the others. That it took longer is no error: the next round goes
// on with it.
func (k *leaseManager) step(round context.Context, what string, do func(context.Context) error) error {
	by, _ := round.Deadline()
	ctx, cancel := context.WithTimeout(round, min(presenceTimeout, time.Until(by)/2))
	defer cancel()
	err := do(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		k.srv.log.Info("the lease manager goes on in the next round", "step", what, "err", err)
		return nil
	}
	return err
}

// retire gives the sessions of dead gateways their grace.
func (k *leaseManager) retire(ctx context.Context, dead []talk.UUID) error {
	for _, gateway := range dead {
		if err := k.lease.Retire(ctx, gateway); err != nil {
			return err
		}
		delete(k.leases, gateway) // if it lives, its lease begins anew
	}
	return nil
}

// passed returns for how long the store has answered without a break. If this
// process stood still, nobody knows what the store did meanwhile.
func (k *leaseManager) passed(now time.Time) time.Duration {
	if k.last.IsZero() {
		return 0
	}
	passed := now.Sub(k.last)
	if passed > max(k.srv.opts.LeaseLost, leaseEvery+leaseTimeout) {
		k.restartGrace()
		return 0
	}
	return passed
}

// restartGrace is called after an outage: nobody is claimed before all gateways have
// had the time of a lease to enter those who came to them meanwhile.
func (k *leaseManager) restartGrace() {
	clear(k.leases)
	earliest := k.answered - max(0, k.srv.opts.Grace-k.srv.opts.LeaseLost)
	for _, sessions := range []map[brokenSession]time.Duration{k.sessions, k.scan.seen} {
		for b, since := range sessions {
			sessions[b] = max(since, earliest)
		}
	}
}

// deadGateways returns the gateways whose lease has stood still for too long, until they
// are retired.
func (k *leaseManager) deadGateways(leases []history.Lease, heard map[talk.UUID]bool, passed time.Duration) (dead []talk.UUID) {
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
		seen[l.Gateway] = now
		if now.still < k.srv.opts.LeaseLost {
			continue
		}
		dead = append(dead, l.Gateway)
		if was.still < k.srv.opts.LeaseLost {
			k.srv.log.Warn("a gateway's lease stands still; its users have the grace from now on", "gateway", l.Gateway)
		}
	}
	k.leases = seen
	return dead
}

// scanBroken returns a batch of those who have not come back in time, also if
// it could not look at all of them.
func (k *leaseManager) scanBroken(ctx context.Context) (due []brokenSession, err error) {
	for {
		page, err := k.lease.Broken(ctx, k.scan.behind, brokenPage)
		if err != nil {
			return due, err
		}
		for _, s := range page {
			if k.srv.reclaimSession(s) {
				continue
			}
			b := brokenSession{s.SessionKey, s.Epoch, s.LeaveID}
			since, known := k.sessions[b]
			if !known {
				since = k.answered
			}
			if k.answered-since >= k.grace(&b) && len(due) < commit.MaxBatch {
				due = append(due, b)
			}
			k.scan.seen[b] = since
		}
		if len(page) < brokenPage {
			k.sessions, k.scan = k.scan.seen, newBrokenScan()
			return due, nil
		}
		k.scan.behind = page[len(page)-1].SessionKey
	}
}

// expireSessions removes a batch of sessions, on behalf of whichever gateway had them.
// Nodes that do so at once remove each once: the epoch decides. A repeat is one,
// for the id of its entry is that of the session.
func (k *leaseManager) expireSessions(ctx context.Context, due []brokenSession) error {
	if len(due) == 0 {
		return nil
	}
	moves := make([]history.Move, len(due))
	for i, b := range due {
		moves[i] = history.Move{
			Action: history.Leave, Key: b.key, Epoch: b.epoch,
			EntryID: b.leaveID, Quiet: talk.MaxListed,
		}
	}
	answers, err := k.presence.Move(ctx, moves)
	if err != nil {
		return err
	}
	for i, a := range answers {
		delete(k.sessions, due[i]) // if it should still be there, its grace begins anew
		delete(k.scan.seen, due[i])
		k.srv.publishLeft(due[i].key.RoomID, a)
	}
	return nil
}

// publishLeft shows what became of a claim, here and elsewhere.
func (s *Server) publishLeft(room int32, a history.Moved) {
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
