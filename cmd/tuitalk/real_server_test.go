//go:build integration

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/client"
	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

// realServer is a real gateway with its database, behind a tap that writes down what
// clients send to it.
type realServer struct {
	t       *testing.T
	gateway *devcluster.Gateway
	tap     *httptest.Server

	mu    sync.Mutex
	heard []byte // every message, as JSON
}

func startRealServer(t *testing.T) *realServer {
	t.Helper()
	dir := t.TempDir()
	g, err := devcluster.StartGateway(t.Context(), devcluster.GatewayOptions{
		Program: gatewayProgram, Dir: dir, Store: "sqlite:" + filepath.Join(dir, "chat.db"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &realServer{t: t, gateway: g}
	s.tap = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		s.tap.Close()
	})
	return s
}

func (s *realServer) url() string { return "ws" + strings.TrimPrefix(s.tap.URL, "http") + "/ws" }

func (s *realServer) dial(ctx context.Context) (*websocket.Conn, error) {
	c, _, err := websocket.Dial(ctx, "ws://"+s.gateway.Addr()+"/ws", nil)
	if err == nil {
		c.SetReadLimit(1 << 20)
	}
	return c, err
}

// serve passes a connection on, both ways, until one end closes.
func (s *realServer) serve(w http.ResponseWriter, r *http.Request) {
	server, err := s.dial(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.CloseNow()
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var answers sync.WaitGroup
	answers.Go(func() {
		defer cancel()
		pass(ctx, server, c, func([]byte) {})
	})
	pass(ctx, c, server, s.note)
	cancel()
	answers.Wait()
}

// pass copies messages until one end is closed, and tells the other why.
func pass(ctx context.Context, from, to *websocket.Conn, see func([]byte)) {
	for {
		kind, data, err := from.Read(ctx)
		if err != nil {
			if code := websocket.CloseStatus(err); code > 0 {
				_ = to.Close(code, "")
			}
			return
		}
		see(data)
		if to.Write(ctx, kind, data) != nil {
			return
		}
	}
}

func (s *realServer) note(data []byte) {
	m, err := talk.Decode(talk.ExtendedBincode, data)
	if err != nil {
		s.t.Errorf("the client sent %q: %v", data, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard, err = talk.Append(s.heard, talk.Extended, m); err != nil {
		s.t.Error(err)
	}
}

// stop kills it. Its database stays.
func (s *realServer) stop() {
	if err := s.gateway.Kill(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *realServer) restart() {
	if err := s.gateway.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *realServer) got() (bytes string, secrets []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard), secretsIn(s.heard)
}

// has waits until the messages of room 1 are these.
func (s *realServer) has(want ...string) {
	s.t.Helper()
	var got []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if got = s.texts(); slices.Equal(got, want) {
			return
		}
	}
	s.t.Fatalf("the server has %q, want %q", got, want)
}

// texts reads room 1 from its first entry on, as somebody else.
func (s *realServer) texts() (texts []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := s.dial(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.CloseNow()
	secret := client.NewSecret()
	for _, m := range []talk.Message{
		talk.Hello{Client: "reader", Secret: secret}, talk.JoinRoom{RoomID: 1, UUID: secret.UUID(), Username: "reader", Resume: true},
	} {
		data, err := talk.Append(nil, talk.ExtendedBincode, m)
		if err == nil {
			err = c.Write(ctx, websocket.MessageBinary, data)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	for head := int64(-1); ; {
		_, data, err := c.Read(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		m, err := talk.Decode(talk.ExtendedBincode, data)
		if err != nil {
			s.t.Fatal(err)
		}
		switch m := m.(type) {
		case talk.Joined:
			head = m.HeadSeq
		case talk.Entry:
			if m.Kind == talk.KindPosted && m.Seq > 0 {
				texts = append(texts, m.Text)
			}
			if head >= 0 && m.Seq >= head {
				return texts
			}
		}
	}
}
