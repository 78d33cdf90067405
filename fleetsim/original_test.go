package fleetsim

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
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

	waits   []string // what it has said and was not shown yet
	refused []string // what it was told is refused: it is typed again by who reads that
	maybe   string   // the same, if its connection goes on
	muddled bool     // nobody knows any more what an Error is of
}

// told takes what comes to it. An Error names no message: it is of the one that waits, if
// there is no other. One with which the connection ends is of that.
func (s *stay) told(m talk.Message) {
	if s.maybe != "" {
		s.refused = append(s.refused, s.maybe)
		s.maybe = ""
	}
	switch m := m.(type) {
	case talk.Entry:
		s.shown = append(s.shown, m)
		if i := slices.Index(s.waits, m.Text); i >= 0 && m.Author == s.uuid {
			s.waits = slices.Delete(s.waits, i, i+1)
		}
	case talk.Error:
		if s.muddled = s.muddled || len(s.waits) > 1; !s.muddled && len(s.waits) == 1 {
			s.maybe, s.waits = s.waits[0], nil
		}
	}
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
				o.mu.Lock()
				s.waits = append(s.waits, text)
				o.mu.Unlock()
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
		o.mu.Lock()
		s.told(m)
		o.mu.Unlock()
		if e, ok := m.(talk.Error); ok {
			o.world.walked("a client of the original's form is told of an error")
			o.world.story.tell("%s is told: %s", o.name, e.Message)
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

// TestWhatIsRefusedIsOfTheOneThatWaits: of two, nobody knows which.
func TestWhatIsRefusedIsOfTheOneThatWaits(t *testing.T) {
	t.Parallel()
	me := talk.MakeUUID(4, [16]byte{1})
	shown := func(text string) talk.Message { return talk.Entry{Kind: talk.KindPosted, Author: me, Text: text} }
	for _, tc := range []struct {
		waits []string
		told  []talk.Message
		want  []string
	}{
		{[]string{"a"}, []talk.Message{talk.Error{}, shown("c")}, []string{"a"}},
		{[]string{"a"}, []talk.Message{talk.Error{}}, nil},
		{[]string{"a", "b"}, []talk.Message{shown("a"), talk.Error{}, shown("c")}, []string{"b"}},
		{[]string{"a", "b"}, []talk.Message{talk.Error{}, talk.Error{}, shown("c")}, nil},
		{[]string{"a"}, []talk.Message{shown("a"), talk.Error{}, shown("c")}, nil},
		{[]string{"a", "b", "c"}, []talk.Message{talk.Error{}, shown("a"), shown("b"), talk.Error{}, shown("d")}, nil},
	} {
		s := stay{uuid: me, waits: tc.waits}
		for _, m := range tc.told {
			s.told(m)
		}
		if !slices.Equal(s.refused, tc.want) {
			t.Errorf("%v, %v: refused %v, want %v", tc.waits, tc.told, s.refused, tc.want)
		}
	}
	log := []talk.Entry{{Author: me, Text: "a"}}
	for text, want := range map[string]bool{"a": true, "b": false} {
		s := stay{uuid: me, refused: []string{text}}
		if got := s.storedAllTheSame([]roomEra{{log: log}}) != ""; got != want {
			t.Errorf("refused %q: found %v", text, got)
		}
	}
}
