package attack

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// Step is what an attacker does with its connection. An error ends the connection:
// an endedError or refusedError if it was the server's doing.
type Step func(c *conn) error

// steps does one after the other.
func steps(all ...Step) Step {
	return func(c *conn) error {
		for _, s := range all {
			if err := s(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// raw sends bytes; a function, as the handshake differs by target and by time.
func raw(what func(c *conn) string) Step {
	return func(c *conn) error { return c.lost(c.send([]byte(what(c)))) }
}

// lost makes of a write that failed what the server has done.
func (c *conn) lost(err error) error {
	if err == nil {
		return nil
	}
	return c.broken(err)
}

// drip sends bytes one by one, so slowly.
func drip(what func(c *conn) string, every time.Duration) Step {
	return func(c *conn) error {
		for _, b := range []byte(what(c)) {
			if err := c.lost(c.send([]byte{b})); err != nil {
				return err
			}
			if err := c.sleep(every); err != nil {
				return err
			}
		}
		return nil
	}
}

// request asks for the upgrade, and does not look at the answer.
func request(c *conn) string { return c.crowd.target.request("") }

// upgrade makes a proper handshake.
func upgrade(c *conn) error {
	if err := c.lost(c.send([]byte(request(c)))); err != nil {
		return err
	}
	status, err := c.answered()
	switch {
	case errors.Is(err, errNoAnswer):
		return refusedError{"no answer"}
	case err != nil:
		return asRefusal(err)
	case status != http.StatusSwitchingProtocols:
		return refusedError{fmt.Sprintf("HTTP %d", status)}
	}
	return nil
}

// asRefusal: who is closed before he was let in was refused.
func asRefusal(err error) error {
	if e := (endedError{}); errors.As(err, &e) {
		return refusedError(e)
	}
	return err
}

// hello says who one is, as the project's own clients do, and waits for the answer.
func hello(c *conn) error {
	greeting, name, err := c.crowd.greeting()
	if err != nil {
		return err
	}
	c.me.Username = name
	if err := c.lost(c.say(greeting)); err != nil {
		return err
	}
	m, err := c.await("Welcome")
	if errors.Is(err, errNoAnswer) {
		return refusedError{"no Welcome"}
	}
	if err != nil {
		return asRefusal(err)
	}
	switch m := m.(type) {
	case talk.Welcome:
		c.me.UUID = m.UUID
	case talk.Error:
		return refusedError{"Error " + string(m.Code)}
	}
	return nil
}

// identified is a connection that has said Hello.
var identified = steps(upgrade, hello)

// roomOf chooses the room of an attacker.
type roomOf func(c *conn) int32

// Rooms of attackers, apart from each other and from those of people.
const (
	attackRooms = 1_800_000_000 // and so many behind it
	HistoryRoom = 1_799_999_999 // with the history that is fetched
)

func same(room int32) roomOf   { return func(*conn) int32 { return room } }
func ownRoom(c *conn) int32    { return attackRooms + int32(c.n) }
func newRoom(*conn) int32      { return attackRooms + 10_000 + rand.Int32N(1<<20) }
func peopleRoom(c *conn) int32 { return c.crowd.room }
func sharedRooms(n int) roomOf { return func(c *conn) int32 { return attackRooms + int32(c.n%n) } }

// joinMessage asks to be let into a room.
func joinMessage(c *conn, room int32) talk.Message {
	return talk.JoinRoom{RoomID: room, UUID: c.me.UUID, Username: c.me.Username}
}

// join enters a room and waits until it is in.
func join(room roomOf) Step {
	return func(c *conn) error {
		if err := c.lost(c.say(joinMessage(c, room(c)))); err != nil {
			return err
		}
		if c.heard != nil {
			return nil // the listener hears the answer
		}
		m, err := c.await("Joined")
		if e, refused := m.(talk.Error); refused {
			return refusedError{"Error " + string(e.Code)}
		}
		if errors.Is(err, errNoAnswer) {
			return refusedError{"no Joined"}
		}
		return err
	}
}

// say sends one message, whatever comes of it.
func say(message func(c *conn) talk.Message) Step {
	return func(c *conn) error { return c.lost(c.say(message(c))) }
}

// listen reads from now on beside what follows, as good clients do.
func listen(c *conn) error {
	c.heard = make(chan struct{})
	c.crowd.listeners.Go(func() {
		defer close(c.heard)
		for {
			if _, err := c.next(); err != nil {
				c.ending = err
				return
			}
		}
	})
	return nil
}

// hold keeps the connection, reading nothing unless somebody listens, until the
// server ends it.
func hold(c *conn) error { return c.rest(maxLasts) }

// rest is sleep for who does not read, and learns from the kernel alone that the
// server has ended the connection.
func (c *conn) rest(d time.Duration) error {
	for until := time.Now().Add(d); ; {
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		if err := c.sleep(min(left, 250*time.Millisecond)); err != nil {
			return err
		}
		if c.heard == nil && !c.established() {
			return endedError{unread}
		}
	}
}

// unread is how a connection ends whose end nobody has read.
const unread = "closed unread"

// readSlowly takes so many bytes at a time, and no more.
func readSlowly(bytes int, every time.Duration) Step {
	return func(c *conn) error {
		for {
			_ = c.SetReadDeadline(time.Now().Add(every)) // as in await
			_, err := io.CopyN(io.Discard, c.r, int64(bytes))
			if err != nil && !isTimeout(err) {
				return c.broken(err)
			}
			if err := c.rest(every); err != nil {
				return err
			}
		}
	}
}

// flooding is how often a flood writes.
const flooding = 100 * time.Millisecond

// flood sends so many frames a second until the end.
func flood(perSecond float64, frame func(c *conn, dst []byte) []byte) Step {
	return func(c *conn) error {
		begun, sent := time.Now(), 0
		var batch []byte
		for {
			due := int(math.Ceil(time.Since(begun).Seconds()*perSecond)) + 1
			batch = batch[:0]
			n := 0
			for ; sent < due && n < 200; n++ {
				batch = frame(c, batch)
				sent++
			}
			if err := c.lost(c.send(batch)); err != nil {
				return err
			}
			c.crowd.tally.sent.Add(int64(n))
			if err := c.sleep(max(flooding, time.Duration(float64(time.Second)/perSecond))); err != nil {
				return err
			}
		}
	}
}

// messages floods with what message makes.
func messages(perSecond float64, message func(c *conn) talk.Message) Step {
	return flood(perSecond, func(c *conn, dst []byte) []byte {
		text, err := talk.Append(nil, talk.Extended, message(c))
		if err != nil {
			return dst
		}
		return appendFrame(dst, fin|websocket.OpText, text)
	})
}

// texts floods with frames of bytes as they are.
func texts(perSecond float64, first byte, payload func() []byte) Step {
	return flood(perSecond, func(_ *conn, dst []byte) []byte { return appendFrame(dst, first, payload()) })
}

// mark begins each text of an attacker, by which it is known where it does not belong.
const mark = "attack: "

var longText = mark + strings.Repeat("x", talk.MaxTextBytes-len(mark))

func post(room roomOf, text string) func(c *conn) talk.Message {
	return func(c *conn) talk.Message {
		return talk.Entry{Kind: talk.KindPosted, RoomID: room(c), Author: c.me.UUID, Name: c.me.Username, Text: text, ID: randomID()}
	}
}

func randomID() talk.UUID {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	return talk.MakeUUID(4, b)
}

// fetch asks for the history that was made for it, by seq.
func fetch(limit int64) func(c *conn) talk.Message {
	return func(*conn) talk.Message {
		return talk.Fetch{RoomID: HistoryRoom, Limit: limit, BeforeSeq: math.MaxInt32}
	}
}

// fetchByTime asks for what was in the newest second, which is dense.
func fetchByTime(*conn) talk.Message {
	return talk.Fetch{RoomID: HistoryRoom, Limit: 1, FetchBefore: math.MaxInt32}
}

// times does a step so often.
func times(n int, s Step) Step {
	return func(c *conn) error {
		for range n {
			if err := s(c); err != nil {
				return err
			}
		}
		return nil
	}
}

// every does a step again and again.
func every(pause time.Duration, s Step) Step {
	return func(c *conn) error {
		for {
			if err := s(c); err != nil {
				return err
			}
			if err := c.sleep(pause); err != nil {
				return err
			}
		}
	}
}

// abort resets the connection.
func abort(c *conn) error {
	c.reset()
	return errDone
}

// errDone ends a connection by the attacker's own will.
var errDone = errors.New("done")

// shut says that nothing more will be sent, and keeps the connection.
func shut(c *conn) error { return c.lost(c.tcp.CloseWrite()) }

// page asks for the largest file of the browser client, as it is stored largest.
func page(c *conn) string {
	return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", c.crowd.target.Page, c.crowd.target.Host)
}

// readAll reads an HTTP answer to its end.
func readAll(c *conn) error {
	status, err := c.answered()
	if err != nil {
		return asRefusal(err)
	}
	c.crowd.tally.answer(fmt.Sprintf("HTTP %d", status))
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		return c.broken(err)
	}
	return errDone
}

// findPage finds the largest file that the page at / loads: what costs a server most.
func findPage(body []byte) string {
	const ext = ".wasm"
	i := bytes.Index(body, []byte(ext))
	if i < 0 {
		return "/"
	}
	from := bytes.LastIndexAny(body[:i], "\"'=( ") + 1
	return "/" + strings.TrimLeft(string(body[from:i+len(ext)]), "./")
}

// fetchPage gets a file as a browser would, without compression.
func (c *conn) fetchPage(path string) ([]byte, error) {
	ask := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", path, c.crowd.target.Host)
	if err := c.send([]byte(ask)); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c.r), nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
