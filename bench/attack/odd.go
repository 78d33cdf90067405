package attack

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// oddHead is a handshake that must not be taken. In head, HOST is the target's host,
// PATH its path and KEY a good key.
type oddHead struct {
	name, head string
	pieces     bool // it is sent in small pieces, so that it does not come at once
}

const (
	asks  = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
	good  = asks + "Sec-WebSocket-Key: KEY\r\n"
	start = "GET PATH HTTP/1.1\r\n"
	host  = "Host: HOST\r\n"
)

var (
	largeHeaders = start + host + good + strings.Repeat("X-Large: "+strings.Repeat("a", 991)+"\r\n", 60) + "\r\n"

	oddHandshakes = []oddHead{
		{name: "60 KB of headers at once", head: largeHeaders},
		{name: "60 KB of headers in pieces", head: largeHeaders, pieces: true},
		{name: "without Host", head: start + good + "\r\n"},
		{name: "two Hosts", head: start + host + "Host: other.example\r\n" + good + "\r\n"},
		{name: "HTTP/1.0", head: "GET PATH HTTP/1.0\r\n" + host + good + "\r\n"},
		{name: "HTTP/2.0", head: "GET PATH HTTP/2.0\r\n" + host + good + "\r\n"},
		{name: "POST", head: "POST PATH HTTP/1.1\r\n" + host + good + "\r\n"},
		{name: "a body", head: start + host + good + "Content-Length: 5\r\n\r\nhello"},
		{name: "a body in chunks", head: start + host + good + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
		{name: "two keys", head: start + host + good + "Sec-WebSocket-Key: KEY\r\n\r\n"},
		{name: "a short key", head: start + host + asks + "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n"},
		{name: "no key", head: start + host + asks + "\r\n"},
		{name: "versions 13 and 8", head: start + host + good + "Sec-WebSocket-Version: 8\r\n\r\n"},
		{name: "version 8", head: start + host + strings.Replace(good, "13", "8", 1) + "\r\n"},
		{name: "no Upgrade", head: start + host + strings.Replace(good, "Upgrade: websocket\r\n", "", 1) + "\r\n"},
		{name: "a NUL in a header", head: start + host + good + "X-Odd: a\x00b\r\n\r\n"},
		{name: "a space in front of a colon", head: start + host + good + "X-Odd : a\r\n\r\n"},
		{name: "a foreign Origin", head: start + host + good + "Origin: https://evil.example\r\n\r\n"},
		{name: "Origin null", head: start + host + good + "Origin: null\r\n\r\n"},
		{name: "Origin javascript:", head: start + host + good + "Origin: javascript://HOST\r\n\r\n"},
		{name: "two Origins", head: start + host + good + "Origin: http://HOST\r\nOrigin: https://evil.example\r\n\r\n"},
		{name: "DNS rebinding (Host and Origin evil.example)", head: start + "Host: evil.example\r\n" + good + "Origin: http://evil.example\r\n\r\n"},
	}
)

// oddHandshake makes one of them.
func oddHandshake(c *conn) error {
	odd := &oddHandshakes[c.n%len(oddHandshakes)]
	t := c.crowd.target
	text := strings.NewReplacer("HOST", t.Host, "PATH", t.Path, "KEY", key()).Replace(odd.head)
	piece := len(text)
	if odd.pieces {
		piece = 2000
	}
	for len(text) > 0 {
		n := min(piece, len(text))
		if err := c.lost(c.send([]byte(text[:n]))); err != nil {
			return asRefusal(err)
		}
		text = text[n:]
		if len(text) > 0 {
			if err := c.sleep(20 * time.Millisecond); err != nil {
				return err
			}
		}
	}
	status, err := c.answered()
	switch {
	case err != nil:
		return asRefusal(err)
	case status == http.StatusSwitchingProtocols:
		c.crowd.tally.breach("a handshake was taken: " + odd.name)
		return errDone
	}
	return refusedError{fmt.Sprintf("HTTP %d", status)}
}

// badFrame is what must end a connection.
type badFrame struct {
	name  string
	bytes func() []byte
}

func frames(all ...[]byte) func() []byte {
	return func() (out []byte) {
		for _, f := range all {
			out = append(out, f...)
		}
		return out
	}
}

func masked(first byte, payload string) []byte { return appendFrame(nil, first, []byte(payload)) }

var brokenFrames = []badFrame{
	{"unmasked", frames([]byte("\x81\x02{}"))},
	{"a reserved bit", frames(masked(fin|rsv1|websocket.OpText, "{}"))},
	{"opcode 3", frames(masked(fin|3, "{}"))},
	{"opcode 11", frames(masked(fin|11, ""))},
	{"a ping of 126 bytes", frames(masked(fin|websocket.OpPing, strings.Repeat("p", 126)))},
	{"a ping in fragments", frames(masked(websocket.OpPing, "p"))},
	{"a continuation of nothing", frames(masked(fin|websocket.OpContinuation, "x"))},
	{"a message within a message", frames(masked(websocket.OpText, "{"), masked(fin|websocket.OpText, "{}"))},
	{"2^63 bytes", frames([]byte("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))},
	{"16 MB", frames(appendHead(nil, fin|websocket.OpText, 16<<20))},
	{"64 KiB and one byte", frames(masked(fin|websocket.OpText, strings.Repeat(" ", talk.MaxFrameBytes+1)))},
	{"64 KiB and more in fragments", frames(masked(websocket.OpText, strings.Repeat(" ", talk.MaxFrameBytes/2)), masked(websocket.OpContinuation, strings.Repeat(" ", talk.MaxFrameBytes/2)), masked(fin|websocket.OpContinuation, "  "))},
	{"no UTF-8", frames(masked(fin|websocket.OpText, "\"\xff\xfe\""))},
	{"a Close of one byte", frames(masked(fin|websocket.OpClose, "x"))},
	{"Close 1005", frames(masked(fin|websocket.OpClose, "\x03\xed"))},
	{"Close with no UTF-8", frames(masked(fin|websocket.OpClose, "\x03\xe8\xff"))},
}

// brokenFrame sends one of them, behind a good Hello, and waits to be thrown out.
func brokenFrame(c *conn) error {
	bad := &brokenFrames[c.n%len(brokenFrames)]
	if err := identified(c); err != nil {
		return err
	}
	c.crowd.tally.sent.Add(1)
	if err := c.lost(c.send(bad.bytes())); err != nil {
		return err
	}
	if err := c.silence(); err != nil {
		return err
	}
	c.crowd.tally.breach("a broken frame was taken: " + bad.name)
	return errDone
}

// thrownOut is how long a server may take to end a connection that broke the rules.
const thrownOut = 3 * time.Second

// silence reads until the server ends the connection, or for thrownOut.
func (c *conn) silence() error {
	_ = c.SetReadDeadline(time.Now().Add(thrownOut)) // as in await
	for {
		switch _, err := c.next(); {
		case isTimeout(err):
			return nil
		case err != nil:
			return err
		}
	}
}

// forgery is a way to be somebody else. VICTIM is that user's UUID.
type forgery struct {
	name    string
	hello   string // ""; else the first message
	bincode bool   // speaks it from the beginning
	own     bool   // says a Hello of its own first
}

// speaks are messages in somebody else's name.
var speaks = []func(victim talk.Member, room int32) talk.Message{
	func(v talk.Member, room int32) talk.Message {
		return talk.JoinRoom{RoomID: room, UUID: v.UUID, Username: v.Username}
	},
	func(v talk.Member, room int32) talk.Message {
		return talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: v.UUID, Name: v.Username, Text: mark + "forged", ID: randomID()}
	},
	func(v talk.Member, _ int32) talk.Message {
		return talk.ChangeName{UUID: v.UUID, Username: "forged", OldUsername: v.Username, ID: randomID()}
	},
	func(v talk.Member, room int32) talk.Message {
		return talk.LeaveRoom{RoomID: room, UUID: v.UUID, Username: v.Username}
	},
}

var forgeries = []forgery{
	{name: "Hello with the uuid alone", hello: `{"Hello":{"client":"forger","uuid":"VICTIM"}}`},
	{name: "Hello with an empty proof", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","token":"","secret":null}}`},
	{name: "Hello with a made-up token", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","token":"k1.c2VjcmV0"}}`},
	{name: "Hello with the uuid as the secret", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","token":"VICTIM","secret":"DIGITSDIGITS"}}`},
	{name: "Hello with the uuid beside a secret of its own", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","secret":"` + strings.Repeat("5a", 32) + `"}}`},
	{name: "Hello with a secret of zeros", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","secret":"` + strings.Repeat("0", 64) + `"}}`},
	{name: "Hello with a secret of another length", hello: `{"Hello":{"client":"forger","uuid":"VICTIM","secret":"` + strings.Repeat("A", 2000) + `"}}`},
	{name: "JoinRoom of the original in bincode with the uuid", bincode: true},
	{name: "JoinRoom of the original with the uuid", hello: `{"JoinRoom":{"room_id":ROOM,"uuid":"VICTIM","username":"NAME","unixtime":0}}`},
	{name: "JoinRoom of the original with the uuid in capitals", hello: `{"JoinRoom":{"room_id":ROOM,"uuid":"CAPITALS","username":"NAME","unixtime":0}}`},
	{name: "a Hello of its own, then the uuid in each message", own: true},
}

// forge tries one of them, and speaks in the victim's name whatever the answer is.
func forge(c *conn) error {
	f, victim := &forgeries[c.n%len(forgeries)], c.crowd.victim
	if f.own {
		if err := identified(c); err != nil {
			return err
		}
	} else if err := c.introduce(f, victim); err != nil {
		return err
	}
	for _, speak := range speaks {
		m := speak(victim, c.crowd.room)
		if !f.bincode {
			if err := c.lost(c.say(m)); err != nil {
				return err
			}
			continue
		}
		data, err := talk.Append(nil, talk.Bincode, m)
		if err != nil {
			return err
		}
		if err := c.lost(c.frame(fin|websocket.OpBinary, data)); err != nil {
			return err
		}
	}
	return c.silence()
}

// introduce says the first message of a forgery and hears what comes of it.
func (c *conn) introduce(f *forgery, victim talk.Member) error {
	if err := upgrade(c); err != nil || f.bincode {
		return err
	}
	id := victim.UUID.String()
	text := strings.NewReplacer("VICTIM", id, "CAPITALS", strings.ToUpper(id), "DIGITS", strings.ReplaceAll(id, "-", ""), "NAME", victim.Username,
		"ROOM", fmt.Sprint(c.crowd.room)).Replace(f.hello)
	if err := c.lost(c.frame(fin|websocket.OpText, []byte(text))); err != nil {
		return err
	}
	if !strings.HasPrefix(f.hello, `{"Hello"`) {
		return nil
	}
	m, err := c.await("Welcome")
	if err != nil && !errors.Is(err, errNoAnswer) {
		return err
	}
	if w, ok := m.(talk.Welcome); ok && w.UUID == victim.UUID {
		c.crowd.tally.breach("somebody else was welcomed as one of the people: " + f.name)
	}
	return nil
}
