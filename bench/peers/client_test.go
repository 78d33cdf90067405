package main

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// start serves a peer on a free port until the test ends. The kernel keeps little
// for those who do not read.
func start(t *testing.T, kind, redis string) (address string) {
	t.Helper()
	s, err := open(kind, redis)
	if err != nil {
		t.Fatal(err)
	}
	small := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var set error // the sockets that are accepted have it from their listener
		err := raw.Control(func(fd uintptr) { set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF, 16<<10) })
		return errors.Join(err, set)
	}}
	l, err := small.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// line is a client's connection.
type line struct {
	t  *testing.T
	ws *websocket.Conn
}

func dial(t *testing.T, address string) *line {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+address+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &line{t, ws}
}

func (l *line) say(text string) {
	l.t.Helper()
	if err := l.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		l.t.Fatal(err)
	}
}

// hear returns the next message.
func (l *line) hear() string {
	l.t.Helper()
	if err := l.ws.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	_, text, err := l.ws.ReadMessage()
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}
