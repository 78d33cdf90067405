//go:build integration

package web_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
	"tuitalk/web"
)

// fakeGateway serves the page and plays the least of a gateway: rooms in
// memory, which outlive its being killed. It is not the real one, so that the
// browser client can be tested alone.
type fakeGateway struct {
	t       *testing.T
	address string
	gate    gate

	mu               sync.Mutex
	server           *http.Server
	running          sync.WaitGroup
	cancel           context.CancelFunc
	rooms            map[int32][]talk.Entry
	stored           map[[2]talk.UUID]int64 // seqs by author and id
	seats            map[*seat]bool
	refuse           string // texts with this are refused, unless it is empty
	accepted, frames int    // connections, and frames that came on them
	came             []byte // the frames, as JSON
}

// seat is one connection.
type seat struct {
	g      *fakeGateway
	socket *websocket.Conn
	out    chan talk.Message

	deaf bool // takes and says nothing, as a line that is dead

	who  talk.Member
	room int32
	in   bool
}

func newFakeGateway(t *testing.T) *fakeGateway {
	t.Helper()
	port, err := devcluster.FreePort() // also when it starts again
	if err != nil {
		t.Fatal(err)
	}
	g := &fakeGateway{
		t: t, address: "127.0.0.1:" + strconv.Itoa(port), rooms: make(map[int32][]talk.Entry),
		stored: make(map[[2]talk.UUID]int64), seats: make(map[*seat]bool),
	}
	g.start()
	t.Cleanup(g.kill)
	return g
}

func (g *fakeGateway) url() string { return "http://" + g.address + "/" }

// start listens, the second time at the same port.
func (g *fakeGateway) start() {
	g.t.Helper()
	listener, err := devcluster.ListenAgain(g.address)
	if err != nil {
		g.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	mux := http.NewServeMux()
	mux.Handle("/", g.gate.wrap(web.Handler()))
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) { g.accept(ctx, w, r) })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cancel = cancel
	g.server = &http.Server{Handler: mux}
	g.running.Add(1)
	go func() {
		defer g.running.Done()
		_ = g.server.Serve(listener) // it ends by being closed
	}()
}

// kill cuts every connection without a word.
func (g *fakeGateway) kill() {
	g.mu.Lock()
	server := g.server
	g.server = nil
	g.mu.Unlock()
	if server == nil {
		return
	}
	g.cancel()
	server.Close()
	g.running.Wait()
}

func (g *fakeGateway) accept(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	g.running.Add(1)
	defer g.running.Done()
	socket, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	socket.SetReadLimit(talk.MaxFrameBytes)
	s := &seat{g: g, socket: socket, out: make(chan talk.Message, 10_000)}
	g.mu.Lock()
	g.accepted++
	g.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var writer sync.WaitGroup
	writer.Go(func() { s.write(ctx) })
	defer writer.Wait()
	defer cancel()
	defer socket.CloseNow()
	for {
		_, frame, err := socket.Read(ctx)
		if err != nil {
			break
		}
		m, err := talk.Decode(talk.ExtendedBincode, frame)
		if err != nil {
			g.t.Errorf("the client sent %s: %v", frame, err)
			break
		}
		g.mu.Lock()
		g.frames++
		if g.came, err = talk.Append(g.came, talk.Extended, m); err != nil {
			g.t.Error(err)
		}
		if !s.deaf {
			s.take(m)
		}
		g.mu.Unlock()
	}
	g.mu.Lock()
	delete(g.seats, s)
	g.mu.Unlock()
}

// refuseAll closes every line as one of somebody who is not who he says.
func (g *fakeGateway) refuseAll() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s := range g.seats {
		go s.socket.Close(talk.CloseNotYou, "I do not know you")
	}
}

func (g *fakeGateway) got() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.came)
}

func (s *seat) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.out:
			frame, err := talk.Append(nil, talk.ExtendedBincode, m)
			if err != nil {
				s.g.t.Errorf("send %T: %v", m, err)
				return
			}
			if s.socket.Write(ctx, websocket.MessageBinary, frame) != nil {
				return
			}
		}
	}
}

