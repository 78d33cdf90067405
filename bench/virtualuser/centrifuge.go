package virtualuser

import (
	"bytes"
	"strconv"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// centrifuge speaks the JSON protocol of github.com/centrifugal/centrifuge: a
// room is the channel "room:" and its number, a message is published with the
// fields that a PostMessage has. Where the channel has a history it goes on behind
// what it was shown, else it loses what is said while it has no connection. What it
// published on a connection that broke counts as refused if no answer came: to repeat
// it might double it.
type centrifuge struct {
	dialling // joined: it is subscribed to p.room
	me       talk.UUID

	// the channel
	wanted int32 // the room it wants to be in
	epoch  string

	commands uint32 // of the connection
	waiting  []centrifugePost
	flying   []centrifugePost
}

type centrifugePost struct {
	id      talk.UUID
	text    string
	command uint32
}

var _ protocol = (*centrifuge)(nil)

// The commands that come first on a connection, and once on it unless rooms change.
const (
	commandConnect = 1 + iota
	commandSubscribe
)

func newCentrifuge(p *user, servers []string, seed uint64) *centrifuge {
	return &centrifuge{dialling: newDialling(p, servers, seed, 1<<44), wanted: p.room}
}

func (c *centrifuge) start() {
	c.me = c.p.loop.uuid()
	c.dial()
}

func (c *centrifuge) dial() {
	c.next()
	c.p.wakeAt(c.deadline)
}

func (c *centrifuge) tick() {
	now := c.p.loop.now
	switch {
	case reached(c.dialAt, now):
		c.dial()
	case reached(c.deadline, now):
		c.p.loop.fault(c.line.silence())
		c.p.hangup(c.line)
		c.gone()
	}
}

func (c *centrifuge) closed(l *connection, _ int, _ string) {
	if l == c.line {
		c.gone()
	}
}

// gone gives up what was under way and plans the next connection.
func (c *centrifuge) gone() {
	c.lost()
	c.p.serves("")
	for _, post := range c.flying {
		c.p.refused(post.id)
	}
	c.flying = nil
	c.p.wakeAt(c.dialAt)
}

// command sends {"id":ID,"METHOD":BODY}.
func (c *centrifuge) command(id uint32, method string, body func([]byte) []byte) {
	b := strconv.AppendUint([]byte(`{"id":`), uint64(id), 10)
	b = append(append(append(b, `,"`...), method...), `":`...)
	c.p.loop.write(c.line, websocket.OpText, append(body(b), '}'))
}

func (c *centrifuge) opened(*connection) {
	c.commands, c.deadline = commandSubscribe, c.p.loop.now.Add(wireJoin)
	c.p.wakeAt(c.deadline)
	c.command(commandConnect, "connect", func(b []byte) []byte { return append(b, `{}`...) })
	c.p.loop.flush()
}

// subscribe asks for the channel, behind what was shown of it if that can be.
func (c *centrifuge) subscribe() {
	if c.p.room != c.wanted {
		c.p.room, c.p.last, c.epoch = c.wanted, 0, ""
	}
	c.command(commandSubscribe, "subscribe", func(b []byte) []byte {
		b = c.channel(b)
		if c.epoch != "" {
			b = append(append(append(b, `,"recover":true,"epoch":"`...), c.epoch...), `","offset":`...)
			b = strconv.AppendInt(b, c.p.last, 10)
		}
		return append(b, '}')
	})
}

// channel begins a body with the channel's name.
func (c *centrifuge) channel(b []byte) []byte {
	return append(strconv.AppendInt(append(b, `{"channel":"room:`...), int64(c.p.room), 10), '"')
}

// message takes a frame: replies and pushes, each on a line of its own.
func (c *centrifuge) message(l *connection, opcode byte, payload []byte) {
	for reply := range bytes.SplitSeq(payload, []byte{'\n'}) {
		if l != c.line || opcode != websocket.OpText {
			break
		}
		switch {
		case bytes.HasPrefix(reply, []byte(`{"push":{"channel":`)):
			c.push(reply)
		case bytes.Equal(reply, []byte(`{}`)): // asks whether the connection is alive
			c.p.loop.write(l, websocket.OpText, reply)
		case len(reply) > 0:
			c.reply(reply)
		}
	}
	c.p.loop.flush()
}

// push looks for the stamp and the offset, and at nothing else: it is what comes
// most. Keys have quotes, which within a text are escaped.
func (c *centrifuge) push(push []byte) {
	_, text, ok := bytes.Cut(push, []byte(`"text":"`))
	if !ok || !c.joined {
		return
	}
	offset := c.p.last + 1
	if at := bytes.LastIndex(push, []byte(`,"offset":`)); at >= 0 {
		offset = 0
		for _, digit := range push[at+len(`,"offset":`):] {
			if digit < '0' || digit > '9' {
				break
			}
			offset = 10*offset + int64(digit-'0')
		}
		if offset <= c.p.last {
			return
		}
	}
	c.shows(offset, text)
}

func (c *centrifuge) shows(offset int64, text []byte) {
	if st, ok := readStamp(string(text[:min(stampSize, len(text))])); ok {
		c.p.shows(offset, &st)
		return
	}
	c.p.shows(offset, nil)
}

func (c *centrifuge) post(id talk.UUID, text string) bool {
	if c.outbox() >= wireUnsent {
		return false
	}
	c.waiting = append(c.waiting, centrifugePost{id: id, text: text})
	c.pump()
	c.p.loop.flush()
	return true
}

// pump publishes what waits for the connection.
func (c *centrifuge) pump() {
	if !c.joined {
		return
	}
	for _, post := range c.waiting {
		c.commands++
		post.command = c.commands
		c.flying = append(c.flying, post)
		entry := talk.Entry{Kind: talk.KindPosted, RoomID: c.p.room, Author: c.me, Name: c.p.name(), Text: post.text, ID: post.id}
		c.command(post.command, "publish", func(b []byte) []byte { return c.publication(c.channel(b), &entry) })
	}
	c.waiting = c.waiting[:0]
}

// publication ends the body of a publish with the inner object of a PostMessage.
func (c *centrifuge) publication(b []byte, e *talk.Entry) []byte {
	const before, behind = `{"PostMessage":{"message":`, `}}`
	c.p.loop.payload = talk.AppendEntry(c.p.loop.payload[:0], talk.Extended, e)
	data := c.p.loop.payload[len(before) : len(c.p.loop.payload)-len(behind)]
	return append(append(append(b, `,"data":`...), data...), '}')
}

// enter goes to another room as soon as nothing of its own is under way.
func (c *centrifuge) enter(room int32) {
	c.wanted = room
	c.moveOn()
	c.p.loop.flush()
}

func (c *centrifuge) moveOn() {
	if !c.joined || c.wanted == c.p.room || c.outbox() > 0 {
		return
	}
	c.joined = false
	c.commands++
	c.command(c.commands, "unsubscribe", func(b []byte) []byte { return append(c.channel(b), '}') })
	c.subscribe()
}

// rename: a name is no matter of the peers that speak this.
func (c *centrifuge) rename(string) {}

// fetch: the peers that speak this keep their history to themselves.
func (c *centrifuge) fetch(int) { c.p.loop.fault("clients of centrifuge load no history") }

func (c *centrifuge) quit(bool) {}

func (c *centrifuge) behind(head int64) int { return c.p.behind(head) }

func (c *centrifuge) outbox() int { return len(c.waiting) + len(c.flying) }

func (c *centrifuge) end() {}
