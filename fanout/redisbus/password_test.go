package redisbus

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
)

// echoing is a server that knows no command, and repeats what it was told, as Redis
// before version 6 and some proxies do: the password too.
func echoing(t *testing.T) (addr string) {
	t.Helper()
	return serveEach(t, "127.0.0.1:0", func(conn net.Conn) { go answerEchoing(conn) })
}

// serveEach listens at an address and does this to each connection, one after the other. It
// returns where.
func serveEach(t *testing.T, listen string, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	}()
	return l.Addr().String()
}

func answerEchoing(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		var words, size int
		if _, err := fmt.Fscanf(in, "*%d\r\n", &words); err != nil {
			return
		}
		said := make([]string, words)
		for i := range said {
			if _, err := fmt.Fscanf(in, "$%d\r\n%s\r\n", &size, &said[i]); err != nil {
				return
			}
		}
		fmt.Fprintf(conn, "-ERR unknown command `%s`, with args beginning with: `%s`\r\n", said[0], strings.Join(said[1:], "`, `"))
	}
}

// TestPasswordThatTheServerRepeats: it is neither in the log nor in what /readyz shows.
func TestPasswordThatTheServerRepeats(t *testing.T) {
	var log bytes.Buffer
	o := Defaults()
	o.Addrs, o.Username, o.Password = []string{echoing(t)}, "ada", "hunter2"
	o.StartWait = time.Minute
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(t.Context())
	b, err := newBus(o, fanouttest.NewRecorder())
	if err != nil {
		t.Fatal(err)
	}
	b.background(b.refreshTopology)
	for deadline := time.Now().Add(time.Minute); len(b.conds.list()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is said")
		}
	}
	cancel()
	_ = b.awaitStart(ctx) // it says why
	said := strings.Join(b.Degraded(), "; ")
	_ = b.Close()
	if said += log.String(); strings.Contains(said, "hunter2") || !strings.Contains(said, "unknown command") {
		t.Errorf("it says:\n%s", said)
	}
}
