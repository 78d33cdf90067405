//go:build integration

package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	"tuitalk/talk"
)

// double stands in for a gateway, in memory: it speaks the extended form as far as
// the generator needs it, and spoils one delivery in a hundred thousand. Without a
// spoiler it is faithful.
//
// A goroutine accepts, and each connection has one that reads and one that writes
// what is queued; close waits for all of them.
type double struct {
	listener net.Listener
	spoil    spoiler
	turn     int // the delivery that is spoilt
	all      sync.WaitGroup

	mu         sync.Mutex // guards what follows, rooms and seats
	stop       bool
	seats      map[*seat]bool
	rooms      map[int32]*doubleRoom
	deliveries int  // of messages to members
	comings    int  // that members were told of
	armed      bool // the next message is spoilt instead of a delivery
	spoilt     int
}

// seat is the double's side of one connection.
type seat struct {
	d     *double
	conn  net.Conn
	user  talk.UUID
	name  string
	in    *doubleRoom
	queue []byte        // to be written
	wake  chan struct{} // there is something in it; closed: nothing more comes

	held []byte      // a frame that comes behind the next one
	late bool        // every frame comes only behind the next one
	wish *talk.Entry // a message that is taken behind the next one
}

func startDouble(t *testing.T, s spoiler) *double {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &double{listener: l, spoil: s, turn: spoiltScale().turn, seats: map[*seat]bool{}, rooms: map[int32]*doubleRoom{}}
	d.all.Go(d.accept)
	t.Cleanup(d.close)
	return d
}

func (d *double) url() string { return "ws://" + d.listener.Addr().String() + "/ws" }

// counts tells of how many deliveries how many were spoilt.
func (d *double) counts() (deliveries, spoilt int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.deliveries, d.spoilt
}

func (d *double) close() {
	_ = d.listener.Close()
	d.mu.Lock()
	d.stop = true
	for s := range d.seats {
		_ = s.conn.Close()
	}
	d.mu.Unlock()
	d.all.Wait()
}

func (d *double) accept() {
	for {
		c, err := d.listener.Accept()
		if err != nil {
			return
		}
		s := &seat{d: d, conn: c, wake: make(chan struct{}, 1)}
		d.mu.Lock()
		if d.stop {
			_ = c.Close()
		}
		d.seats[s] = true
		d.mu.Unlock()
		d.all.Go(s.serve)
	}
}

// serve reads until the connection ends.
func (s *seat) serve() {
	s.d.all.Go(s.write)
	defer s.leave()
	in := bufio.NewReader(s.conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	s.d.mu.Lock()
	s.put([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	s.d.mu.Unlock()
	for {
		head, payload, err := readMasked(in)
		if err != nil {
			return
		}
		s.d.mu.Lock()
		if head == wsBinary {
			var m talk.Message
			if m, err = talk.Decode(talk.ExtendedBincode, payload); err == nil {
				s.handle(m)
			}
		} else {
			err = errors.New("it hangs up, or speaks something else")
			s.put(appendFrame(nil, head, payload)) // which is how a close is answered
		}
		s.d.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// write writes what is queued, as much at once as there is.
func (s *seat) write() {
	defer s.conn.Close()
	var spare []byte
	for open := true; open; {
		_, open = <-s.wake
		s.d.mu.Lock()
		out := s.queue
		s.queue = spare[:0]
		s.d.mu.Unlock()
		if _, err := s.conn.Write(out); err != nil {
			return
		}
		spare = out
	}
}

// leave ends a seat of which nothing comes any more.
func (s *seat) leave() {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	s.quit()
	delete(s.d.seats, s)
	close(s.wake)
}

// put queues bytes. Call with mu held.
func (s *seat) put(b []byte) {
	s.queue = append(s.queue, b...)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// tell sends a message.
func (s *seat) tell(m talk.Message) { s.put(frameOf(m)) }

// wsBinary is the first byte of a binary frame that is whole.
const wsBinary = 0x82

func frameOf(m talk.Message) []byte {
	payload, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		panic(err) // the double's own message
	}
	return appendFrame(nil, wsBinary, payload)
}

func appendFrame(dst []byte, head byte, payload []byte) []byte {
	dst = append(dst, head)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// readMasked reads a client's frame, which is whole and has up to 64 KiB.
func readMasked(in *bufio.Reader) (head byte, payload []byte, err error) {
	var b [8]byte
	if _, err := io.ReadFull(in, b[:2]); err != nil {
		return 0, nil, err
	}
	head = b[0]
	n := int(b[1] & 0x7f)
	switch n {
	case 126:
		if _, err := io.ReadFull(in, b[:2]); err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint16(b[:]))
	case 127:
		return 0, nil, errors.New("a long frame")
	}
	if _, err := io.ReadFull(in, b[:4]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(in, payload)
	for i := range payload {
		payload[i] ^= b[i&3]
	}
	return head, payload, err
}
