package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// network is a network of its own, with nothing but its loopback: what runs in
// it reaches 127.0.0.1 of its own and nothing else. It goes with the last process
// and socket in it. nil is the network of this process.
type network struct{ namespace *os.File }

// errNotRoot: making a network needs CAP_SYS_ADMIN.
var errNotRoot = errors.New("a network of its own needs root")

// isolate puts the process starter's thread, and so every process that it will start,
// into a new network.
func (s *procStarter) isolate() (n *network, err error) {
	s.do(func() {
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		if err = raiseLoopback(); err != nil {
			return
		}
		n = &network{}
		n.namespace, err = os.Open("/proc/thread-self/ns/net")
	})
	switch {
	case errors.Is(err, unix.EPERM):
		return nil, errNotRoot
	case err != nil:
		return nil, fmt.Errorf("make a network: %w", err)
	}
	return n, nil
}

// raiseLoopback switches on the loopback of the calling thread's network.
func raiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// close lets go of the network; who is in it stays.
func (n *network) close() {
	if n != nil {
		n.namespace.Close()
	}
}

// enter runs f on a thread that is in the network: a socket belongs to the
// network of the thread that makes it, and may be used from everywhere.
func (n *network) enter(f func() error) error {
	if n == nil {
		return f()
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with this goroutine, and nobody else gets it
		if err := unix.Setns(int(n.namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter a network: %w", err)
			return
		}
		done <- f()
	}()
	return <-done
}

// listen listens for plain TCP: a socket that may become multipath TCP takes no
// filter.
func (n *network) listen(addr string) (l net.Listener, err error) {
	var c net.ListenConfig
	c.SetMultipathTCP(false)
	err = n.enter(func() error {
		l, err = c.Listen(context.Background(), "tcp", addr)
		return err
	})
	return l, err
}

// dial connects to an address with a numeric host.
func (n *network) dial(ctx context.Context, addr string) (conn *net.TCPConn, err error) {
	d := net.Dialer{KeepAlive: -1}
	err = n.enter(func() error {
		c, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			conn = c.(*net.TCPConn)
		}
		return err
	})
	return conn, err
}

// deafen makes a socket lose every packet that it is sent, as if the cable was
// cut: nothing is acknowledged, nothing refused. undeaf ends it; what was lost
// meanwhile comes when its sender repeats it.
func deafen(c syscall.Conn) error {
	lose := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return control(c, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(lose)), Filter: &lose[0]})
	})
}

func undeaf(c syscall.Conn) error {
	err := control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0) })
	if errors.Is(err, unix.ENOENT) { // it was not deaf
		return nil
	}
	return err
}

func control(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}
