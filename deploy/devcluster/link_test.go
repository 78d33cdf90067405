package devcluster

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is for what must happen; failing costs this much and passing nothing.
const patience = time.Minute

// echoServer answers each connection with what it says, until it says no more.
func echoServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

// openTestLink leads to a server that echoes, and checks that the link leaves nothing.
func openTestLink(t *testing.T) *Link {
	t.Helper()
	l, err := OpenLink(Hop{Listen: "127.0.0.1:0", Dial: echoServer(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Close()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, of := range []string{"devcluster.(*Link)", "devcluster.(*linkConn)"} {
			if strings.Contains(string(stacks), of) {
				t.Errorf("goroutines of the link are left:\n%s", stacks)
			}
		}
		if open := l.Counts().Open; open != 0 {
			t.Errorf("%d connections are left", open)
		}
	})
	return l
}

func dialLink(t *testing.T, l *Link) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", l.Addr(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

func mustSend(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, c net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != text {
		t.Fatalf("read %q, %v; want %q", got, err, text)
	}
}

func mustSet(t *testing.T, l *Link, mode LinkMode) {
	t.Helper()
	if err := l.Set(mode); err != nil {
		t.Fatal(err)
	}
	if l.Mode() != mode {
		t.Fatalf("the mode is %s, want %s", l.Mode(), mode)
	}
}

// silent fails if anything is read before a moment has passed. What should not
// happen can only be waited for; a slow machine makes this pass, never fail.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if n, err := c.Read(b[:]); !errors.Is(err, context.DeadlineExceeded) && !isTimeout(err) {
		t.Fatalf("read %d bytes, %v, from a link that should be silent", n, err)
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func TestLinkCarriesEverythingInOrder(t *testing.T) {
	l := openTestLink(t)
	sent := make([]byte, 4<<20)
	_, _ = rand.Read(sent)
	var clients sync.WaitGroup
	for range 4 {
		c := dialLink(t, l)
		clients.Go(func() {
			if _, err := c.Write(sent); err != nil {
				t.Error(err)
			}
			if err := c.CloseWrite(); err != nil {
				t.Error(err)
			}
		})
		clients.Go(func() {
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, %v", len(got), len(sent), err)
			}
		})
	}
	clients.Wait()
	n := uint64(4 * len(sent))
	if got := l.Counts(); got.Opened != 4 || got.Refused != 0 || got.Forward != n || got.Back != n {
		t.Errorf("counted %+v, want %d bytes each way", got, n)
	}
}

func TestLinkCuts(t *testing.T) {
	l := openTestLink(t)
	c := dialLink(t, l)
	mustSend(t, c, "before")
	mustRead(t, c, "before")
	mustSet(t, l, Cut)
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a cut connection reads: %v", err)
	}
	if _, err := net.DialTimeout("tcp", l.Addr(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a cut link was dialled: %v", err)
	}
	mustSet(t, l, Pass)
	c = dialLink(t, l)
	mustSend(t, c, "after")
	mustRead(t, c, "after")
}

func TestLinkFreezes(t *testing.T) {
	l := openTestLink(t)
	old, quitter := dialLink(t, l), dialLink(t, l)
	mustSend(t, old, "before")
	mustRead(t, old, "before")
	mustSend(t, quitter, "x")
	mustRead(t, quitter, "x")
	mustSet(t, l, Freeze)
	mustSend(t, old, "during")
	silent(t, old)
	if err := quitter.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	silent(t, quitter) // the end is not told either
	young := dialLink(t, l)
	mustSend(t, young, "young")
	silent(t, young)
	mustSet(t, l, Pass)
	mustRead(t, old, "during")
	mustRead(t, young, "young")
	if _, err := quitter.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the thaw the end is not told: %v", err)
	}
}

