package fleetsim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"tuitalk/talk"
)

// original is a client of the original's form: it has no ids, no seqs and no grace.
// It posts, reads, and begins anew with a UUID of its own when its line breaks.
type original struct {
	world *world
	name  string
	form  talk.Form
	http  *http.Client
	room  int32
	rng   *dice

	ctx    context.Context
	cancel context.CancelFunc
	loop   sync.WaitGroup
	says   chan string

	mu    sync.Mutex
	stays []*stay
}

// stay is one connection's time in a room.
type stay struct {
	uuid  talk.UUID
	name  string
	shown []talk.Entry // that were shown live, its own UserJoined first
	over  bool
}

func (w *world) newOriginal(name string) *original {
	o := &original{world: w, name: name, form: pick(w.dice, talk.JSON, talk.Bincode), room: w.aRoom(), says: make(chan string, 8)}
	dials := newDice(w.seed, name+" dials")
	o.rng = newDice(w.seed, name)
	o.http = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return w.network.dial(ctx, name, dials)
	}}}
	w.strangers = append(w.strangers, o)
	return o
}

func (o *original) begin() {
	o.ctx, o.cancel = context.WithCancel(context.Background())
	o.loop.Go(func() {
		for n := 0; o.ctx.Err() == nil; n++ {
			o.visit(n)
			select {
			case <-time.After(300 * time.Millisecond):
			case <-o.ctx.Done():
			}
		}
	})
}

func (o *original) end() {
	if o.cancel != nil {
		o.cancel()
		o.loop.Wait()
	}
}

// visit is one connection.
func (o *original) visit(n int) {
	ctx, cancel := context.WithTimeout(o.ctx, 10*time.Second)
	ws, _, err := websocket.Dial(ctx, "ws://127.0.0.1:8080/", &websocket.DialOptions{HTTPClient: o.http})
	cancel()
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(16 << 20)
	s := &stay{uuid: talk.MakeUUID(4, o.rng.bytes())}
	o.world.recorder.Outsider(s.uuid)
	name := fmt.Sprintf("%s/%d", o.name, n)
	s.name = name
	if o.write(ws, talk.JoinRoom{RoomID: o.room, UUID: s.uuid, Username: name}) != nil {
		return
	}
	o.mu.Lock()
	o.stays = append(o.stays, s)
	o.mu.Unlock()
	visit, over := context.WithCancel(o.ctx)
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case text := <-o.says:
				e := talk.Entry{Kind: talk.KindPosted, RoomID: o.room, Author: s.uuid, Name: name, Text: text}
				if o.write(ws, e) != nil {
					return
				}
			case <-visit.Done():
				return
			}
		}
	})
	o.read(ws, s)
	over()
	writing.Wait()
}

func (o *original) write(ws *websocket.Conn, m talk.Message) error {
	b, err := talk.Append(nil, o.form, m)
	if err != nil {
		return err
	}
	kind := websocket.MessageText
	if o.form == talk.Bincode {
		kind = websocket.MessageBinary
	}
	ctx, cancel := context.WithTimeout(o.ctx, 10*time.Second)
	defer cancel()
	return ws.Write(ctx, kind, b)
}

// read takes in what comes, until the line ends.
func (o *original) read(ws *websocket.Conn, s *stay) {
	for {
		_, b, err := ws.Read(o.ctx)
		if err != nil {
			break
		}
		m, err := talk.Decode(o.form, b)
		if err != nil {
			o.world.story.tell("%s cannot read %q: %v", o.name, b, err)
			break
		}
		if e, ok := m.(talk.Entry); ok {
			o.mu.Lock()
			s.shown = append(s.shown, e)
			o.mu.Unlock()
		}
	}
	o.mu.Lock()
	s.over = true
	o.mu.Unlock()
}

// post has it say something, if it can take it now.
func (o *original) post(text string) {
	select {
	case o.says <- text:
	default:
	}
}
