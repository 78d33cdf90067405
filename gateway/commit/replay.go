package commit

import (
	"context"
	"math/rand/v2"
	"time"

	"tuitalk/gateway/sched"
)

// Times of a replay.
const (
	// LookEvery is how often a node looks at every partition of the spool.
	LookEvery = time.Second
	// replayEvery is how often it goes on with those that hold more than was due.
	replayEvery = 100 * time.Millisecond
	// replaySpeed is how much faster than it was said what waits is shown: all at
	// once it would stand in the way of what is said now, in every connection of
	// its rooms.
	replaySpeed = 3
	// replayMost is how long a replay may take. After a long outage it is faster.
	replayMost = time.Minute
	// replaySilence is how long a silence takes in a replay.
	replaySilence = time.Second
	// lookMost is how long one look at all partitions takes, but for a page each.
	lookMost = 30 * time.Second
	// OthersTimeout is how long the spool may not be readable while the store is
	// there, or be without what stands behind a gap, before this node stops showing what
	// others accepted: they, or the authors, have had the time to store it.
	OthersTimeout = 15 * time.Second
)

// rescueAfter is how long an entry may be shown as pending although the store is
// there and the spool was drained, before this node stores it itself.
const rescueAfter = 2 * time.Second

// schedule is when a partition that was found with entries may be stored how far.
// The nodes find it at about the same time: together they are no faster.
type schedule struct {
	seen  time.Time // zero: nothing waits
	from  float64   // Unix time of the first entry then
	speed float64
	held  time.Time // the next entry has not been due since then; zero: it is
}

// due tells whether an entry is to be stored now. What says to be of later than
// now is of a node with another clock. A silence, or a clock that was wrong, is
// no reason to wait for long: then it begins again with what comes behind.
func (r *schedule) due(sentAt uint64, now time.Time) bool {
	today := float64(now.Unix())
	at := min(float64(sentAt), today)
	if r.seen.IsZero() || !r.held.IsZero() && now.Sub(r.held) >= replaySilence {
		*r = schedule{seen: now, from: at, speed: max(replaySpeed, (today-at)/replayMost.Seconds())}
	}
	due := at <= r.from+now.Sub(r.seen).Seconds()*r.speed
	switch {
	case due:
		r.held = time.Time{}
	case r.held.IsZero():
		r.held = now
	}
	return due
}

// coverage is how much of a partition a look has seen.
type coverage uint8

const (
	unread coverage = iota // the spool does not answer
	partly                 // something is left
	whole                  // it was empty, or is now
)

// Replayer looks at every partition from time to time while the store is there.
// Owned by one goroutine.
type Replayer struct {
	*spooler
	loop       *sched.Loop
	ctx        context.Context // of the loop
	schedules  []schedule
	seen       []coverage  // by the last look
	unreadable []time.Time // since when a partition could not be read; zero: it could
	wasRead    []time.Time // since when it can, after it was once read to its end; zero: it cannot, or was not
	failing    []bool      // a partition could not be read or stored, which is logged
	waiting    bool        // entries wait, which is logged
	outages    int64       // of the store, before which all of that is of no meaning
}

// Loop is where it tells of its progress.
func (rp *Replayer) Loop() *sched.Loop { return rp.loop }

// NewReplayer returns one that waits for the store and the spool with ctx. There is one at
// most, behind UseSpool.
func (c *Committer) NewReplayer(ctx context.Context) *Replayer {
	n := c.spool.stream.Partitions()
	l := c.cfg.Loops.Add("replay")
	return &Replayer{spooler: c.spool, loop: l, ctx: l.Context(ctx), schedules: make([]schedule, n), seen: make([]coverage, n), unreadable: make([]time.Time, n), wasRead: make([]time.Time, n), failing: make([]bool, n)}
}

// Run goes on until ended is closed.
func (rp *Replayer) Run(ended <-chan struct{}) {
	tick := time.NewTicker(replayEvery)
	defer tick.Stop()
	var looked time.Time
	for left := false; ; {
		rp.loop.Expect(replayEvery)
		select {
		case <-tick.C:
		case <-ended:
			return
		}
		rp.loop.Begin()
		rp.cfg.Failpoint("replay")
		regular := time.Since(looked) >= LookEvery
		if !regular && !left && !rp.leftover.Load() || !rp.store.Up() {
			continue
		}
		left = rp.ReplayAll(regular)
		if regular {
			looked = time.Now()
		}
	}
}

