package gateway

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// Times of the spool.
const (
	// appendPatience is how long one append may take before its entries go to
	// the spool. The commit is not cancelled: its connection is dropped, and
	// the ids make what was stored all the same one with what is drained.
	appendPatience = 500 * time.Millisecond
	spoolPatience  = 2 * time.Second
	// drainEvery is how often a node looks at every partition of the spool.
	drainEvery = time.Second
	drainPage  = 500
)

// spooler keeps entries safe while the store is away, and brings them into it
// when it is back. Every node that reaches the store drains every partition, so
// that nothing depends on the node that took an entry.
//
// Two drains of one partition at once do no harm: both append from the start of
// the stream, in its order, and the store knows ids that it has.
type spooler struct {
	srv   *Server
	spool fanout.Spool
	// parts[p]: whether entries of partition p are known to wait. The next
	// append for one of its rooms starts with them, so that it does not
	// overtake them.
	parts []spoolPart
	// depth is the number of waiting entries, as last seen.
	depth atomic.Int64
}

// spoolPart counts what was heard of a partition's entries. A drain that finds
// it empty has seen to all that was heard before it looked.
type spoolPart struct{ heard, seen atomic.Int64 }

func (p *spoolPart) dirty() bool { return p.heard.Load() != p.seen.Load() }

// empty notes that the partition was found empty after heard was at count.
func (p *spoolPart) empty(count int64) {
	for {
		seen := p.seen.Load()
		if seen >= count || p.seen.CompareAndSwap(seen, count) {
			return
		}
	}
}

func newSpooler(s *Server, spool fanout.Spool) *spooler {
	return &spooler{srv: s, spool: spool, parts: make([]spoolPart, spool.Partitions())}
}

// know notes that entries of a room wait in the spool.
func (sp *spooler) know(room int32) { sp.parts[sp.spool.Partition(room)].heard.Add(1) }

// accept puts entries that the store did not take into the spool, and shows
// those that are safe there as pending. It runs on a lane's goroutine.
func (sp *spooler) accept(posts []post) {
	now := sp.srv.unixNow()
	entries := make([]talk.Entry, len(posts))
	for i, p := range posts {
		e := p.entry
		e.Round, e.Pending, e.SentAt, e.UnixTime = 0, true, now, now
		entries[i] = e
		sp.know(e.RoomID)
	}
	ctx, cancel := context.WithTimeout(context.Background(), spoolPatience)
	defer cancel()
	errs := sp.spool.Add(ctx, entries)
	byRoom := map[int32][]talk.Entry{}
	for i, p := range posts {
		if errs[i] != nil {
			sp.srv.metrics.spoolRefused.Inc()
			sp.srv.sendBack(p, talk.CodeUnavailable, spoolSentence(errs[i]))
			continue
		}
		sp.srv.metrics.spooled.Inc()
		byRoom[p.entry.RoomID] = append(byRoom[p.entry.RoomID], entries[i])
	}
	for room, list := range byRoom {
		sp.srv.showPending(room, list)
		sp.srv.publish(room, list)
	}
	for i, p := range posts {
		if errs[i] == nil {
			sp.srv.settleAccepted(p)
		}
	}
}

func spoolSentence(err error) string {
	if errors.Is(err, fanout.ErrSpoolFull) {
		return "the history is away and what can wait for it is full, your message waits with you"
	}
	return "the history is away, your message waits with you"
}

// settleAccepted tells the author that an entry is safe, but not stored.
func (s *Server) settleAccepted(p post) {
	c := p.conn
	c.mu.Lock()
	c.user.unstored--
	form, waiting := c.user.form, len(c.user.backlog) > 0
	c.mu.Unlock()
	if form == talk.Extended {
		c.answerIn(form, talk.Accepted{RoomID: p.entry.RoomID, ID: p.entry.ID})
	}
	if waiting {
		c.goOn()
	}
}

