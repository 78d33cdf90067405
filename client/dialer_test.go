//go:build !js

package client

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/talk"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

// serve runs a WebSocket server; handle has each connection.
func serve(t *testing.T, handle func(ctx context.Context, c *websocket.Conn)) (url string) {
	t.Helper()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wg.Add(1)
		defer wg.Done()
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		handle(ctx, c)
	}))
	t.Cleanup(func() {
		cancel()
		srv.Close()
		wg.Wait()
	})
	return "ws" + strings.TrimPrefix(srv.URL, "http")
}

// TestDialerFollowsNoRedirect: one server sends the user to another, to which the
// secret would be shown.
func TestDialerFollowsNoRedirect(t *testing.T) {
	secret := NewSecret()
	for _, code := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		reached := make(chan string, 1)
		other := serve(t, func(ctx context.Context, c *websocket.Conn) {
			_, data, _ := c.Read(ctx)
			reached <- string(data)
		})
		srv := httptest.NewServer(http.RedirectHandler("http"+strings.TrimPrefix(other, "ws")+"/ws", code))
		t.Cleanup(srv.Close)
		line, events := dialTest(t, "ws"+strings.TrimPrefix(srv.URL, "http")+"/ws")
		select {
		case said := <-reached:
			t.Fatalf("%d: another server was reached, and heard %q", code, said)
		case ev := <-events:
			closed, ok := ev.(Closed)
			if !ok {
				_ = line.Send(talk.Hello{Client: "test", Secret: secret})
				t.Fatalf("%d: another server was reached, and heard %q", code, <-reached)
			}
			if !strings.Contains(closed.Reason, "sends you to") || !strings.Contains(closed.Reason, "to "+other+"/ws:") {
				t.Errorf("%d: %q", code, closed.Reason)
			}
		case <-time.After(patience):
			t.Fatalf("%d: nothing came", code)
		}
	}
}

// dialTest dials and collects events.
func dialTest(t *testing.T, url string) (Line, <-chan Event) {
	t.Helper()
	events := make(chan Event, 64)
	line := NewDialer().Dial(7, url, func(ev Event) { events <- ev })
	t.Cleanup(line.Close)
	return line, events
}

func expect[E Event](t *testing.T, events <-chan Event) E {
	t.Helper()
	select {
	case ev := <-events:
		e, ok := ev.(E)
		if !ok {
			t.Fatalf("%#v, not %T", ev, *new(E))
		}
		return e
	case <-time.After(patience):
		t.Fatalf("no %T", *new(E))
		panic("unreachable")
	}
}

func writeMessage(ctx context.Context, t *testing.T, c *websocket.Conn, m talk.Message) {
	t.Helper()
	data, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err == nil {
		err = c.Write(ctx, websocket.MessageBinary, data)
	}
	if err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

func TestLine(t *testing.T) {
	received := make(chan talk.Message, 10)
	closed := make(chan websocket.StatusCode, 1)
	big := talk.History{RoomID: 1, BeforeSeq: 900}
	for range 200 {
		e := textEntry(5)
		e.Text = strings.Repeat("long ", 700)
		big.Text = append(big.Text, e)
	}
	url := serve(t, func(ctx context.Context, c *websocket.Conn) {
		c.SetReadLimit(1 << 20)
		writeMessage(ctx, t, c, big)
		_ = c.Write(ctx, websocket.MessageText, []byte(`{"Ping":{"n":1}}`))
		_ = c.Write(ctx, websocket.MessageBinary, []byte{1})
		for {
			_, data, err := c.Read(ctx)
			if err != nil {
				closed <- websocket.CloseStatus(err)
				return
			}
			m, err := talk.Decode(talk.ExtendedBincode, data)
			if err != nil {
				t.Error(err)
			}
			received <- m
		}
	})
	line, events := dialTest(t, url)
	expect[Opened](t, events)
	if h, ok := expect[Received](t, events).Message.(talk.History); !ok || len(h.Text) != 200 {
		t.Fatalf("%T", h)
	}
	for range 2 {
		if g := expect[DecodeFailed](t, events); g.Err == nil || g.Conn != 7 {
			t.Fatalf("%+v", g)
		}
	}
	for n := range uint32(100) {
		if err := line.Send(talk.Ping{N: n}); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			for i := n - 9; i <= n; i++ {
				if m := <-received; m != (talk.Ping{N: i}) {
					t.Fatalf("%+v, not %d", m, i)
				}
			}
		}
	}
	if err := line.Send(talk.LeaveRoom{RoomID: 3}); err != nil {
		t.Fatal(err)
	}
	line.Close() // what was sent before is still written
	line.Close()
	if err := line.Send(talk.Ping{}); err == nil {
		t.Error("a closed line takes messages")
	}
	if m := <-received; m.(talk.LeaveRoom).RoomID != 3 {
		t.Fatalf("%+v", m)
	}
	if code := <-closed; code != websocket.StatusNormalClosure {
		t.Errorf("closed with %d", code)
	}
	expect[Closed](t, events)
}

