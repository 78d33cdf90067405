//go:build integration

package devcluster_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"
)

// pageTaken is what became of an answer.
type pageTaken struct {
	bytes int
	err   error
}

// pageServer stands in for a gateway with a large page, and tells what Nginx took of
// each: it gives up, as a gateway does, on who takes nothing for a while, but not if
// the client is patient (?patient). Its kernel keeps no more than a gateway's.
func pageServer(t *testing.T, size int) (addr string, taken chan pageTaken) {
	t.Helper()
	taken = make(chan pageTaken, 2)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chunk, got := make([]byte, 32<<10), pageTaken{}
		for control := http.NewResponseController(w); got.err == nil && got.bytes < size; {
			if r.URL.RawQuery != "patient" {
				got.err = control.SetWriteDeadline(time.Now().Add(3 * time.Second))
			}
			if got.err == nil {
				var n int
				n, got.err = w.Write(chunk)
				got.bytes += n
			}
		}
		taken <- got
	}))
	s.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if err := c.(*net.TCPConn).SetWriteBuffer(128 << 10); err != nil {
			t.Error(err)
		}
		return ctx
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), taken
}

// TestNginxHoldsLittleOfThePage: what a client does not take stays with the gateway,
// which so sees how slow he is. Who takes it gets it whole.
func TestNginxHoldsLittleOfThePage(t *testing.T) {
	t.Parallel()
	const size, most = 64 << 20, 2 << 20
	addr, taken := pageServer(t, size)
	n := startNginx(t, addr)
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) (err error) {
		return errors.Join(c.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) }), err)
	}}
	lazy, err := dialer.DialContext(t.Context(), "tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	if _, err := io.WriteString(lazy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-taken; got.bytes > most || !errors.Is(got.err, os.ErrDeadlineExceeded) {
		t.Errorf("of a page that nobody reads Nginx took %d bytes, and writing it ended with %v", got.bytes, got.err)
	}
	resp, err := http.Get("http://" + n.Addr() + "/?patient")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if read, err := io.Copy(io.Discard, resp.Body); err != nil || read < size {
		t.Errorf("who reads got %d bytes, %v", read, err)
	}
	if got := <-taken; got.err != nil {
		t.Error(got.err)
	}
}
