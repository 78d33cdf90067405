package gateway

import (
	"context"
	"errors"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

const (
	// historyBytes is about how large one History frame gets.
	historyBytes = 48 << 10
	// pieceBytes is about how much of an answer is queued for a client at once.
	pieceBytes = 128 << 10
	// pieceEntries is the most entries that one query of an answer reads.
	pieceEntries = 100
	// entryOverhead is about what an entry has on the wire besides name and text.
	entryOverhead = 200

	// historyRetry is when a piece that could not be read is tried again, and
	// historyGiveUp how long that goes on, and how long the budgets may want a piece
	// to wait each time.
	historyRetry  = 500 * time.Millisecond
	historyGiveUp = 30 * time.Second

	// entriesPerMessage is how many returned entries cost as much as a message.
	entriesPerMessage = 50
)

// historyStream is an answer to Fetch that is under way: the entries first to
// last of a room, sent piece by piece. The next piece is read when the client
// has taken the one before; in between the stream holds neither a worker nor
// entries, so that an answer of any length costs the same memory.
//
// In the original's forms the newest piece comes first, for these clients put
// each History in front of their log; in the extended form the oldest.
type historyStream struct {
	// immutable
	ask         talk.Fetch
	form        talk.Form
	oldestFirst bool  // in the extended form
	asked       *room // where the client was when it asked; nil: nowhere

	// owned by the worker that sends a piece, else by nobody
	located     bool  // first and last are known
	first, last int64 // what is left to send
	complete    bool  // the room has nothing before the answer
	begun       bool  // a part has been sent
	count       int   // entries that the next query reads
	failing     time.Time

	// guarded by conn.mu
	waiting bool          // for the client to take what was sent
	paid    int           // bytes of the next piece, as far as it is known, and paid for before it is read
	covered bool          // they have been paid for, and nothing was read for them yet
	dueBy   time.Duration // when the budgets must have let the next piece through; 0: they have
}

var (
	errHistoryLeft = errors.New("the client has left the room")
	errHistoryBusy = errors.New("too many wait for older history")
)

// fetch answers with older entries. One is answered at a time. Call with mu held.
func (c *conn) fetch(m talk.Fetch) talk.Error {
	u := &c.user
	if u.uuid.IsZero() {
		return c.refusal(m, talk.CodeNotJoined, "say who you are before you ask for history")
	}
	if m.Limit < 1 || m.Limit > talk.MaxFetch {
		return c.refusal(m, talk.CodeBadLimit, "a fetch takes 1 to 500 entries")
	}
	h := &historyStream{ask: m, form: u.form, oldestFirst: u.form.IsExtended(), asked: u.room, count: pieceEntries}
	h.paid = min(int(m.Limit)*entryOverhead, pieceBytes)
	if !c.nextPiece(h) {
		return fetchRefusal(errHistoryBusy)
	}
	u.fetch = h
	return talk.Error{}
}

// nextPiece has the next piece sent as soon as the budgets let as much be read as it
// will have, or the one before had. false: too many wait for it. Call with mu held.
//
// Every piece goes through here, also one that is tried again: there is no other way
// to a worker.
func (c *conn) nextPiece(h *historyStream) bool {
	now := c.srv.clock.Elapsed()
	wait := time.Duration(0)
	if !h.covered {
		wait = c.srv.limits.AskHistory(now, &c.account, float64(h.paid))
	}
	if wait == 0 {
		h.dueBy, h.covered = 0, true
		return c.laterPiece(h)
	}
	if h.dueBy == 0 {
		h.dueBy = now + historyGiveUp
		c.srv.metrics.delayed(limits.LevelHistory)
	}
	if now >= h.dueBy {
		return false
	}
	c.srv.timers.After(min(wait, h.dueBy-now), func() { c.pieceDue(h) })
	return true
}

// pieceDue asks the budgets again.
func (c *conn) pieceDue(h *historyStream) {
	ok := true
	c.locked(func(u *user) {
		if u.async != asyncClosed {
			ok = c.nextPiece(h)
		}
	})
	if !ok {
		c.pieceFailed(h, errHistoryBusy)
	}
}

// laterPiece has a worker send the next piece. false: too many wait for one.
func (c *conn) laterPiece(h *historyStream) bool {
	return c.submit(c.srv.work.history, func(ctx context.Context) { c.sendPiece(ctx, h) }, func() { c.pieceFailed(h, errHistoryBusy) })
}

// sendPiece runs on a worker: it reads and queues the next piece.
func (c *conn) sendPiece(ctx context.Context, h *historyStream) {
	if c.at() == stageClosed {
		return
	}
	c.locked(func(*user) { h.covered = false })
	entries, err := h.read(ctx, c.srv)
	if err == nil {
		h.failing = time.Time{}
		c.payPiece(h, entries)
		err = c.queuePiece(h, entries)
	}
	switch {
	case err != nil:
		c.pieceFailed(h, err)
	case h.first <= h.last:
		c.locked(func(*user) { h.waiting = true })
		c.resumeBacklog()
	default:
		c.endFetch()
	}
}

// payPiece pays for what was read over what was known before: also what does not fit
// in the piece.
func (c *conn) payPiece(h *historyStream, entries []talk.Entry) {
	bytes := 0
	for i := range entries {
		bytes += entryBytes(&entries[i])
	}
	c.locked(func(*user) {
		c.srv.limits.ChargeHistory(c.srv.clock.Elapsed(), &c.account, float64(bytes-h.paid))
	})
}

// pieceFailed tries again later, or gives up.
func (c *conn) pieceFailed(h *historyStream, err error) {
	if h.retries(err, c.srv.clock.Now()) {
		c.locked(func(*user) { h.dueBy = 0 })
		c.srv.timers.After(historyRetry, func() { c.pieceDue(h) })
		return
	}
	if err != errHistoryLeft {
		c.srv.log.Debug("a fetch failed", "room", h.ask.RoomID, "err", err)
		c.refuse(fetchRefusal(err))
	}
	c.endFetch()
}

// retries tells whether a piece that failed is tried again: the original's
// clients cannot ask for the rest of a second, so that to stop within one would
// hide it for good. The extended form asks again by itself.
func (h *historyStream) retries(err error, now time.Time) bool {
	if !h.begun || h.oldestFirst || err == errHistoryLeft {
		return false
	}
	if h.failing.IsZero() {
		h.failing = now
	}
	return now.Sub(h.failing) < historyGiveUp
}

// fetchRefusal is what the client hears.
func fetchRefusal(err error) talk.Error {
	e := talk.Error{Code: talk.CodeUnavailable, Message: "older history is not available now", Retry: true, RetryMS: retryBusyMS}
	if err == errHistoryBusy {
		e.Code, e.Message = talk.CodeBusy, "many ask for older history, try again in a moment"
	}
	return e
}

// endFetch lets the next Fetch be answered.
func (c *conn) endFetch() {
	c.locked(func(u *user) { u.fetch = nil })
	c.resumeBacklog()
}

// resumeFetch reads the next piece of an answer if the client has taken what
// was sent. Call with mu held.
func (c *conn) resumeFetch() {
	h := c.user.fetch
	if h != nil && h.waiting && c.user.async != asyncClosed && c.hasTaken(historyBytes) {
		h.waiting = false
		if !c.nextPiece(h) {
			c.srv.timers.After(0, func() { c.pieceFailed(h, errHistoryBusy) })
		}
	}
}

// hasTaken tells whether at most so many bytes are queued. If not, resumeBacklog is called
// when the queue is empty.
func (c *conn) hasTaken(most int) bool {
	if c.out.QueuedBytes() <= most {
		return true
	}
	c.wantsDrain.Store(true)
	return c.out.QueuedBytes() <= most // it may have drained just now
}

// read reads the next piece, at the first time also where the answer begins and
// ends.
func (h *historyStream) read(ctx context.Context, s *Server) ([]talk.Entry, error) {
	if !h.located {
		if err := h.locate(ctx, s); err != nil {
			return nil, err
		}
		h.located, h.complete = true, h.first <= 1
	}
	n := int(min(int64(h.count), h.last-h.first+1))
	if n <= 0 {
		return nil, nil
	}
	if h.oldestFirst {
		return s.history.After(ctx, h.ask.RoomID, h.first-1, n)
	}
	entries, _, err := s.history.Before(ctx, h.ask.RoomID, h.last+1, n)
	return entries, err
}

// locate finds out which entries are the answer.
func (h *historyStream) locate(ctx context.Context, s *Server) (err error) {
	room, limit := h.ask.RoomID, h.ask.Limit
	if !h.oldestFirst || h.ask.BeforeSeq <= 0 {
		h.first, h.last, err = s.history.SpanBefore(ctx, room, h.ask.FetchBefore, int(limit))
		return err
	}
	h.last = h.ask.BeforeSeq - 1
	if !s.knownStored(room, h.last) {
		heads, err := s.history.Heads(ctx, []int32{room})
		if err != nil {
			return err
		}
		h.last = min(h.last, heads[0].Seq)
	}
	h.first = max(1, h.last-limit+1)
	return nil
}

// knownStored tells whether this node knows, without asking, that the store has
// an entry.
func (s *Server) knownStored(id int32, seq int64) bool {
	r := s.rooms.get(id)
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == roomOpen && r.storeHead >= seq
}

// queuePiece queues as much of what was read as a piece may have, in frames, and
// notes what is left.
func (c *conn) queuePiece(h *historyStream, entries []talk.Entry) error {
	if len(entries) == 0 {
		h.first, h.last = 1, 0 // nothing more, or a store that has lost something
	}
	sent, size := 0, 0
	for first := true; first || sent < len(entries) && size < pieceBytes; first = false {
		part, bytes := h.part(entries, sent)
		sent, size = sent+len(part), size+bytes
		h.advance(part)
		if c.leftRoom(h) {
			return errHistoryLeft
		}
		c.charge(float64(len(part)) / entriesPerMessage)
		if !c.answerHistory(h, part, bytes) {
			h.first, h.last = 1, 0 // closed
			return nil
		}
		h.begun = true
	}
	h.count = max(1, min(pieceEntries, sent*pieceBytes/max(1, size)))
	c.locked(func(*user) { h.paid = size })
	return nil
}

// answerHistory sends a part of about so many bytes. false: the client is closed.
func (c *conn) answerHistory(h *historyStream, part []talk.Entry, bytes int) bool {
	p, err := encode(h.frame(part), h.form, bytes)
	if err != nil {
		c.srv.log.Error("cannot encode older history", "err", err)
		return false
	}
	return c.pushAnswer(p)
}

// part returns the entries of the next frame, and about how large it gets.
func (h *historyStream) part(entries []talk.Entry, sent int) (part []talk.Entry, size int) {
	rest := entries[:len(entries)-sent]
	if h.oldestFirst {
		rest = entries[sent:]
	}
	n := 0
	for n < len(rest) && (n == 0 || size < historyBytes) {
		e := &rest[len(rest)-1-n]
		if h.oldestFirst {
			e = &rest[n]
		}
		size += entryBytes(e)
		n++
	}
	if h.oldestFirst {
		return rest[:n], size
	}
	return rest[len(rest)-n:], size
}

// entryBytes is about how large an entry is on the wire.
func entryBytes(e *talk.Entry) int { return len(e.Text) + len(e.Name) + entryOverhead }

// advance notes what is left when part has been sent.
func (h *historyStream) advance(part []talk.Entry) {
	switch {
	case len(part) == 0:
	case h.oldestFirst:
		h.first = part[len(part)-1].Seq + 1
	default:
		h.last = part[0].Seq - 1
	}
}

// frame is the message that carries part.
func (h *historyStream) frame(part []talk.Entry) talk.History {
	m := talk.History{Text: make([]talk.Message, len(part))}
	for i, e := range part {
		m.Text[i] = e
	}
	if h.oldestFirst {
		m.RoomID, m.BeforeSeq = h.ask.RoomID, h.ask.BeforeSeq
		m.More, m.Complete = h.first <= h.last, h.complete
	}
	return m
}

// leftRoom tells whether a client of the original's forms has gone elsewhere
// since it asked, or asks to: it would show the rest of the answer in the wrong room.
func (c *conn) leftRoom(h *historyStream) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !h.oldestFirst && (c.user.async == asyncSwitching || c.user.room != h.asked)
}