// A dropped packet is not acknowledged, and a connection attempt not answered.
func TestLinkDrops(t *testing.T) {
	l := openTestLink(t)
	c := dialLink(t, l)
	mustSend(t, c, "before")
	mustRead(t, c, "before")
	mustSet(t, l, Drop)
	mustSend(t, c, "during")
	silent(t, c)
	if n := unacked(t, c); n == 0 {
		t.Error("what was sent into a link that drops was acknowledged")
	}
	if young, err := net.DialTimeout("tcp", l.Addr(), 100*time.Millisecond); !isTimeout(err) {
		t.Errorf("a link that drops answered a dial: %v, %v", young, err)
	}
	mustSet(t, l, Pass)
	mustRead(t, c, "during") // repeated by the kernel
	young := dialLink(t, l)
	mustSend(t, young, "after")
	mustRead(t, young, "after")
}

// A connection gives up on a line that drops when its own clock says so.
func TestLinkDropsUntilTheKernelGivesUp(t *testing.T) {
	l := openTestLink(t)
	c := dialLink(t, l)
	if err := control(c, func(fd int) error {
		return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300)
	}); err != nil {
		t.Fatal(err)
	}
	mustSend(t, c, "before")
	mustRead(t, c, "before")
	mustSet(t, l, Drop)
	mustSend(t, c, "during")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("read: %v, want a timeout of the kernel", err)
	}
}

// unacked counts the segments that the other end has not acknowledged.
func unacked(t *testing.T, c *net.TCPConn) (n uint32) {
	t.Helper()
	err := control(c, func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			n = info.Unacked
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLinkChangesFromEachModeToEach(t *testing.T) {
	l := openTestLink(t)
	modes := []LinkMode{Pass, Cut, Freeze, Drop}
	for _, from := range modes {
		for _, to := range modes {
			mustSet(t, l, from)
			mustSet(t, l, to)
			mustSet(t, l, Pass)
			c := dialLink(t, l)
			mustSend(t, c, "alive")
			mustRead(t, c, "alive")
			mustSet(t, l, from)
			mustSet(t, l, to)
			c.Close()
		}
	}
}

// Each byte is held up by the delay in each direction.
func TestLinkDelays(t *testing.T) {
	const delay, messages = 100 * time.Millisecond, 20
	l := openTestLink(t)
	l.Delay(delay)
	c := dialLink(t, l)
	began := time.Now()
	for range messages {
		mustSend(t, c, "x")
	}
	mustRead(t, c, "x")
	if took := time.Since(began); took < 2*delay {
		t.Errorf("the first byte came back after %s, want at least %s", took, 2*delay)
	}
	mustRead(t, c, strings.Repeat("x", messages-1))
	l.Delay(0)
	mustSend(t, c, "y")
	mustRead(t, c, "y")
}

func TestLinkCountsWhoFindsNobody(t *testing.T) {
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := nobody.Addr().String()
	nobody.Close()
	l, err := OpenLink(Hop{Listen: "127.0.0.1:0", Dial: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialTimeout("tcp", l.Addr(), patience)
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("nobody is there, but: %v", err)
	}
	if got := l.Counts(); got.Opened != 1 || got.Refused != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestLinkNeedsItsPort(t *testing.T) {
	taken := echoServer(t)
	if l, err := OpenLink(Hop{Listen: "127.0.0.1:0", Dial: taken}, Hop{Listen: taken, Dial: taken}); err == nil {
		l.Close()
		t.Error("it listens on a port that is taken")
	}
}

// Modes change at any moment, with connections coming, going and carrying.
func TestLinkUnderFire(t *testing.T) {
	l := openTestLink(t)
	var rounds atomic.Int64
	const wanted = 400
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for rounds.Add(1) < wanted {
				c, err := net.DialTimeout("tcp", l.Addr(), 50*time.Millisecond)
				if err != nil {
					continue
				}
				_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
				_, _ = io.WriteString(c, "hello")
				_, _ = io.ReadFull(c, make([]byte, 5))
				c.Close()
			}
		})
	}
	for i := 0; rounds.Load() < wanted; i++ {
		if err := l.Set(LinkMode(i % 4)); err != nil {
			t.Error(err)
		}
		runtime.Gosched()
	}
	clients.Wait()
	mustSet(t, l, Pass)
	c := dialLink(t, l)
	mustSend(t, c, "alive")
	mustRead(t, c, "alive")
}
