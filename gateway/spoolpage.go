package gateway

import (
	"context"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// stepTimeout bounds each step of a drain, so that a slow spool is not taken for
// a store that is away.
const stepTimeout = time.Second

// spoolPage is what can be read of the start of a partition.
type spoolPage struct {
	entries []talk.Entry
	ids     []fanout.SpoolID
	more    bool // the page was full
}

// next reads the next page of a partition. Nothing found: it is at its end, but
// for entries of a newer form.
func (sp *spooler) next(ctx context.Context, part, limit int) (spoolPage, error) {
	var after fanout.SpoolID
	for {
		heard := sp.partitions[part].marked.Load()
		list, err := sp.read(ctx, part, after, limit)
		if err != nil {
			return spoolPage{}, err
		}
		f := readPage(list)
		f.more = len(list) == limit
		switch {
		case len(f.entries) > 0:
			if !sp.partitions[part].dirty() {
				sp.partitions[part].marked.Add(1) // found without having been heard of
			}
			return f, nil
		case f.more: // all of a newer form: behind them
			after = list[len(list)-1].ID
		default:
			sp.partitions[part].empty(heard)
			return spoolPage{}, nil
		}
	}
}

func (sp *spooler) read(ctx context.Context, part int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	return sp.spool.Read(ctx, part, after, limit)
}

// storePage brings one page from the spool into the store, and shows it. Whoever
// dies between two steps leaves entries that the next drain reads again.
func (sp *spooler) storePage(ctx context.Context, part int, f spoolPage) error {
	s := sp.srv
	s.opts.Failpoint("drain-read")
	results, err := sp.appendPage(ctx, f.entries)
	if err != nil {
		return err
	}
	s.opts.Failpoint("drain-appended")
	s.showDrained(f.entries, results)
	s.opts.Failpoint("drain-published")
	if err := sp.remove(ctx, part, f.ids); err != nil {
		return err
	}
	s.opts.Failpoint("drain-removed")
	s.metrics.drained.Add(float64(countFresh(results)))
	return nil
}

func (sp *spooler) remove(ctx context.Context, part int, ids []fanout.SpoolID) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer sched.OutsideCall(ctx)()
	return sp.spool.Remove(ctx, part, ids...)
}

// countFresh counts what was not stored before.
func countFresh(results []history.Result) (n int) {
	for _, r := range results {
		if r.Err == nil && !r.Repeat {
			n++
		}
	}
	return n
}

// readPage takes what this node can read. What it cannot stays where it is, for
// a newer one.
func readPage(list []fanout.Spooled) (f spoolPage) {
	for _, x := range list {
		if x.Err == nil {
			e := x.Entry
			e.Pending = false
			f.entries, f.ids = append(f.entries, e), append(f.ids, x.ID)
		}
	}
	return f
}

// showDrained shows what was stored, with its seq, and tells its authors, who may
// be past it since long. What the store refuses for good is withdrawn.
func (s *Server) showDrained(entries []talk.Entry, results []history.Result) {
	byRoom, gone, stored := map[int32][]talk.Entry{}, map[int32][]fanout.Gone{}, map[int32][]fanout.Stored{}
	for i, r := range results {
		e := entries[i]
		e.Seq, e.UnixTime = r.Seq, r.UnixTime
		switch {
		case r.Err != nil:
			s.log.Error("the store refuses an entry that was accepted", "room", e.RoomID, "err", r.Err)
			gone[e.RoomID] = append(gone[e.RoomID], fanout.Gone{Author: e.Author, ID: e.ID})
			// before the withdrawal: else the author sends it once more
			if room := s.rooms.get(e.RoomID); room != nil {
				s.notifyAuthor(room, e.Author, ackRefused, talk.Error{Code: talk.CodeRefused, Message: "this message cannot be stored", ID: e.ID})
			}
		case r.Repeat:
			if room := s.rooms.get(e.RoomID); room != nil {
				room.observeHead(r.Seq)
			}
			// another drain may have shown it, or nobody for long
			stored[e.RoomID] = append(stored[e.RoomID], fanout.Stored{Author: e.Author, ID: e.ID, Seq: r.Seq})
		default:
			byRoom[e.RoomID] = append(byRoom[e.RoomID], e)
		}
	}
	for room, list := range byRoom {
		s.placeAndPublish(room, list)
	}
	for room, list := range gone {
		s.withdraw(room, list)
		s.publishNote(&fanout.Note{Room: room, Gone: list})
	}
	for room, list := range stored {
		s.publishNote(&fanout.Note{Room: room, Stored: list})
	}
	for i, r := range results {
		if e := &entries[i]; r.Err == nil {
			s.ackStoredLater(e.RoomID, fanout.Stored{Author: e.Author, ID: e.ID, Seq: r.Seq})
		}
	}
}

// markStored forgets that an entry is pending, as it is stored, and tells its author;
// first, since he would say again what is taken off the screens.
func (s *Server) ackStoredLater(room int32, e fanout.Stored) {
	if r := s.rooms.get(room); r != nil {
		s.notifyAuthor(r, e.Author, ackStoredLater, talk.Stored{RoomID: room, ID: e.ID, Seq: e.Seq})
		r.locked(func() { r.markStored(e.Author, e.ID, e.Seq) })
	}
}

// onStored takes what another node has found in the spool and in the store.
func (s *Server) onStored(r *room, list []fanout.Stored) {
	for _, e := range list {
		r.observeHead(e.Seq)
		s.ackStoredLater(r.id, e)
	}
}

// notifyAuthor tells the windows of an author that are here what has become of an
// entry that waited.
func (s *Server) notifyAuthor(r *room, author talk.UUID, kind ackKind, m talk.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.members {
		if c.membership.uuid != author {
			continue
		}
		if refusal, ok := m.(talk.Error); ok && !c.membership.form.IsExtended() {
			c.answerIn(c.membership.form, talk.Error{Code: refusal.Code, Message: refusal.Message}) // there are no ids
		} else if c.membership.form.IsExtended() && c.answerIn(c.membership.form, m) {
			s.metrics.acked(kind)
		}
	}
}