// beforeAppend drains the partitions of these posts' rooms that are known to
// hold entries. If the spool cannot be read, it stores what this node has shown
// as pending, so that at least nobody overtakes himself. It returns an error if
// the store is away.
func (sp *spooler) beforeAppend(posts []post) error {
	for _, p := range posts {
		part := sp.spool.Partition(p.entry.RoomID)
		if !sp.parts[part].dirty() {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), spoolPatience)
		err := sp.drain(ctx, part)
		cancel()
		if err != nil && sp.srv.health.storeUp() {
			err = sp.srv.storePending(context.Background(), p.entry.RoomID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// drain brings a partition into the store, from its start, until it is empty.
func (sp *spooler) drain(ctx context.Context, part int) error {
	for {
		heard := sp.parts[part].heard.Load()
		list, err := sp.spool.Read(ctx, part, "", drainPage)
		if err != nil {
			return err
		}
		entries, ids := readable(list)
		if len(entries) == 0 {
			sp.parts[part].empty(heard)
			return nil
		}
		if !sp.parts[part].dirty() {
			sp.parts[part].heard.Add(1) // found without having been heard of
		}
		sp.srv.opts.Failpoint("drain-read")
		results, err := sp.srv.store.Append(ctx, entries)
		sp.srv.health.store(err)
		if err != nil {
			return err
		}
		sp.srv.opts.Failpoint("drain-appended")
		sp.srv.showDrained(entries, results)
		sp.srv.opts.Failpoint("drain-published")
		if err := sp.spool.Remove(ctx, part, ids...); err != nil {
			return err
		}
		sp.srv.opts.Failpoint("drain-removed")
		sp.srv.metrics.drained.Add(float64(len(entries)))
	}
}

// readable takes what this node can read. What it cannot stays where it is, for
// a newer one.
func readable(list []fanout.Spooled) (entries []talk.Entry, ids []fanout.SpoolID) {
	for _, x := range list {
		if x.Err == nil {
			e := x.Entry
			e.Pending = false
			entries, ids = append(entries, e), append(ids, x.ID)
		}
	}
	return entries, ids
}

// showDrained shows what was stored, with its seq, and withdraws what the store
// refuses for good.
func (s *Server) showDrained(entries []talk.Entry, results []history.Result) {
	byRoom, gone := map[int32][]talk.Entry{}, map[int32][]fanout.Gone{}
	defer s.tellAuthors(entries, results)
	for i, r := range results {
		e := entries[i]
		e.Seq, e.UnixTime = r.Seq, r.UnixTime
		switch {
		case r.Err != nil:
			s.log.Error("the store refuses a spooled entry", "room", e.RoomID, "err", r.Err)
			gone[e.RoomID] = append(gone[e.RoomID], fanout.Gone{Author: e.Author, ID: e.ID})
		case r.Repeat:
			if room := s.rooms.get(e.RoomID); room != nil {
				room.heard(r.Seq)
			}
		default:
			byRoom[e.RoomID] = append(byRoom[e.RoomID], e)
		}
	}
	for room, list := range byRoom {
		s.show(room, list)
	}
	for room, list := range gone {
		s.withdraw(room, list)
		s.publishNote(&fanout.Note{Room: room, Gone: list})
	}
}

// tellAuthors says Stored to the authors who are here: what was drained may be
// stored since long, and its author past it.
func (s *Server) tellAuthors(entries []talk.Entry, results []history.Result) {
	for i, res := range results {
		r := s.rooms.get(entries[i].RoomID)
		if r == nil || res.Err != nil {
			continue
		}
		r.mu.Lock()
		r.settlePending(entries[i].Author, entries[i].ID)
		for _, c := range r.members {
			if c.seat.uuid == entries[i].Author && c.seat.form == talk.Extended {
				c.answerIn(talk.Extended, talk.Stored{RoomID: r.id, ID: entries[i].ID, Seq: res.Seq})
			}
		}
		r.mu.Unlock()
	}
}

// run looks at every partition once a second while the store is there.
func (sp *spooler) run(ended <-chan struct{}) {
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ended:
			return
		}
		if sp.srv.health.storeUp() {
			sp.drainAll()
		}
	}
}

func (sp *spooler) drainAll() {
	ctx, cancel := context.WithTimeout(sp.srv.ctx, 30*time.Second)
	defer cancel()
	depths, err := sp.spool.Depths(ctx)
	if err != nil {
		sp.srv.log.Debug("the spool's depth cannot be told everywhere", "err", err)
	}
	total := int64(0)
	for part, depth := range depths {
		if depth > 0 {
			total += depth
			if err := sp.drain(ctx, part); err != nil {
				sp.srv.log.Warn("a part of the spool could not be drained yet", "partition", part, "err", err)
			}
		}
	}
	sp.depth.Store(total)
	sp.srv.rescuePending(ctx)
}
