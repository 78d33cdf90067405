package virtualuser

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"tuitalk/talk"
	"tuitalk/websocket"
)

// fakeServer speaks just enough of the extended form, and hands each message on
// to everybody a known time after it was intended.
type fakeServer struct {
	t        *testing.T
	listener net.Listener
	delay    func(room int32) time.Duration
	running  sync.WaitGroup // of conns
	rest     sync.WaitGroup // of rooms

	mu    sync.Mutex
	conns []net.Conn
	rooms map[int32]*fakeRoom
	twice bool            // everything is written twice
	stall [2]time.Time    // nothing is delivered between them
	truth []time.Duration // from the intended time to each write
}

type fakeRoom struct {
	seq     int64
	members []net.Conn
	due     chan delivery
}

// delivery is a message and when everybody shall have it.
type delivery struct {
	at       time.Time
	intended time.Time
	frame    []byte
}

func startFake(t *testing.T, delay func(room int32) time.Duration) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{t: t, listener: listener, delay: delay, rooms: map[int32]*fakeRoom{}}
	f.running.Go(f.accept)
	t.Cleanup(func() {
		listener.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			c.Close()
		}
		f.mu.Unlock()
		f.running.Wait()
		for _, r := range f.rooms {
			close(r.due)
		}
		f.rest.Wait()
	})
	return f
}

func (f *fakeServer) url() string { return "ws://" + f.listener.Addr().String() + "/ws" }

func (f *fakeServer) accept() {
	for {
		c, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.conns = append(f.conns, c)
		f.mu.Unlock()
		f.running.Go(func() {
			defer c.Close()
			f.serve(c)
		})
	}
}

func (f *fakeServer) serve(c net.Conn) {
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	for {
		payload, err := readMasked(in)
		if err != nil {
			return
		}
		m, err := talk.Decode(talk.ExtendedBincode, payload)
		if err == nil {
			f.handle(c, m)
		}
	}
}

// readMasked reads a client's frame; control frames as nothing.
func readMasked(in *bufio.Reader) ([]byte, error) {
	head := make([]byte, 2, 8)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, err
	}
	n := int(head[1] & 0x7f)
	if n == 126 {
		head = head[:4]
		if _, err := io.ReadFull(in, head[2:]); err != nil {
			return nil, err
		}
		n = int(binary.BigEndian.Uint16(head[2:]))
	}
	body := make([]byte, 4+n)
	if _, err := io.ReadFull(in, body); err != nil {
		return nil, err
	}
	websocket.Mask(body[4:], binary.LittleEndian.Uint32(body))
	return body[4:], nil
}

func (f *fakeServer) handle(c net.Conn, m talk.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m := m.(type) {
	case talk.Hello:
		f.write(c, talk.Welcome{UUID: m.Secret.UUID(), Server: "fake", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		r := f.room(m.RoomID)
		r.members = append(r.members, c)
		f.write(c, talk.Joined{RoomID: m.RoomID, HeadSeq: r.seq, AfterSeq: r.seq})
	case talk.Entry:
		r := f.room(m.RoomID)
		r.seq++
		m.Seq = r.seq
		st, _ := readStamp(m.Text)
		intended := time.UnixMicro(st.intended)
		frame, err := talk.Append(nil, talk.ExtendedBincode, m)
		if err != nil {
			f.t.Error(err)
		}
		r.due <- delivery{intended.Add(f.delay(m.RoomID)), intended, serverFrame(true, websocket.OpBinary, frame)}
	}
}

func (f *fakeServer) room(id int32) *fakeRoom {
	r := f.rooms[id]
	if r == nil {
		r = &fakeRoom{due: make(chan delivery, 1<<12)}
		f.rooms[id] = r
		f.rest.Go(func() { f.deliver(r) })
	}
	return r
}

func (f *fakeServer) write(c net.Conn, m talk.Message) {
	frame, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		f.t.Error(err)
	}
	_, _ = c.Write(serverFrame(true, websocket.OpBinary, frame)) // who has hung up misses it
}

// deliver writes what is due in a room. Truth is when it was written.
func (f *fakeServer) deliver(r *fakeRoom) {
	runtime.LockOSThread()
	for d := range r.due {
		f.mu.Lock()
		members, stall, twice := slices.Clone(r.members), f.stall, f.twice
		f.mu.Unlock()
		if d.at.After(stall[0]) && d.at.Before(stall[1]) {
			d.at = stall[1]
		}
		if wait := time.Until(d.at); wait > 0 {
			sleep(wait)
		}
		var truth []time.Duration
		for _, c := range members {
			_, _ = c.Write(d.frame) // who has hung up misses it
			truth = append(truth, time.Since(d.intended))
			if twice {
				_, _ = c.Write(d.frame)
			}
		}
		f.mu.Lock()
		f.truth = append(f.truth, truth...)
		f.mu.Unlock()
	}
}
