package gorilla

import (
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"tuitalk/talk"
)

// Server holds the rooms and everybody in them.
type Server struct {
	upgrader websocket.Upgrader
	site     http.Server
	wg       sync.WaitGroup // of the clients' goroutines

	mu      sync.Mutex
	closed  bool
	rooms   map[int32]*room
	clients map[*client]struct{}
}

// New makes a server that does nothing yet.
func New() *Server {
	s := &Server{rooms: map[int32]*room{}, clients: map[*client]struct{}{}}
	s.upgrader = websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024, WriteBufferPool: &sync.Pool{}}
	s.site.Handler = http.HandlerFunc(s.upgrade)
	return s
}

// Serve serves those who connect until Close.
func (s *Server) Serve(l net.Listener) error {
	if err := s.site.Serve(corkedListener{l}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close cuts everybody off and waits for the goroutines.
func (s *Server) Close() {
	_ = s.site.Close() // of the listener: nobody can mend it
	s.mu.Lock()
	s.closed = true
	for c := range s.clients {
		c.cut()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) upgrade(w http.ResponseWriter, r *http.Request) {
	ws, err := s.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := newClient(s, ws)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		c.cut()
		return
	}
	s.clients[c] = struct{}{}
	s.wg.Go(c.read)
	s.wg.Go(c.write)
}

func (s *Server) forget(c *client) {
	s.mu.Lock()
	delete(s.clients, c)
	s.mu.Unlock()
}

// room returns the room of this number.
func (s *Server) room(id int32) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[id]
	if r == nil {
		r = &room{id: id, members: map[*client]struct{}{}}
		s.rooms[id] = r
	}
	return r
}

// room is who gets what is said in it.
type room struct {
	id int32

	mu      sync.Mutex
	seq     int64
	members map[*client]struct{}
}

// join adds a member and answers it, before anything that is said from now on.
func (r *room) join(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[c] = struct{}{}
	c.answer(talk.Joined{RoomID: r.id, HeadSeq: r.seq, AfterSeq: r.seq, MemberCount: len(r.members)})
}

func (r *room) leave(c *client) {
	r.mu.Lock()
	delete(r.members, c)
	r.mu.Unlock()
}

// post numbers the entry and puts it into every member's channel.
func (r *room) post(e talk.Entry) (talk.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	e.Seq, e.Round = r.seq, 0
	frame, err := prepare(e)
	if err != nil {
		return e, err
	}
	for c := range r.members {
		c.push(frame)
	}
	return e, nil
}

func prepare(m talk.Message) (*websocket.PreparedMessage, error) {
	payload, err := talk.Append(make([]byte, 0, 512), talk.Extended, m)
	if err != nil {
		return nil, err
	}
	return websocket.NewPreparedMessage(websocket.TextMessage, payload)
}
