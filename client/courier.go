package client

import (
	"time"

	"tuitalk/talk"
)

// courier brings entries to rooms that the user has left since posting them.
// A server takes posts only for the room that a connection is in, and the
// user's own must not leave the room that is shown: so the courier has a
// connection and a session of its own, for as long as it takes.
type courier struct {
	line    *line
	session talk.UUID
	room    int32
	startAt time.Time // of the next journey; zero: none is planned
	fails   int
}

// due plans, begins and ends journeys. There are none while the live view is
// not well: first things first.
func (c *courier) due(s *Session) {
	if !s.ready() {
		return
	}
	room, owed := s.outbox.next(s.room)
	switch {
	case c.line != nil:
		if c.line.stage == joined && !s.outbox.owes(c.room) {
			c.goOn(s, room, owed)
		}
	case !owed:
		c.startAt, c.fails = time.Time{}, 0
	case c.startAt.IsZero():
		// The server may be about to say that it has them.
		c.startAt = s.now.Add(courierPause + s.backoff(c.fails))
		s.replan = true
	case reached(c.startAt, s.now):
		c.startAt = time.Time{}
		c.session, c.room = s.rng.uuid(), room
		c.line = s.dial(s.live.server)
		s.replan = true
	}
}

// goOn leaves a room in which nothing is left to do.
func (c *courier) goOn(s *Session, room int32, owed bool) {
	c.fails = 0
	if owed {
		c.room = room
		s.askRoom(c.line)
		return
	}
	s.leave(c.line)
	c.drop(s)
}

// gone notes that the line broke.
func (c *courier) gone(s *Session) {
	c.line = nil
	c.fails++
	c.startAt = s.now.Add(courierPause + s.backoff(c.fails))
	s.what |= StatusChanged
}

// drop ends the journey.
func (c *courier) drop(s *Session) {
	if c.line != nil {
		s.emit(Hangup{c.line.conn})
		c.line = nil
		s.replan = true
	}
	c.startAt = time.Time{}
}

// moveOn leaves a server that asks for it. What it has not said to be stored, the
// next journey brings again.
func (c *courier) moveOn(s *Session) {
	if c.line.stage >= joining {
		s.leave(c.line)
	}
	c.drop(s)
}

// yield makes way for the user, who goes to that room himself.
func (c *courier) yield(s *Session, room int32) {
	if c.line != nil && c.room == room {
		c.moveOn(s)
	}
}

// saw looks for own entries in what the courier is shown.
func (c *courier) saw(s *Session, e *talk.Entry) {
	if e.Seq <= 0 || !s.outbox.saw(e) {
		return
	}
	s.what |= StatusChanged
	s.saveSoon()
	s.replan = true
	s.pump(c.line)
}
