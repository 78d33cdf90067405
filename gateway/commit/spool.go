package commit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// Times of the spool.
const (
	// appendPatience is how long one append may take before its entries go to
	// the spool; see storeTimeout. The commit is not cancelled: its connection is dropped, and
	// the ids make what was stored all the same one with what is drained.
	appendPatience = 500 * time.Millisecond
	spoolPatience  = 2 * time.Second
)

// spooler keeps entries while the store is away, and brings them into it
// when it is back. Every node that reaches the store drains every partition, so
// that nothing depends on the node that took an entry.
//
// Two drains of one partition at once do no harm: both append from the start of
// the stream, in its order, and the store knows ids that it has.
type spooler struct {
	*Committer
	stream fanout.Spool
	// partitions[p]: whether entries of partition p are known to wait. The next
	// append for one of its rooms starts with them or goes behind them, so that
	// it does not overtake them. A partition is suspected of some after an
	// outage, and when the bus did not tell this node of a room, or no longer does.
	partitions []dirtyCounter
	// shown: whether rooms of this node may show pending entries.
	shown dirtyCounter
	// outages of the store for which all partitions are taken to be dirty.
	outages atomic.Int64
	// depth is the number of waiting entries, as last seen.
	depth atomic.Int64
	sizer batchSizer
	// leftover: a lane has found more than it has time for.
	leftover atomic.Bool
}

// dirtyCounter counts what was heard of entries that wait. Who finds none has seen to
// all that was heard before he looked.
type dirtyCounter struct{ marked, cleared atomic.Int64 }

func (r *dirtyCounter) dirty() bool { return r.marked.Load() != r.cleared.Load() }

// empty notes that nothing was found, after heard was at count.
func (r *dirtyCounter) empty(count int64) {
	for {
		seen := r.cleared.Load()
		if seen >= count || r.cleared.CompareAndSwap(seen, count) {
			return
		}
	}
}

func newSpooler(c *Committer, stream fanout.Spool) *spooler {
	return &spooler{Committer: c, stream: stream, partitions: make([]dirtyCounter, stream.Partitions())}
}

// markDirty notes that entries of a room wait in the spool, or may do so.
func (sp *spooler) markDirty(room int32) { sp.partitions[sp.stream.Partition(room)].marked.Add(1) }

// suspectOutage takes every partition for dirty after an outage of the store:
// other nodes may have spooled for rooms of which this one hears nothing.
func (sp *spooler) suspectOutage() {
	if n := sp.store.Outages(); sp.outages.Load() != n {
		for i := range sp.partitions {
			sp.partitions[i].marked.Add(1)
		}
		sp.outages.Store(n) // behind the marks, for another lane that looks now
	}
}

// accept puts entries that the store did not take into the spool, and shows
// those that it has accepted as pending. It runs on a lane's goroutine.
func (sp *spooler) accept(ctx context.Context, posts []Post) {
	posts = sp.ackRecent(posts)
	if len(posts) == 0 {
		return
	}
	now := uint64(sp.cfg.Clock.Now().Unix())
	entries := make([]talk.Entry, len(posts))
	for i, p := range posts {
		e := p.Entry
		e.Round, e.Pending, e.SentAt, e.UnixTime = 0, true, now, now
		entries[i] = e
	}
	errs := sp.add(ctx, entries)
	for _, p := range posts {
		sp.markDirty(p.Entry.RoomID) // who found the partition empty may have looked before
	}
	byRoom := map[int32][]talk.Entry{}
	for i, p := range posts {
		if errs[i] != nil {
			sp.cfg.Metrics.Count(SpoolRefused, 1)
			p.unclear = p.unclear || !errors.Is(errs[i], fanout.ErrSpoolFull)
			sp.refuseNotTaken(p, talk.CodeUnavailable, spoolSentence(errs[i]))
			continue
		}
		sp.cfg.Metrics.Count(Spooled, 1)
		byRoom[p.Entry.RoomID] = append(byRoom[p.Entry.RoomID], entries[i])
	}
	for room, list := range byRoom {
		sp.cfg.Rooms.ShowAccepted(room, list)
	}
	for i := range posts {
		if errs[i] == nil {
			posts[i].From.Accepted(&posts[i])
		}
	}
}

