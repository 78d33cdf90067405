package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/fanout"
	"tuitalk/history"
	"tuitalk/talk"
)

// Times of a drain.
const (
	// drainEvery is how often a node looks at every partition of the spool.
	drainEvery = time.Second
	drainPage  = 500
	// stepPatience bounds each step of a drain, so that a slow spool is not
	// taken for a store that is away.
	stepPatience = time.Second
	// headStart is how long a lane drains before its posts go to the spool too,
	// behind what is there.
	headStart = time.Second
)

// errLong: the spool holds more than could be stored in the time given.
var errLong = errors.New("more waits in the spool than could be stored in time")

// beforeAppend stores what the rooms of these posts have in the spool, where it
// is known or suspected to hold entries, and what they show as pending and the
// spool has lost, so that nobody overtakes them. Each room is looked at once, and
// a partition that cannot be read is not tried again for these posts. An error
// sends the posts to the spool too.
func (sp *spooler) beforeAppend(posts []post) error {
	sp.suspectOutage()
	var looked map[int32]bool // rooms
	var unread map[int]bool   // partitions
	for i := range posts {
		room := posts[i].entry.RoomID
		part := sp.spool.Partition(room)
		dirty := sp.parts[part].dirty() && !unread[part]
		if looked[room] || !dirty && !sp.shown.dirty() {
			continue
		}
		if looked == nil {
			looked, unread = map[int32]bool{}, map[int]bool{}
		}
		read, err := sp.storeWaiting(part, room, dirty)
		if err != nil {
			return err
		}
		looked[room] = true
		unread[part] = unread[part] || !read
	}
	return nil
}

// storeWaiting drains a partition if it is dirty, and then stores what a room
// shows as pending all the same: a Redis node may have lost it. Only what was
// shown before the drain looked is no part of what comes behind it.
//
// A spool that cannot be read at all does not hold up the room; read is false then.
func (sp *spooler) storeWaiting(part int, room int32, dirty bool) (read bool, err error) {
	s := sp.srv
	r := s.rooms.get(room)
	var shown []talk.Entry
	if r != nil {
		shown = r.pendingSince(s.clock.coarse())
	}
	read = true
	if dirty {
		pages, err := sp.drain(context.Background(), part, time.Now().Add(headStart))
		if err != nil && (pages > 0 || !s.health.storeUp()) {
			return true, err
		}
		read = err == nil
	}
	if len(shown) == 0 {
		return read, nil
	}
	return read, s.storeAll(context.Background(), r.stillPending(shown))
}

// drain brings a partition into the store, from its start, until it is empty or
// it is too late to begin another page. It returns how many pages it read.
func (sp *spooler) drain(ctx context.Context, part int, until time.Time) (pages int, err error) {
	var after fanout.SpoolID
	for ; ; pages++ {
		if pages > 0 && time.Now().After(until) {
			return pages, errLong
		}
		heard := sp.parts[part].heard.Load()
		list, err := sp.read(ctx, part, after)
		if err != nil {
			return pages, err
		}
		entries, ids := readable(list)
		switch {
		case len(entries) > 0:
		case len(list) == drainPage: // all of a newer form: behind them
			after = list[len(list)-1].ID
			continue
		default:
			sp.parts[part].empty(heard)
			return pages, nil
		}
		if !sp.parts[part].dirty() {
			sp.parts[part].heard.Add(1) // found without having been heard of
		}
		if err := sp.store(ctx, part, entries, ids); err != nil {
			return pages + 1, err
		}
	}
}

func (sp *spooler) read(ctx context.Context, part int, after fanout.SpoolID) ([]fanout.Spooled, error) {
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	return sp.spool.Read(ctx, part, after, drainPage)
}

// store brings one page from the spool into the store, and shows it. Whoever
// dies between two steps leaves entries that the next drain reads again.
func (sp *spooler) store(ctx context.Context, part int, entries []talk.Entry, ids []fanout.SpoolID) error {
	s := sp.srv
	s.opts.Failpoint("drain-read")
	results, err := s.appendPage(ctx, entries)
	if err != nil {
		return err
	}
	s.opts.Failpoint("drain-appended")
	s.showDrained(entries, results)
	s.opts.Failpoint("drain-published")
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	if err := sp.spool.Remove(ctx, part, ids...); err != nil {
		return err
	}
	s.opts.Failpoint("drain-removed")
	s.metrics.drained.Add(float64(fresh(results)))
	return nil
}

// appendPage appends what waited.
func (s *Server) appendPage(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	results, err := s.store.Append(ctx, entries)
	s.health.store(err)
	return results, err
}

// fresh counts what was not stored before.
func fresh(results []history.Result) (n int) {
	for _, r := range results {
		if r.Err == nil && !r.Repeat {
			n++
		}
	}
	return n
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

// showDrained shows what was stored, with its seq, and tells its authors, who may
// be past it since long. What the store refuses for good is withdrawn.
func (s *Server) showDrained(entries []talk.Entry, results []history.Result) {
	byRoom, gone := map[int32][]talk.Entry{}, map[int32][]fanout.Gone{}
	for i, r := range results {
		e := entries[i]
		e.Seq, e.UnixTime = r.Seq, r.UnixTime
		switch {
		case r.Err != nil:
			s.log.Error("the store refuses an entry that was accepted", "room", e.RoomID, "err", r.Err)
			gone[e.RoomID] = append(gone[e.RoomID], fanout.Gone{Author: e.Author, ID: e.ID})
			// before the withdrawal: else the author sends it once more
			s.tellAuthor(&e, ackRefused, talk.Error{Code: talk.CodeRefused, Message: "this message cannot be stored", ID: e.ID})
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
	for i, r := range results {
		if e := &entries[i]; r.Err == nil {
			s.settleStored(e)
			s.tellAuthor(e, ackStoredLater, talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: r.Seq})
		}
	}
}

// settleStored forgets that an entry is pending: it is stored.
func (s *Server) settleStored(e *talk.Entry) {
	if r := s.rooms.get(e.RoomID); r != nil {
		r.mu.Lock()
		r.settlePending(e.Author, e.ID)
		r.mu.Unlock()
	}
}

// tellAuthor tells the windows of an author that are here what has become of an
// entry that waited.
func (s *Server) tellAuthor(e *talk.Entry, kind ackKind, m talk.Message) {
	r := s.rooms.get(e.RoomID)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.members {
		if c.seat.uuid == e.Author && c.seat.form == talk.Extended && c.answerIn(talk.Extended, m) {
			s.metrics.acked(kind)
		}
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

// drainAll drains every partition that holds something, and then stores what is
// pending here although the spool no longer has it.
func (sp *spooler) drainAll() {
	s := sp.srv
	until := time.Now().Add(30 * time.Second)
	ctx, cancel := context.WithDeadline(s.ctx, until)
	defer cancel()
	shown, old := sp.shown.heard.Load(), s.clock.coarse()-int64(rescueAfter)
	depths, err := sp.spool.Depths(ctx)
	if err != nil {
		s.log.Debug("the spool's depth cannot be told everywhere", "err", err)
	}
	total := int64(0)
	for part, depth := range depths {
		if depth > 0 {
			total += depth
			if _, err := sp.drain(s.ctx, part, until); err != nil {
				s.log.Warn("a part of the spool could not be drained yet", "partition", part, "err", err)
			}
		}
	}
	sp.depth.Store(total)
	if s.rescuePending(s.ctx, old) {
		sp.shown.empty(shown)
	}
}
