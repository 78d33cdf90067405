package client

import (
	"time"

	"tuitalk/talk"
)

// background sender brings entries to rooms that the user has left since posting them.
// A server takes posts only for the room that a connection is in, and the
// user's own must not leave the room that is shown: so the background sender has a
// connection and a session of its own, for as long as it takes.
type backgroundSender struct {
	conn    *conn
	session talk.UUID
	room    int32
	startAt time.Time // of the next journey; zero: none is planned
	fails   int
}

// due plans, begins and ends journeys. There are none while the live view is
// not well: first things first.
func (c *backgroundSender) due(s *Session) {
	if !s.ready() {
		return
	}
	room, owed := s.outbox.next(s.room)
	switch {
	case c.conn != nil:
		if c.conn.stage == joined && !s.outbox.hasUnsent(c.room) {
			c.advance(s, room, owed)
		}
	case !owed:
		c.startAt, c.fails = time.Time{}, 0
	case c.startAt.IsZero():
		// The server may be about to say that it has them.
		c.startAt = s.now.Add(courierPause + s.backoff(c.fails))
		s.replan = true
	case due(c.startAt, s.now):
		c.startAt = time.Time{}
		c.session, c.room = s.rng.uuid(), room
		c.conn = s.dial(s.live.server)
		s.replan = true
	}
}

// advance leaves a room in which nothing is left to do.
func (c *backgroundSender) advance(s *Session, room int32, owed bool) {
	c.fails = 0
	if owed {
		c.room = room
		s.askRoom(c.conn)
		return
	}
	s.leave(c.conn)
	c.drop(s)
}

// gone notes that the line broke.
func (c *backgroundSender) onClose(s *Session) {
	c.conn = nil
	c.fails++
	c.startAt = s.now.Add(courierPause + s.backoff(c.fails))
	s.what |= StatusChanged
}

// drop ends the journey.
func (c *backgroundSender) drop(s *Session) {
	if c.conn != nil {
		s.emit(Hangup{c.conn.id})
		c.conn = nil
		s.replan = true
	}
	c.startAt = time.Time{}
}

// nextRoom leaves a server that asks for it. What it has not said to be stored, the
// next journey brings again.
func (c *backgroundSender) nextRoom(s *Session) {
	if c.conn.stage >= joining {
		s.leave(c.conn)
	}
	c.drop(s)
}

// yield makes way for the user, who goes to that room himself.
func (c *backgroundSender) yield(s *Session, room int32) {
	if c.conn != nil && c.room == room {
		c.nextRoom(s)
	}
}

// saw looks for own entries in what the background sender is shown.
func (c *backgroundSender) onOwnEntry(s *Session, e *talk.Entry) {
	if e.Seq <= 0 || !s.outbox.onShown(e) {
		return
	}
	s.what |= StatusChanged
	s.saveDebounced()
	s.replan = true
	s.pump(c.conn)
}