// add adds entries to the spool behind what this node has accepted before. Where the
// spool has lost that, it is added once more, in front of them.
func (sp *spooler) add(ctx context.Context, entries []talk.Entry) []error {
	ctx, cancel := context.WithTimeout(ctx, spoolPatience)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	behind, full := sp.behind(entries)
	fits, at := make([]talk.Entry, 0, len(entries)), make([]int, 0, len(entries))
	errs := make([]error, len(entries))
	for i, e := range entries {
		if full[e.RoomID] {
			errs[i] = fanout.ErrSpoolFull
			continue
		}
		fits, at = append(fits, e), append(at, i)
	}
	again := map[int32][]int{} // by room, of those that stand behind a gap
	for i, err := range sp.stream.Add(ctx, fits, behind...) {
		errs[at[i]] = err
		if errors.Is(err, fanout.ErrSpoolLost) {
			again[fits[i].RoomID] = append(again[fits[i].RoomID], at[i])
		}
	}
	for room, lost := range again {
		sp.addAgain(ctx, room, entries, lost, errs)
	}
	return errs
}

// behind returns the last entry of each author of entries, in each of their rooms, that
// this node has accepted and does not know to be stored, and the rooms of which it keeps
// so many that it could not keep more: what a node accepts, it must be able to store or
// to add again.
func (sp *spooler) behind(entries []talk.Entry) (last []talk.Entry, full map[int32]bool) {
	authors := map[int32]LastOwn{}
	for i := range entries {
		e := &entries[i]
		if authors[e.RoomID] == nil {
			authors[e.RoomID] = LastOwn{}
		}
		authors[e.RoomID][e.Author] = talk.Entry{}
	}
	full = map[int32]bool{}
	for room, of := range authors {
		r := sp.cfg.Rooms.Get(room)
		if r == nil {
			continue
		}
		full[room] = r.FindLastOwn(of) >= MaxPending
		for _, e := range of {
			if !e.ID.IsZero() {
				last = append(last, e)
			}
		}
	}
	return last, full
}

// addAgain adds what this node has accepted of a room, and behind it those of entries
// that at names, and notes how that went in errs.
func (sp *spooler) addAgain(ctx context.Context, room int32, entries []talk.Entry, at []int, errs []error) {
	var all []talk.Entry
	if r := sp.cfg.Rooms.Get(room); r != nil {
		all = r.OwnPending()
	}
	own := len(all)
	sp.cfg.Log.Warn("the spool does not have what was accepted last; all that is known of it is added again", "room", room, "entries", own)
	for _, i := range at {
		all = append(all, entries[i])
	}
	results := sp.stream.Add(ctx, all)
	for n, i := range at {
		errs[i] = results[own+n]
	}
}

func spoolSentence(err error) string {
	if errors.Is(err, fanout.ErrSpoolFull) {
		return "the history is away and what can wait for it is full, your message waits with you"
	}
	return "the history is away, your message waits with you"
}

// ackRecent answers the posts that are shown here with their seq, as they were
// stored before, and returns the others.
func (c *Committer) ackRecent(posts []Post) (others []Post) {
	for i := range posts {
		p, seq := &posts[i], int64(0)
		if r := c.cfg.Rooms.Get(p.Entry.RoomID); r != nil {
			seq = r.SeqOf(p.Entry.Author, p.Entry.ID)
		}
		if seq == 0 {
			others = append(others, *p)
			continue
		}
		p.From.Stored(p, history.Result{Seq: seq, Repeat: true})
	}
	return others
}
