package floor

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// readBytes is the most that is read from a socket at once.
const readBytes = 64 << 10

// Server is the loop and everybody in it. All fields but wake and done are owned
// by the goroutine of Serve.
type Server struct {
	epoll, listener int
	wake            int // eventfd, written by Close
	closing         atomic.Bool
	done            chan struct{}

	conns []*conn // by descriptor
	rooms map[int32]*room
	dead  []*conn // to be closed when what is under way is done

	input []byte // what was read last
	out   []byte // the frame that is being built
	now   uint64 // Unix time in seconds, of the last wake-up
}

// New makes a server that does nothing yet.
func New() (*Server, error) {
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an eventfd: %w", err)
	}
	return &Server{
		wake: wake, done: make(chan struct{}), rooms: map[int32]*room{},
		input: make([]byte, readBytes), out: make([]byte, 0, readBytes),
	}, nil
}

// Serve serves those who connect until Close. It takes the listener over.
func (s *Server) Serve(l net.Listener) error {
	defer close(s.done)
	defer l.Close()
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("%T is not a TCP listener", l)
	}
	file, err := tcp.File()
	if err != nil {
		return fmt.Errorf("take over the listener: %w", err)
	}
	defer file.Close()
	s.listener = int(file.Fd())
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make an epoll: %w", err)
	}
	defer unix.Close(s.epoll)
	err = errors.Join(unix.SetNonblock(s.listener, true), s.watch(s.listener, unix.EPOLLIN), s.watch(s.wake, unix.EPOLLIN))
	if err == nil {
		err = s.run()
	}
	for _, c := range s.conns {
		if c != nil {
			unix.Close(c.fd)
		}
	}
	return err
}

// Close ends Serve and waits for it.
func (s *Server) Close() {
	s.closing.Store(true)
	if _, err := unix.Write(s.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		panic(fmt.Sprintf("an eventfd that is written once is full: %v", err))
	}
	<-s.done
	unix.Close(s.wake)
}

func (s *Server) watch(fd int, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(fd)}
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &event)
}

func (s *Server) run() error {
	events := make([]unix.EpollEvent, 1024)
	for !s.closing.Load() {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait for events: %w", err)
		}
		var now unix.Timeval
		if err := unix.Gettimeofday(&now); err != nil {
			return fmt.Errorf("read the clock: %w", err)
		}
		s.now = uint64(now.Sec)
		for _, event := range events[:n] {
			s.happened(int(event.Fd), event.Events)
		}
		s.bury()
	}
	return nil
}

func (s *Server) happened(fd int, events uint32) {
	switch {
	case fd == s.listener:
		s.accept()
	case fd == s.wake, fd >= len(s.conns) || s.conns[fd] == nil:
	default:
		c := s.conns[fd]
		if events&unix.EPOLLOUT != 0 {
			s.flush(c)
		}
		if events&^unix.EPOLLOUT != 0 && !c.dead {
			s.read(c)
		}
	}
}

// accept takes all that wait, and leaves them waiting when files are short.
func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return // EAGAIN, mostly; whatever else it is, epoll tells again
		}
		if errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), s.watch(fd, unix.EPOLLIN)) != nil {
			unix.Close(fd)
			continue
		}
		for fd >= len(s.conns) {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd}
	}
}

// bury closes those that ended, at a time at which nothing refers to them.
func (s *Server) bury() {
	for _, c := range s.dead {
		s.leave(c)
		s.conns[c.fd] = nil
		unix.Close(c.fd)
	}
	s.dead = s.dead[:0]
}
