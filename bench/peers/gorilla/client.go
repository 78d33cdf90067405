package gorilla

import (
	"errors"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"tuitalk/talk"
)

const (
	queue     = 256 // frames that wait for one client; then it is too slow
	writeWait = 10 * time.Second
	pongWait  = 60 * time.Second
	pingEvery = pongWait * 9 / 10
)

// client is one connection.
type client struct {
	srv  *Server
	ws   *websocket.Conn
	send chan *websocket.PreparedMessage
	done chan struct{} // closed when it is cut
	once sync.Once

	// Owned by read.
	uuid talk.UUID
	name string
	room *room // nil: none
}

func newClient(s *Server, ws *websocket.Conn) *client {
	return &client{srv: s, ws: ws, send: make(chan *websocket.PreparedMessage, queue), done: make(chan struct{})}
}

// cut ends the connection; may be called from anywhere, any number of times.
func (c *client) cut() {
	c.once.Do(func() {
		close(c.done)
		_ = c.ws.Close() // it is being given up
	})
}

// push queues a frame, or cuts the client off if it has not read the last ones.
func (c *client) push(frame *websocket.PreparedMessage) {
	select {
	case c.send <- frame:
	default:
		c.cut()
	}
}

// answer sends a message to this client alone.
func (c *client) answer(m talk.Message) {
	frame, err := prepare(m)
	if err != nil {
		c.cut()
		return
	}
	c.push(frame)
}

func (c *client) write() {
	defer c.cut()
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		var err error
		select {
		case frame := <-c.send:
			err = c.flush(frame)
		case <-ticker.C:
			err = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait))
		case <-c.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// flush writes a frame, and those that wait behind it with it.
func (c *client) flush(frame *websocket.PreparedMessage) error {
	if err := c.ws.SetWriteDeadline(time.Now().Add(writeWait)); err != nil {
		return err
	}
	line, behind := c.ws.NetConn().(*corked), len(c.send)
	if behind == 0 {
		return c.ws.WritePreparedMessage(frame)
	}
	line.cork()
	err := c.ws.WritePreparedMessage(frame)
	for range behind {
		if err == nil {
			err = c.ws.WritePreparedMessage(<-c.send)
		}
	}
	return errors.Join(err, line.uncork())
}

func (c *client) read() {
	defer c.srv.forget(c)
	defer c.leave()
	defer c.cut()
	c.ws.SetReadLimit(talk.MaxFrameBytes)
	c.ws.SetPongHandler(func(string) error { return c.ws.SetReadDeadline(time.Now().Add(pongWait)) })
	if c.ws.SetReadDeadline(time.Now().Add(pongWait)) != nil {
		return
	}
	for {
		_, payload, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		m, err := talk.Decode(talk.Extended, payload)
		if err != nil {
			c.answer(talk.Error{Code: talk.CodeBadFrame, Message: err.Error()})
			continue
		}
		c.handle(m)
	}
}

func (c *client) handle(m talk.Message) {
	switch m := m.(type) {
	case talk.Hello:
		c.uuid = m.Secret.UUID()
		c.answer(talk.Welcome{UUID: c.uuid, Server: "gorilla", Limits: talk.DefaultLimits()})
	case talk.JoinRoom:
		c.leave()
		c.name, c.room = m.Username, c.srv.room(m.RoomID)
		c.room.join(c)
	case talk.LeaveRoom:
		c.leave()
	case talk.Entry:
		c.post(m)
	case talk.Ping:
		c.answer(talk.Pong(m))
	}
}

// post says something in the room, and that it is stored, which it is not.
func (c *client) post(e talk.Entry) {
	if c.room == nil || e.RoomID != c.room.id || e.Kind != talk.KindPosted {
		c.answer(talk.Error{Code: talk.CodeBadRoom, Message: "you are not in this room", ID: e.ID})
		return
	}
	e.Author, e.Name, e.UnixTime = c.uuid, c.name, uint64(time.Now().Unix())
	e, err := c.room.post(e)
	if err != nil {
		c.cut()
		return
	}
	c.answer(talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: e.Seq})
}

func (c *client) leave() {
	if c.room != nil {
		c.room.leave(c)
		c.room = nil
	}
}
