package recorder

import (
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// stream is what a server sends of a room over one connection: what is behind base, each
// entry once, ascending, without a hole.
type stream struct {
	conn       client.ConnID
	room       int32
	base, last int64
}

const (
	maxStreams = 16      // a session has fewer connections that are joined
	maxSeq     = 1 << 60 // as of a recording
)

// Overheard notes a frame that came behind the one for which the session has hung
// up. It is not told the session, but tells whether what was missing came late.
func (c *Client) Overheard(now time.Time, conn client.ConnID, frame talk.Message) {
	c.follow(now, conn, frame)
	c.answered(now, conn, frame)
}

// follow notes what strays on a connection.
func (c *Client) follow(now time.Time, conn client.ConnID, frame talk.Message) {
	switch m := frame.(type) {
	case talk.Joined:
		c.begin(stream{conn, m.RoomID, m.AfterSeq, m.AfterSeq})
		c.listed(now, &m)
	case talk.Presence:
		c.counted(now, m.RoomID, m.MemberCount)
	case talk.History:
		c.leakedOld(now, &m)
	case talk.Gap:
		if s := c.streamOf(conn, m.RoomID); s != nil {
			s.last = max(s.last, m.To)
		}
	case talk.Entry:
		s := c.streamOf(conn, m.RoomID)
		if s == nil {
			c.leaked(now, conn, &m)
		}
		switch {
		case s == nil || m.Pending || m.Seq <= 0 || m.Seq > maxSeq:
		case m.Seq == s.last+1:
			s.last = m.Seq
		default:
			c.strayed(now, s, &m)
			s.last = max(s.last, m.Seq)
		}
	}
}

// begin begins the stream of a connection, which ends the one before.
func (c *Client) begin(s stream) {
	if c.strays == s.conn {
		c.strays = 0
	}
	for i := range c.streams {
		if c.streams[i].conn == s.conn {
			c.streams[i] = s
			return
		}
	}
	if len(c.streams) == maxStreams {
		c.unknown = max(c.unknown, c.streams[0].conn)
		c.streams = append(c.streams[:0], c.streams[1:]...)
	}
	c.streams = append(c.streams, s)
}

// streamOf finds the stream of a connection; nil if the connection is not in the room.
func (c *Client) streamOf(conn client.ConnID, room int32) *stream {
	for i := range c.streams {
		if s := &c.streams[i]; s.conn == conn && s.room == room {
			return s
		}
	}
	return nil
}

// leaked notes an entry of a room that a connection is not in. Of connections that joined so many
// others ago nothing is known any more.
func (c *Client) leaked(now time.Time, conn client.ConnID, e *talk.Entry) {
	if conn <= c.unknown {
		return
	}
	leak := checker.Event{Verb: checker.Leaked, Flag: true}
	for i := range c.streams {
		if c.streams[i].conn == conn {
			leak.Flag, leak.Room = false, c.streams[i].room
		}
	}
	c.noteEntry(now, leak, e)
}

// leakedOld notes entries in an answer that are not of the room that was asked for.
func (c *Client) leakedOld(now time.Time, m *talk.History) {
	for i := range m.Text {
		if e, ok := m.Text[i].(talk.Entry); ok && e.RoomID != m.RoomID {
			c.noteEntry(now, checker.Event{Verb: checker.Leaked, Room: m.RoomID}, &e)
		}
	}
}

func (c *Client) noteEntry(now time.Time, e checker.Event, entry *talk.Entry) {
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	known := *entry
	known.Seq = min(max(known.Seq, 0), maxSeq)
	e.Entry = w.Entry(checker.EntryOf(&known))
	w.event(e)
}

func (c *Client) strayed(now time.Time, s *stream, e *talk.Entry) {
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	inside := func(seq int64) int64 { return min(max(seq, 0), maxSeq) }
	if c.strays != s.conn {
		c.strays = s.conn
		w.event(checker.Event{Verb: checker.Streams, Room: s.room, Seq: inside(s.base)})
	}
	w.event(checker.Event{Verb: checker.Strayed, Seq: inside(s.last), Entry: w.Entry(checker.EntryOf(e))})
}
