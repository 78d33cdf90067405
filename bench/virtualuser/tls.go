package virtualuser

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// tlsSocket is a connection that is spoken over with TLS. What comes is handed to
// it by the loop; what it has to write goes to the socket beneath. It belongs to
// the loop, but for the handshake.
type tlsSocket struct {
	line *connection
	raw  socket    // beneath
	conn *tls.Conn // above this, as a net.Conn

	in    []byte  // came and is not decrypted; while the loop decrypts it is only lent
	head  [5]byte // of the record under way: type, version, length
	heads int     // bytes of it that were taken
	body  int     // bytes of the record that are still to be taken behind its head

	// of the handshake; nil and zero afterwards
	begun bool
	more  chan struct{} // something has come, or nothing will; nil: the handshake is done
	over  error         // nothing will come
	since *time.Time    // when its goroutine began to compute; owned by that
}

var _ socket = (*tlsSocket)(nil)

// maxFlight is the most that a server may say in a handshake, in bytes.
const maxFlight = 256 << 10

// errNothing says that there is nothing to decrypt for now. To crypto/tls it is a
// deadline that is over, after which it can go on.
var errNothing = os.ErrDeadlineExceeded

// secure begins the handshake of a connection that is just being connected.
func (l *loop) secure(line *connection) {
	s := &tlsSocket{line: line, raw: line.sock, more: make(chan struct{}, 1)}
	s.conn = tls.Client(cipherConn{s}, line.target.tls)
	line.sock, line.tls, line.state = s, s, securing
	l.beginHandshake(s)
}

// secured is called once when the handshake is done.
func (s *tlsSocket) secured() {
	came := s.in
	s.in, s.more, s.since = nil, nil, nil
	s.line.state = upgrading
	s.line.ask()
	s.received(came)
	if s.over != nil {
		s.line.fail(0, s.line.whyBroken(s.over))
	}
}

// received takes what the socket beneath has read, and hands on what it means.
func (s *tlsSocket) received(data []byte) {
	if s.more != nil {
		if s.in = append(s.in, data...); len(s.in) > maxFlight {
			s.line.fail(0, "the target says too much in the TLS handshake")
			return
		}
		s.wake()
		return
	}
	s.in = data
	for s.line.state != gone {
		plain, err := s.decrypt()
		s.line.take(plain)
		switch {
		case err == nil:
			continue
		case errors.Is(err, errNothing):
		case errors.Is(err, io.EOF):
			s.line.fail(0, "")
		default:
			s.line.fail(0, "the target breaks TLS: "+err.Error())
		}
		break
	}
	s.in = nil
}

// decrypt decrypts all that came, or as much as there is space for.
func (s *tlsSocket) decrypt() (plain []byte, err error) {
	space, n := s.line.p.loop.plain[:], 0
	for err == nil && n < len(space) {
		var more int
		more, err = s.conn.Read(space[n:])
		n += more
	}
	return space[:n], err
}

// broke tells a handshake that the connection is gone: it may have to read what
// came before. done: there is none that could tell why.
func (s *tlsSocket) broke(err error) (done bool) {
	if s.more == nil || !s.begun {
		return true
	}
	if s.over = err; err == nil {
		s.over = io.EOF
	}
	s.wake()
	return false
}

func (s *tlsSocket) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

func (s *tlsSocket) write(b []byte) {
	if _, err := s.conn.Write(b); err != nil {
		s.line.p.loop.failures = append(s.line.p.loop.failures, connFailure{s.line, 0, "the target breaks TLS: " + err.Error()})
	}
}

// close parts as TLS does, unless it is hard.
func (s *tlsSocket) close(hard bool) {
	switch {
	case s.more != nil:
		s.over = net.ErrClosed
		s.wake()
	case !hard:
		_ = s.conn.CloseWrite() // the other side need not hear it
	}
	s.raw.close(hard)
}
