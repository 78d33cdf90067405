package floor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxBacklog is what may wait for one socket: whoever reads more slowly is cut off.
const maxBacklog = 4 << 20

// conn is one client.
type conn struct {
	fd      int
	open    bool // the handshake is done
	dead    bool
	partial []byte // a part of a frame, or of the handshake
	backlog []byte // what its socket did not take

	room *room // nil: none
	at   int   // its place among the room's members
}

// room is who gets what is said in it.
type room struct {
	id      int32
	seq     int64
	members []*conn
}

// end has the connection closed when what is under way is done.
func (s *Server) end(c *conn) {
	if !c.dead {
		c.dead = true
		s.dead = append(s.dead, c)
	}
}

func (s *Server) read(c *conn) {
	n, err := unix.Read(c.fd, s.input)
	if err == unix.EAGAIN || err == unix.EINTR {
		return
	}
	if n <= 0 {
		s.end(c)
		return
	}
	data := s.input[:n]
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		data = c.partial
	}
	rest := s.consume(c, data)
	switch {
	case len(rest) == 0:
		c.partial = nil
	case len(rest) > readBytes:
		s.end(c) // a frame or a handshake larger than any that is meant
	default:
		c.partial = append([]byte(nil), rest...)
	}
}

// consume handles the whole frames of data and returns what is left.
func (s *Server) consume(c *conn, data []byte) []byte {
	if !c.open {
		rest, done, ok := s.upgrade(c, data)
		if !ok {
			s.end(c)
			return nil
		}
		if !done {
			return data
		}
		c.open, data = true, rest
	}
	for !c.dead {
		opcode, payload, size := parse(data)
		if size == 0 {
			return data
		}
		if size < 0 {
			s.end(c)
			break
		}
		s.frame(c, opcode, payload)
		data = data[size:]
	}
	return nil
}

// send gives b to the socket, and keeps what it does not take.
func (s *Server) send(c *conn, b []byte) {
	if c.dead {
		return
	}
	if len(c.backlog) == 0 {
		n, errno := send(c.fd, b)
		if n == len(b) {
			return
		}
		if errno != 0 && errno != unix.EAGAIN {
			s.end(c)
			return
		}
		b = b[max(n, 0):]
		s.interest(c, unix.EPOLLIN|unix.EPOLLOUT)
	}
	if c.backlog = append(c.backlog, b...); len(c.backlog) > maxBacklog {
		s.end(c)
	}
}

// flush sends what was left when the socket takes more.
func (s *Server) flush(c *conn) {
	n, errno := send(c.fd, c.backlog)
	if errno != 0 && errno != unix.EAGAIN {
		s.end(c)
		return
	}
	if c.backlog = c.backlog[max(n, 0):]; len(c.backlog) == 0 {
		c.backlog = nil
		s.interest(c, unix.EPOLLIN)
	}
}

func (s *Server) interest(c *conn, events uint32) {
	event := unix.EpollEvent{Events: events, Fd: int32(c.fd)}
	if unix.EpollCtl(s.epoll, unix.EPOLL_CTL_MOD, c.fd, &event) != nil {
		s.end(c)
	}
}

// send is send(2) without telling Go's scheduler, which has nobody else to run
// and need not be asked: the socket never blocks.
func send(fd int, b []byte) (int, syscall.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}