func TestLineTellsWhyItWasClosed(t *testing.T) {
	url := serve(t, func(_ context.Context, c *websocket.Conn) {
		_ = c.Close(talk.CloseSuperseded, "newer")
	})
	_, events := dialTest(t, url)
	expect[Opened](t, events)
	if c := expect[Closed](t, events); c != (Closed{7, talk.CloseSuperseded, "newer"}) {
		t.Fatalf("%+v", c)
	}
}

func TestLineThatBreaks(t *testing.T) {
	url := serve(t, func(_ context.Context, c *websocket.Conn) {})
	_, events := dialTest(t, url)
	expect[Opened](t, events)
	if c := expect[Closed](t, events); c.Code != 0 || c.Reason != "" {
		t.Fatalf("%+v", c)
	}
}

func TestDialFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, events := dialTest(t, "ws://"+addr+"/ws")
	if c := expect[Closed](t, events); !strings.Contains(c.Reason, "connection refused") || strings.Contains(c.Reason, addr) {
		t.Fatalf("%+v", c)
	}

	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	_, events = dialTest(t, "ws"+strings.TrimPrefix(srv.URL, "http"))
	if c := expect[Closed](t, events); c.Reason != "the server answered 404 Not Found" {
		t.Fatalf("%+v", c)
	}
}

// A server that accepts and says nothing is given up at once when it is closed.
func TestDialIsCutShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	line, events := dialTest(t, "ws://"+l.Addr().String())
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line.Close()
	expect[Closed](t, events)
}

// A server that does not read does not make the client keep more and more.
func TestLineThatIsNotRead(t *testing.T) {
	url := serve(t, func(ctx context.Context, c *websocket.Conn) { <-ctx.Done() })
	line, events := dialTest(t, url)
	expect[Opened](t, events)
	e := textEntry(1)
	e.Text = strings.Repeat("x", talk.MaxTextBytes)
	sent := 0
	for line.Send(e) == nil {
		if sent += len(e.Text); sent > 64<<20 {
			t.Fatal("takes more and more")
		}
	}
	expect[Closed](t, events)
}

// TestConversation drives all of it over a real connection: a small server
// takes posts, hangs up in the middle, and the message is there once.
func TestConversation(t *testing.T) {
	var mu sync.Mutex
	var log []talk.Entry
	came := 0 // how often the post did
	url := serve(t, func(ctx context.Context, c *websocket.Conn) {
		for {
			_, data, err := c.Read(ctx)
			if err != nil {
				return
			}
			m, err := talk.Decode(talk.ExtendedBincode, data)
			if err != nil {
				t.Error(err)
				return
			}
			switch m := m.(type) {
			case talk.Hello:
				writeMessage(ctx, t, c, talk.Welcome{UUID: m.Secret.UUID(), Limits: talk.DefaultLimits()})
			case talk.JoinRoom:
				writeMessage(ctx, t, c, talk.Joined{RoomID: m.RoomID, AfterSeq: m.AfterSeq, HeadSeq: m.AfterSeq})
			case talk.Entry:
				mu.Lock()
				if len(log) == 0 || log[0].ID != m.ID {
					m.Seq = int64(len(log) + 1)
					log = append(log, m)
				}
				e := log[0]
				came++
				first := came == 1
				mu.Unlock()
				if first {
					return // stored, but the author does not know
				}
				writeMessage(ctx, t, c, e)
				writeMessage(ctx, t, c, talk.Stored{RoomID: e.RoomID, ID: e.ID, Seq: e.Seq})
			}
		}
	})
	s, err := New(Config{Servers: []string{url}, Name: "ada", Room: 4}, State{})
	if err != nil {
		t.Fatal(err)
	}
	storage, err := OpenStorage(t.TempDir(), testServers)
	if err != nil {
		t.Fatal(err)
	}
	defer storage.Close()
	d := NewDriver(s, NewDialer(), storage)
	defer d.Close()
	d.Handle(Start{})
	d.Handle(Post{Text: "hello"})
	deadline := time.After(patience)
	for s.Log().Len() == 0 || len(s.Outbox()) > 0 {
		select {
		case ev := <-d.Events():
			for _, n := range d.Handle(ev).Notices {
				t.Errorf("%+v", n)
			}
		case <-deadline:
			t.Fatalf("%+v, log %d, outbox %+v", s.Status(), s.Log().Len(), s.Outbox())
		}
	}
	if e := s.Log().At(0); e.Text != "hello" || e.Seq != 1 || s.Log().Len() != 1 || e.Author != s.Me().UUID {
		t.Fatalf("%+v", e)
	}
	for o := d.Handle(Quit{}); !o.Done; o = d.Handle(<-d.Events()) {
	}
	mu.Lock()
	defer mu.Unlock()
	if len(log) != 1 || came < 2 {
		t.Fatalf("%d entries, said %d times", len(log), came)
	}
}
