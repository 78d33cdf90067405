package coordinator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/rpc"
	"strings"
	"sync"
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

// TestAMessageHasABound: who has the key sends no more than that, and neither does a
// worker that he has dialled.
func TestAMessageHasABound(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		defer there.Close()
		_, _ = io.Copy(there, io.LimitReader(endless('x'), 2*maxMessage)) // it is cut off
	}()
	lost := make(chan struct{})
	c := &timedConn{Conn: here, silence: time.Minute, lost: sync.OnceFunc(func() { close(lost) }), left: maxMessage}
	n, err := io.Copy(io.Discard, c)
	if n != maxMessage || !errors.Is(err, errMessageTooLong) || !errors.Is(c.failed(), errMessageTooLong) {
		t.Errorf("%d bytes, %v, %v", n, err, c.failed())
	}
	<-lost
}

// endless is one byte again and again.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// TestACallThatIsTooLongEndsTheRun of both codecs; the next one is counted anew.
func TestACallThatIsTooLongEndsTheRun(t *testing.T) {
	t.Parallel()
	long := io.MultiReader(strings.NewReader(`{"method":"Worker.Now","params":[{}],"id":1}`+"\n"+`{"method":"`), io.LimitReader(endless('x'), maxMessage))
	c := &timedConn{Conn: readConn{long}, silence: time.Minute, lost: func() {}}
	codec := newServerCodec(c)
	if err := codec.ReadRequestHeader(new(rpc.Request)); err != nil {
		t.Errorf("a short call: %v", err)
	}
	if err := codec.ReadRequestHeader(new(rpc.Request)); !errors.Is(err, errMessageTooLong) {
		t.Errorf("a long call: %v", err)
	}
	answer := io.MultiReader(strings.NewReader(`{"id":0,"error":"`), io.LimitReader(endless('x'), maxMessage))
	if err := newClientCodec(&timedConn{Conn: readConn{answer}, silence: time.Minute, lost: func() {}}).ReadResponseHeader(new(rpc.Response)); !errors.Is(err, errMessageTooLong) {
		t.Errorf("a long answer: %v", err)
	}
}

// readConn is a connection from which a reader's bytes come.
type readConn struct{ io.Reader }

func (readConn) Write(p []byte) (int, error)      { return len(p), nil }
func (readConn) Close() error                     { return nil }
func (readConn) LocalAddr() net.Addr              { return nil }
func (readConn) RemoteAddr() net.Addr             { return nil }
func (readConn) SetDeadline(time.Time) error      { return nil }
func (readConn) SetReadDeadline(time.Time) error  { return nil }
func (readConn) SetWriteDeadline(time.Time) error { return nil }

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
