package recorder

import (
	"slices"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// ask is a join or a fetch that is not answered.
type ask struct {
	number int64
	conn   client.ConnID
	room   int32
	fetch  bool
	before int64 // of a fetch
}

// maxAsks is how many may be unanswered: a session has far fewer.
const maxAsks = 64

// Said notes what the session sends over a connection. Only what must be answered is
// written down, and which session it says that it is: what brings messages to rooms that
// the user has left has others.
func (c *Client) Said(now time.Time, conn client.ConnID, m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		if m.Session != c.named && m.Session == c.session.State().Session {
			c.named = m.Session
			c.note(now, checker.Event{Verb: checker.Session, ID: m.Session})
		}
	case talk.JoinRoom:
		c.asked(now, ask{conn: conn, room: m.RoomID})
	case talk.Fetch:
		c.asked(now, ask{conn: conn, room: m.RoomID, fetch: true, before: m.BeforeSeq})
	}
}

func (c *Client) asked(now time.Time, a ask) {
	if c.ended || len(c.asks) >= maxAsks {
		return
	}
	c.questions++
	a.number = c.questions
	c.asks = append(c.asks, a)
	c.note(now, checker.Event{Verb: checker.Asked, Room: a.room, Seq: a.number, Flag: a.fetch})
}

// answered notes that a frame is the answer to the oldest question that it can
// answer. An error that is about no message may be about any.
func (c *Client) answered(now time.Time, conn client.ConnID, frame talk.Message) {
	var fit func(a ask) bool
	switch m := frame.(type) {
	case talk.Joined:
		fit = func(a ask) bool { return !a.fetch && a.room == m.RoomID }
	case talk.History:
		if m.More {
			return
		}
		fit = func(a ask) bool { return a.fetch && a.room == m.RoomID && a.before == m.BeforeSeq }
	case talk.Error:
		if !m.ID.IsZero() {
			return
		}
		fit = func(ask) bool { return true }
	default:
		return
	}
	i := slices.IndexFunc(c.asks, func(a ask) bool { return a.conn == conn && fit(a) })
	if i < 0 || c.ended {
		return
	}
	number := c.asks[i].number
	c.asks = slices.Delete(c.asks, i, i+1)
	c.note(now, checker.Event{Verb: checker.Answered, Seq: number})
}

// HungUp notes that the session wants a connection no longer.
func (c *Client) HungUp(now time.Time, conn client.ConnID) { c.dropped(now, conn, true) }

// dropped notes the end of a connection on which something was not answered.
func (c *Client) dropped(now time.Time, conn client.ConnID, self bool) {
	for _, a := range c.asks {
		if a.conn == conn && !c.ended {
			c.note(now, checker.Event{Verb: checker.Dropped, Seq: a.number, Flag: self})
		}
	}
	c.asks = slices.DeleteFunc(c.asks, func(a ask) bool { return a.conn == conn })
}

// note writes one event.
func (c *Client) note(now time.Time, e checker.Event) {
	if c.ended {
		return
	}
	w := &note{c.rec.begin(), c, checker.Micro(now)}
	defer w.finish()
	w.event(e)
}

// Dialer is inner, with what goes over its connections noted: for a session that has a
// client.Driver. It belongs to the goroutine that owns the driver.
func (c *Client) Dialer(inner client.Dialer) client.Dialer { return dialer{c, inner} }

type dialer struct {
	c     *Client
	inner client.Dialer
}

type line struct {
	client.Line
	c    *Client
	conn client.ConnID
}

var (
	_ client.Dialer = dialer{}
	_ client.Line   = line{}
)

func (d dialer) Dial(conn client.ConnID, url string, deliver func(client.Event)) client.Line {
	return line{d.inner.Dial(conn, url, deliver), d.c, conn}
}

func (l line) Send(m talk.Message) error {
	l.c.Said(time.Now(), l.conn, m)
	return l.Line.Send(m)
}

func (l line) Close() {
	l.c.HungUp(time.Now(), l.conn)
	l.Line.Close()
}
