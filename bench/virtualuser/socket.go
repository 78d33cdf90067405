package virtualuser

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// socket is what a connection stands on: one of TCP.
type socket interface {
	// write hands all of b to the kernel, or keeps a copy of what it does not
	// take for later. It never blocks. What fails is told as a closed connection.
	write(b []byte)
	// close ends it at once; nothing of it is told any more. hard resets it, so
	// that the other side sees an error.
	close(hard bool)
}

// connect begins a connection and does not wait for it. from may be invalid:
// then the kernel chooses the address. recv bounds the receive buffer, 0: not.
func connect(to netip.AddrPort, from netip.Addr, recv int) (fd int, err error) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a socket: %w", err)
	}
	if err := begin(fd, to, from, recv); err != nil {
		_ = unix.Close(fd) // it was never used
		return -1, err
	}
	return fd, nil
}

func begin(fd int, to netip.AddrPort, from netip.Addr, recv int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("set up a socket: %w", err)
	}
	if recv > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, recv); err != nil {
			return fmt.Errorf("set up a socket: %w", err)
		}
	}
	if from.IsValid() {
		// The port is chosen when the other side is known: so one port serves
		// for connections to many targets.
		if err := unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return fmt.Errorf("set up a socket: %w", err)
		}
		if err := unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))); err != nil {
			return fmt.Errorf("dial from %s: %w", from, err)
		}
	}
	err := unix.Connect(fd, sockaddr(to))
	switch {
	case err == nil || errors.Is(err, unix.EINPROGRESS):
		return nil
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return errors.New("there are no ports left to dial from: give more source addresses")
	}
	return unreachable(err)
}

func unreachable(err error) error { return fmt.Errorf("the target cannot be reached: %w", err) }

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// socketConn makes a net.Conn of a socket that may still be connecting; fd is taken.
func socketConn(fd int) (net.Conn, error) {
	f := os.NewFile(uintptr(fd), "")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("take over a socket: %w", err)
	}
	return c, nil
}
