package coordinator

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestASilentStrangerKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, nil)
	var silent []net.Conn
	for range 3 {
		silent = append(silent, dial(t, w.addrs[0]))
	}
	l, err := dialWorker(t.Context(), "it", w.addrs[0], "k")
	if err != nil {
		t.Fatal(err)
	}
	defer l.rpc.Close()
	for _, conn := range silent {
		if err := conn.SetReadDeadline(time.Now().Add(writeTimeout / 2)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("a stranger is not sent away: %v", err)
		}
	}
}

func TestABusyWorkerSaysSo(t *testing.T) {
	t.Parallel()
	w := startWorkers(t, 1, nil)
	first, err := dialWorker(t.Context(), "it", w.addrs[0], "k")
	if err != nil {
		t.Fatal(err)
	}
	_, err = dialWorker(t.Context(), "it", w.addrs[0], "k")
	if err == nil || err.Error() != "it: "+ErrBusy.Error() {
		t.Errorf("it says %v", err)
	}
	if _, err := dialWorker(t.Context(), "it", w.addrs[0], "other"); err == nil || !strings.Contains(err.Error(), ErrKey.Error()) {
		t.Errorf("a stranger is told %v", err)
	}
	_ = first.rpc.Close()
	next, err := dialWorker(t.Context(), "it", w.addrs[0], "k")
	if err != nil {
		t.Fatal(err)
	}
	_ = next.rpc.Close()
}

func TestAWorkerThatServesOnceEndsWithItsCoordinator(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- Worker{Key: "k", Once: true}.Serve(context.Background(), l) }()
	if _, err := dialWorker(t.Context(), "it", l.Addr().String(), "other"); err == nil {
		t.Error("a stranger is welcome")
	}
	one, err := dialWorker(t.Context(), "it", l.Addr().String(), "k")
	if err != nil {
		t.Fatal(err)
	}
	_ = one.rpc.Close()
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("it ended with %v", err)
	}
}