// take answers a message; g.mu is held.
func (s *seat) take(m talk.Message) {
	g := s.g
	switch m := m.(type) {
	case talk.Hello:
		s.who.UUID = m.Secret.UUID()
		s.out <- talk.Welcome{UUID: s.who.UUID, Server: "fake", Limits: talk.DefaultLimits()}
	case talk.JoinRoom:
		s.join(m)
	case talk.Fetch:
		s.fetch(m)
	case talk.ChangeName:
		old := s.who.Username
		s.who.Username = m.Username
		g.add(talk.Entry{Kind: talk.KindRenamed, RoomID: s.room, Author: s.who.UUID, Name: m.Username, Text: old, ID: m.ID})
	case talk.Entry:
		if g.refuse != "" && strings.Contains(m.Text, g.refuse) {
			s.out <- talk.Error{Code: talk.CodeRefused, Message: "This is not taken here.", ID: m.ID}
			return
		}
		m.Author, m.Name = s.who.UUID, s.who.Username
		seq := g.add(m)
		s.out <- talk.Stored{RoomID: m.RoomID, ID: m.ID, Seq: seq}
	case talk.LeaveRoom:
		s.in = false
	case talk.Ping:
		s.out <- talk.Pong(m)
	}
}

func (s *seat) join(m talk.JoinRoom) {
	g := s.g
	s.room, s.in, s.who.Username = m.RoomID, true, m.Username
	g.seats[s] = true
	log := g.rooms[s.room]
	j := talk.Joined{RoomID: s.room, HeadSeq: int64(len(log)), AfterSeq: int64(len(log))}
	if j.HeadSeq > 0 {
		j.HeadID = log[j.HeadSeq-1].ID
	}
	if m.Resume {
		j.AfterSeq = m.AfterSeq
	}
	for other := range g.seats {
		if other.room == s.room {
			j.Members = append(j.Members, other.who)
		}
	}
	j.MemberCount = len(j.Members)
	s.out <- j
	for _, e := range log[j.AfterSeq:] {
		s.out <- e
	}
}

func (s *seat) fetch(m talk.Fetch) {
	log := s.g.rooms[m.RoomID]
	to := min(int64(len(log)), m.BeforeSeq-1)
	from := max(0, to-m.Limit)
	h := talk.History{RoomID: m.RoomID, BeforeSeq: m.BeforeSeq, Complete: from == 0}
	for _, e := range log[from:to] {
		h.Text = append(h.Text, e)
	}
	s.out <- h
}

// add numbers an entry, once, and hands it to everybody in the room; g.mu is held.
func (g *fakeGateway) add(e talk.Entry) int64 {
	key := [2]talk.UUID{e.Author, e.ID}
	if seq, repeated := g.stored[key]; repeated {
		return seq
	}
	e.Seq = int64(len(g.rooms[e.RoomID])) + 1
	g.stored[key] = e.Seq
	if e.UnixTime = e.SentAt; e.UnixTime == 0 {
		e.UnixTime = uint64(time.Now().Unix())
	}
	e.SentAt = 0
	g.rooms[e.RoomID] = append(g.rooms[e.RoomID], e)
	for s := range g.seats {
		if s.in && s.room == e.RoomID {
			s.out <- e
		}
	}
	return e.Seq
}

// say lets somebody who is elsewhere say something, so many seconds ago.
func (g *fakeGateway) say(room int32, who talk.Member, text string, ago int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(talk.Entry{
		Kind: talk.KindPosted, RoomID: room, Author: who.UUID, Name: who.Username, Text: text,
		ID: g.nextID(room), SentAt: uint64(time.Now().Unix() - int64(ago)),
	})
}

func (g *fakeGateway) nextID(room int32) talk.UUID {
	n := len(g.rooms[room])
	return talk.MakeUUID(4, [16]byte{0: byte(room), 1: byte(n >> 16), 2: byte(n >> 8), 3: byte(n), 15: 1})
}

// fill puts messages into a room that nobody is in: number n says "message n".
func (g *fakeGateway) fill(room int32, n int, who talk.Member) {
	for i := range n {
		g.say(room, who, "message "+strconv.Itoa(i+1), 100_000-10*i)
	}
}

// texts are what was posted to a room, in order.
func (g *fakeGateway) texts(room int32) (texts []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.rooms[room] {
		if e.Kind == talk.KindPosted {
			texts = append(texts, e.Text)
		}
	}
	return texts
}

// heard is how many frames have come.
func (g *fakeGateway) heard() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.frames
}

func (g *fakeGateway) connections() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.accepted
}

func (g *fakeGateway) setRefuse(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = text
}
