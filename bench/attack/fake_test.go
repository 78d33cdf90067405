package attack

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tuitalk/bench/tlsconfig"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// fake is a server that does what a good client needs, trusts everybody, and checks
// nothing: what an attack gets from it is known.
type fake struct {
	t      *testing.T
	listen net.Listener
	mute   bool // it takes connections and says nothing
	gives  talk.UUID

	wg    sync.WaitGroup
	mu    sync.Mutex
	conns map[net.Conn]*fakeConn
	heads map[int32]int64
	most  int
	taken int
	stuck bool // messages are not answered any more
}

type fakeConn struct {
	net.Conn
	me   talk.UUID
	room int32 // guarded by the fake's mu

	mu    sync.Mutex
	news  sync.Cond
	queue []byte // what was said and is not written yet
	over  bool
}

func newFake(t *testing.T, change ...func(*fake)) *fake {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, listen: l, conns: map[net.Conn]*fakeConn{}, heads: map[int32]int64{}}
	for _, c := range change {
		c(f)
	}
	f.wg.Go(f.accept)
	t.Cleanup(func() {
		l.Close()
		f.mu.Lock()
		for c := range f.conns {
			c.Close()
		}
		f.mu.Unlock()
		f.wg.Wait()
	})
	return f
}

func (f *fake) target() *Target {
	f.t.Helper()
	target, err := FindTarget("ws://"+f.listen.Addr().String()+"/ws", &tlsconfig.Policy{})
	if err != nil {
		f.t.Fatal(err)
	}
	return target
}

func (f *fake) open() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.conns)
}

func (f *fake) accept() {
	for {
		c, err := f.listen.Accept()
		if err != nil {
			return
		}
		one := &fakeConn{Conn: c}
		one.news.L = &one.mu
		f.wg.Go(one.write)
		f.mu.Lock()
		f.conns[c] = one
		f.taken++
		f.most = max(f.most, len(f.conns))
		f.mu.Unlock()
		f.wg.Go(func() {
			f.serve(one)
			c.Close()
			one.end()
			f.mu.Lock()
			delete(f.conns, c)
			f.mu.Unlock()
		})
	}
}

func (f *fake) serve(c *fakeConn) {
	r := bufio.NewReader(c)
	if f.mute {
		for {
			if _, err := r.ReadByte(); err != nil {
				return
			}
		}
	}
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if req.URL.Path != "/ws" {
		body := strings.Repeat("w", 100_000)
		if req.URL.Path == "/" {
			body = `<link href="/app.wasm">`
		}
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
		return
	}
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		websocket.Accept(req.Header.Get("Sec-WebSocket-Key")))
	for {
		opcode, text, err := readClient(r)
		if err != nil {
			return
		}
		if opcode == websocket.OpClose {
			c.send(opcode, text)
			continue
		}
		f.mu.Lock()
		stuck := f.stuck
		f.mu.Unlock()
		if m, err := talk.Decode(talk.Extended, text); err == nil && !stuck {
			f.answer(c, m)
		}
	}
}

// readClient reads a frame of a client.
func readClient(r *bufio.Reader) (opcode byte, text []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	opcode = head[0] & 0xf
	size := uint64(head[1] & 0x7f)
	if wide := map[uint64]int{126: 2, 127: 8}[size]; wide > 0 {
		clear(head[:])
		if _, err := io.ReadFull(r, head[8-wide:]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[:])
	}
	if size > 1<<20 {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	var key [4]byte
	if _, err := io.ReadFull(r, key[:]); err != nil {
		return 0, nil, err
	}
	text = make([]byte, size)
	_, err = io.ReadFull(r, text)
	for i := range text {
		text[i] ^= key[i&3]
	}
	return opcode, text, err
}

func (c *fakeConn) say(m talk.Message) {
	text, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		return
	}
	c.send(websocket.OpText, text)
}

func (c *fakeConn) send(opcode byte, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue = append(websocket.AppendHeader(c.queue, opcode, len(payload)), payload...)
	c.news.Signal()
}

// write writes what is said, in the order in which it is said, so that nobody who
// does not read holds up anybody else.
func (c *fakeConn) write() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over {
		if len(c.queue) == 0 {
			c.news.Wait()
			continue
		}
		b := c.queue
		c.queue = nil
		c.mu.Unlock()
		_, _ = c.Write(b) // who has gone away hears nothing
		c.mu.Lock()
	}
}

func (c *fakeConn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.news.Signal()
}

func (f *fake) answer(c *fakeConn, m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		c.me = f.gives
		if c.me.IsZero() {
			c.me = m.Secret.UUID()
		}
		c.say(talk.Welcome{UUID: c.me, Server: "fake", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		f.mu.Lock()
		defer f.mu.Unlock() // until it is said: an entry that comes now is behind it
		c.room = m.RoomID
		head := f.heads[m.RoomID]
		c.say(talk.Joined{RoomID: m.RoomID, HeadSeq: head, AfterSeq: head, MemberCount: 1, Members: []talk.Member{{UUID: c.me, Username: m.Username}}})
	case talk.Entry:
		f.post(c, m)
	case talk.Fetch:
		c.say(talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: true})
	case talk.Ping:
		c.say(talk.Pong(m))
	}
}

// post shows an entry to all who are in its room, to each of them in the order of seq.
func (f *fake) post(c *fakeConn, e talk.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heads[e.RoomID]++
	e.Seq, e.UnixTime = f.heads[e.RoomID], 1_700_000_000
	for _, one := range f.conns {
		if one.room == e.RoomID && len(e.Text) < 1000 { // else nobody reads it here
			one.say(e)
		}
	}
	c.say(talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: e.Seq})
}
