package redisbus

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The spool is needed in an outage of the store only, which is too late to find
// out that a user may not run scripts, that the memory is full or that there is
// no replica. So each master is tried, at the start of a session and from time
// to time, with what the spool does, on keys beside it: a script that adds, WAIT,
// a look, and a script that removes. What is really added counts as a trial too.
// Behind it a trial asks whether the master keeps what it takes (durability.go).

// orderTrials has the sessions try their spool when it is time.
func (b *Bus) orderTrials(now time.Time) {
	for _, s := range b.sessions() {
		if now.Before(s.trialAt) || b.partOn(s) == nil {
			continue
		}
		s.trialAt = now.Add(b.opts.TrialInterval)
		s.trialDue.Store(true)
		s.adds.raise()
	}
}

// partOn is a partition that a session serves, nil if it serves none yet.
func (b *Bus) partOn(s *session) *partition {
	for _, p := range b.parts {
		if on, _ := p.where(); on == s {
			return p
		}
	}
	return nil
}

// trial runs on the session's spool goroutine, while nothing waits to be added.
func (s *session) trial() {
	p := s.bus.partOn(s)
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.bus.opts.CallTimeout+s.bus.opts.SpoolWait)
	defer cancel()
	replicas, err := s.tryAt(ctx, s.bus.names[p.index].trial)
	if s.ctx.Err() == nil && classify(err) != astray { // else it says nothing
		s.noteSpool(err, replicas)
	}
	if err == nil {
		s.lookAtDurability(ctx)
	}
}

// tryAt adds an entry and removes it, with whatever others left behind.
func (s *session) tryAt(ctx context.Context, keys [2]string) (replicas int64, err error) {
	add := script{body: addScript, keys: keys[:], args: []string{"100", "", string(s.bus.id[:]), "trial"}}
	answers, replicas, err := s.conn.evalThenWait(ctx, []script{add}, s.bus.opts.SpoolWait)
	if err = firstError(answers, err); err != nil {
		return 0, err
	}
	if _, errs := s.conn.lengths(ctx, keys[:1]); errs[0] != nil {
		return 0, errs[0]
	}
	left, err := s.conn.read(ctx, keys[0], "", 100)
	if err != nil {
		return 0, err
	}
	remove := script{body: removeScript, keys: keys[:]}
	for _, e := range left {
		remove.args = append(remove.args, e.id)
	}
	return replicas, s.conn.eval(ctx, remove)
}

// firstError is the first thing that the server did not do.
func firstError(answers []answer, err error) error {
	for _, a := range answers {
		if a.err != nil {
			return a.err
		}
	}
	return err
}

// noteSpool takes note of how a use of the spool went.
func (s *session) noteSpool(err error, replicas int64) {
	conds := s.bus.conds
	once := classify(err) == broken && !s.spoolBroke // most often the whole session is over
	s.spoolBroke = classify(err) == broken
	switch {
	case s.ctx.Err() != nil, classify(err) == astray, once:
	case err != nil:
		conds.fail(waySpool, s.addr, s.bus.explain(err))
		s.spoolWorks.Store(false)
	case replicas == 0:
		conds.works(waySpool, s.addr)
		conds.fail(wayReplica, s.addr, "none within "+s.bus.opts.SpoolWait.String())
		s.spoolWorks.Store(false)
	default:
		conds.works(waySpool, s.addr)
		conds.works(wayReplica, s.addr)
		s.spoolWorks.Store(true)
	}
}

// Working implements fanout.Spool: one master is enough.
func (b *Bus) Working() error {
	for _, p := range b.parts {
		if s, _ := p.where(); s != nil && s.spoolWorks.Load() {
			return nil
		}
	}
	if why := b.conds.list(waySpool, wayReplica); len(why) > 0 {
		return errors.New(strings.Join(why, "; "))
	}
	return errUntried
}

var errUntried = errors.New("bus: no master has taken anything into the spool yet")