// ReplayAll drains every partition that holds something, as far as it is due. rescue:
// then it stores what is pending here although the spool no longer has it. left:
// there is more to do.
func (rp *Replayer) ReplayAll(rescue bool) (left bool) {
	until := time.Now().Add(lookMost)
	ctx, cancel := context.WithDeadline(rp.ctx, until)
	defer cancel()
	rp.leftover.Store(false)
	if n := rp.store.Outages(); n != rp.outages {
		clear(rp.schedules)
		clear(rp.unreadable)
		clear(rp.wasRead)
		rp.outages = n
	}
	shown, old := rp.shown.marked.Load(), rp.cfg.Clock.Coarse()-int64(rescueAfter)
	depths, err := rp.depths(ctx)
	if err != nil {
		rp.cfg.Log.Debug("the spool's depth cannot be told everywhere", "err", err)
	}
	total := int64(0)
	clear(rp.seen)
	for _, part := range rand.Perm(len(depths)) { // not all nodes the same at once
		total += max(0, depths[part])
		switch {
		case depths[part] == 0:
			rp.works(part)
			rp.seen[part], rp.schedules[part] = whole, schedule{}
		case depths[part] > 0:
			rp.seen[part] = rp.replayPartition(part, until)
		}
		left = left || rp.seen[part] == partly
	}
	rp.depth.Store(total)
	if waits := total > 0; err == nil && waits != rp.waiting {
		rp.waiting = waits
		if waits {
			rp.cfg.Log.Info("entries wait in the spool, and are stored now", "entries", total)
		} else {
			rp.cfg.Log.Info("the spool is empty: what waited is stored")
		}
	}
	if rescue && rp.rescuePending(rp.ctx, old, rp.seen) {
		rp.shown.empty(shown)
	}
	rp.withdrawOthers(time.Now())
	return left
}

// withdrawOthers takes back what other nodes accepted, where the spool has not been
// readable for long, or has been and this node must not store it: the spool's end and
// whoever knew of them may be gone for good, and nobody would ever say what became of
// them. What is stored after all is shown then.
func (rp *Replayer) withdrawOthers(now time.Time) {
	for part, seen := range rp.seen {
		switch {
		case seen == unread:
			rp.wasRead[part] = time.Time{}
			if rp.unreadable[part].IsZero() {
				rp.unreadable[part] = now
			}
			continue
		case seen == partly:
			rp.wasRead[part] = time.Time{} // what was not reached may be it
		case rp.wasRead[part].IsZero():
			rp.wasRead[part] = now
		}
		rp.unreadable[part] = time.Time{}
	}
	long := func(since time.Time) bool { return !since.IsZero() && now.Sub(since) >= OthersTimeout }
	for _, r := range rp.cfg.Rooms.List() {
		part := rp.stream.Partition(r.ID())
		all := long(rp.unreadable[part])
		if r.PendingCount() == 0 || !all && !long(rp.wasRead[part]) {
			continue
		}
		if gone := r.OthersPending(rp.cfg.Clock.Coarse()-int64(OthersTimeout), all); len(gone) > 0 {
			rp.cfg.Log.Warn("the spool cannot be read, or does not have it: what other gateways accepted is not shown any more", "room", r.ID(), "entries", len(gone))
			rp.cfg.Rooms.Withdraw(r.ID(), gone)
		}
	}
}

func (sp *spooler) depths(ctx context.Context) ([]int64, error) {
	defer sched.OutsideCall(ctx)()
	return sp.stream.Depths(ctx)
}

// replayPartition brings a partition into the store, from its start, as far as it is due
// and there is time.
func (rp *Replayer) replayPartition(part int, until time.Time) coverage {
	for rp.store.Up() {
		f, err := rp.next(rp.ctx, part, rp.sizer.size())
		if err != nil {
			rp.fails(part, "a partition of the spool cannot be read", err)
			return unread
		}
		if len(f.entries) == 0 {
			rp.works(part)
			rp.schedules[part] = schedule{}
			return whole
		}
		n, now := 0, time.Now()
		for n < len(f.entries) && rp.schedules[part].due(f.entries[n].SentAt, now) {
			n++
		}
		if n == 0 {
			return partly
		}
		f.entries, f.ids = f.entries[:n], f.ids[:n]
		if err := rp.storePage(rp.ctx, part, f); err != nil {
			rp.fails(part, "a partition of the spool could not be stored yet", err)
			return partly
		}
		rp.works(part)
		if now.After(until) {
			return partly
		}
	}
	return partly
}

// rescuePending stores what rooms here show as pending since before old although
// the store is there and the spool was read to its end after that: a Redis node
// may have lost it. Where the spool cannot be read, that is what this node
// accepted itself. A repeat is harmless. It tells whether nothing at all is pending.
func (sp *spooler) rescuePending(ctx context.Context, old int64, seen []coverage) (none bool) {
	none = true
	for _, r := range sp.cfg.Rooms.List() {
		if r.PendingCount() == 0 {
			continue
		}
		none = false
		part := sp.stream.Partition(r.ID())
		if seen[part] == partly {
			continue
		}
		entries := r.PendingSince(old)
		if seen[part] == unread {
			entries = r.OwnPending()
		}
		if err := sp.storeAll(ctx, entries); err != nil {
			sp.cfg.Log.Warn("pending entries could not be stored yet", "room", r.ID(), "err", err)
			return false
		}
	}
	return none
}

// fails says that a partition cannot be replayed, and works that it can again: each once.
func (rp *Replayer) fails(part int, what string, err error) {
	if !rp.failing[part] {
		rp.failing[part] = true
		rp.cfg.Log.Warn(what, "partition", part, "err", err)
	}
}

func (rp *Replayer) works(part int) {
	if rp.failing[part] {
		rp.failing[part] = false
		rp.cfg.Log.Info("a partition of the spool is read and stored again", "partition", part)
	}
}
