package virtualuser

import (
	"errors"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	slowRecv   = 4 << 10 // receive buffer of a slow reader's socket
	slowPause  = 50 * time.Millisecond
	slowUnsent = 1 << 20 // bytes that may wait to be written
)

// slowSocket is a connection that no poller reads: the loop does, every
// slowPause, and no more than is allowed.
type slowSocket struct {
	loop  *loop
	line  *connection
	fd    int // -1: closed
	out   []byte
	spare float64 // bytes that may be read
	since time.Time
}

var _ socket = (*slowSocket)(nil)

func (l *loop) adoptSlow(fd int, line *connection) socket {
	s := &slowSocket{loop: l, line: line, fd: fd, since: l.now}
	l.slow = append(l.slow, s)
	return s
}

func (s *slowSocket) write(b []byte) {
	if s.fd < 0 {
		return
	}
	s.out = append(s.out, b...)
	s.flush()
}

func (s *slowSocket) flush() {
	for len(s.out) > 0 && s.fd >= 0 {
		n, err := unix.Write(s.fd, s.out)
		switch {
		case n > 0:
			s.out = s.out[n:]
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN) && len(s.out) <= slowUnsent:
			return
		}
		s.fail(err)
	}
	if len(s.out) == 0 {
		s.out = nil
	}
}

func (s *slowSocket) fail(err error) {
	s.close(false)
	if s.line.tls != nil && !s.line.tls.broke(err) {
		return
	}
	s.loop.failures = append(s.loop.failures, connFailure{s.line, 0, s.line.whyBroken(err)})
}

func (s *slowSocket) close(hard bool) {
	if s.fd < 0 {
		return
	}
	if hard {
		_ = unix.SetsockoptLinger(s.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // else softly
	}
	_ = unix.Close(s.fd) // nothing of it is wanted any more
	s.fd = -1
}

// readSlow reads what the slow readers may read by now.
func (l *loop) readSlow() {
	if l.now.Before(l.slowAt) || len(l.slow) == 0 {
		return
	}
	l.slowAt = l.now.Add(slowPause)
	kept := l.slow[:0]
	for _, s := range l.slow {
		s.flush()
		s.read()
		if s.fd >= 0 {
			kept = append(kept, s)
		}
	}
	clear(l.slow[len(kept):])
	l.slow = kept
}

// read reads at the pace of a slow reader, once it has joined; before that, and
// after StopPosting, whatever there is.
func (s *slowSocket) read() {
	rate := float64(s.loop.group.cfg.Scenario.SlowBytes)
	s.spare = min(rate, s.spare+rate*s.loop.now.Sub(s.since).Seconds())
	s.since = s.loop.now
	paced := s.line.joined && !s.loop.quiet
	for s.fd >= 0 {
		buf := s.loop.slowBuf[:]
		if paced {
			buf = buf[:min(len(buf), int(s.spare))]
		}
		if len(buf) == 0 {
			return
		}
		n, err := unix.Read(s.fd, buf)
		switch {
		case n > 0:
			s.spare = max(0, s.spare-float64(n))
			s.line.received(buf[:n])
			s.loop.flushFailures()
		case n == 0 && err == nil:
			s.fail(io.EOF)
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOTCONN):
			return
		default:
			s.fail(err)
		}
	}
}
