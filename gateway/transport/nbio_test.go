package transport

import (
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
)

func TestMain(m *testing.M) { fanouttest.Main(m) }

// unwatched is a Loop of which nobody wants to know.
type unwatched struct{}

func (unwatched) Begin()     {}
func (unwatched) Progress()  {}
func (unwatched) End()       {}
func (unwatched) Idle() bool { return false }

// probeConn notes what a poller says of a connection.
type probeConn struct {
	sock   *nbioSocket
	client *net.TCPConn
	data   chan string
	closed chan struct{}
	hold   chan struct{} // OnData waits until it is closed
}

func (c *probeConn) OnData(b []byte) {
	c.data <- string(b)
	<-c.hold
}

func (c *probeConn) OnWritten(int) {}
func (c *probeConn) OnClose(error) { close(c.closed) }

// connect makes a TCP connection.
func connect(t *testing.T) (client *net.TCPConn, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn), server
}

// take puts a connection on the poller.
func take(t *testing.T, p *nbioPoller, client *net.TCPConn, server net.Conn) *probeConn {
	t.Helper()
	s, err := p.TakeOver(server)
	if err != nil {
		t.Fatal(err)
	}
	c := &probeConn{sock: s.(*nbioSocket), client: client, data: make(chan string, 8), closed: make(chan struct{}), hold: make(chan struct{})}
	if err := p.Serve(s, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *probeConn) say(t *testing.T, text string) {
	t.Helper()
	if _, err := c.client.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func newTestPoller(t *testing.T) (_ *nbioPoller, stop func()) {
	t.Helper()
	p := newNbioPoller(PollerConfig{
		Loops: 1, SendBuffer: 128 << 10, ReceiveBuffer: 64 << 10, Watch: func(string) Loop { return unwatched{} },
	})
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(p.Stop)
	t.Cleanup(stop)
	return p, stop
}

// occupy opens files until n is the lowest descriptor that can come free.
func occupy(t *testing.T, n int) {
	t.Helper()
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		if int(f.Fd()) > n {
			return
		}
	}
}

// awaitReset waits until the kernel knows that the client has reset the connection.
func awaitReset(t *testing.T, fd int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		n, _, err := syscall.Recvfrom(fd, make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case err == syscall.EAGAIN && time.Now().Before(deadline):
		case err == syscall.ECONNRESET:
			return
		default:
			t.Fatalf("instead of a reset: %d bytes, %v", n, err)
		}
	}
}

// TestPollerTellsANumberThatIsUsedAgain: a client's reset waits in the loop when the
// connection is closed by somebody else, and its number given to a new one. That one
// is served: what is told is not of it.
func TestPollerTellsANumberThatIsUsedAgain(t *testing.T) {
	p, _ := newTestPoller(t)
	open := func() *probeConn { c, s := connect(t); return take(t, p, c, s) }
	first, second, third, old := open(), open(), open(), open()
	newClient, newServer := connect(t)
	close(old.hold)
	old.say(t, "it is served")
	<-old.data
	occupy(t, old.sock.fd)

	first.say(t, "the loop is busy")
	<-first.data
	second.say(t, "the next round begins with this, and is busy again")
	_ = old.client.SetLinger(0)
	_ = old.client.Close()
	awaitReset(t, old.sock.fd)
	close(first.hold)
	<-second.data // the loop has the reset, too

	number := old.sock.fd
	old.sock.Close(nil)
	fresh := take(t, p, newClient, newServer)
	if fresh.sock.fd != number {
		t.Fatalf("the new connection has the number %d, not %d: this test is of no use", fresh.sock.fd, number)
	}
	close(fresh.hold)
	close(second.hold)
	third.say(t, "the loop has come to the next round")
	<-third.data
	close(third.hold)
	fresh.say(t, "hello")
	select {
	case <-fresh.data:
	case <-fresh.closed:
		t.Error("the new connection is closed before its first byte")
	}
}

// TestPollerClosesWhatItDoesNotServeYet: whoever closes a connection hears of its end,
// also before the loop has come to it, and when the poller stops meanwhile.
func TestPollerClosesWhatItDoesNotServeYet(t *testing.T) {
	p, _ := newTestPoller(t)
	open := func() *probeConn { c, s := connect(t); return take(t, p, c, s) }
	busy := open()
	busy.say(t, "the loop is busy")
	<-busy.data
	closed := open()
	closed.sock.Close(nil)
	closed.sock.Close(nil)
	close(busy.hold)
	<-closed.closed

	p, stop := newTestPoller(t)
	busy = open()
	busy.say(t, "the loop is busy")
	<-busy.data
	waits := open()
	go stop()
	<-waits.closed
	close(busy.hold)
	<-busy.closed
}
