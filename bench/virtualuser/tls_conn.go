package virtualuser

import (
	"encoding/binary"
	"net"
	"time"
)

// cipherConn is what crypto/tls takes for the connection beneath: what came, and
// the socket. During the handshake it belongs to the goroutine that makes it, and
// waits; afterwards to the loop, and never waits.
type cipherConn struct{ s *tlsSocket }

var _ net.Conn = cipherConn{}

func (c cipherConn) Read(p []byte) (int, error) {
	if c.s.since == nil {
		return c.s.take(p)
	}
	l := c.s.line.p.loop
	for {
		l.mu.Lock()
		n, err := c.s.take(p)
		l.mu.Unlock()
		if err != errNothing {
			return n, err
		}
		l.handshakes.rest(*c.s.since)
		<-c.s.more
		*c.s.since = l.handshakes.compute()
	}
}

// take takes from what came, but nothing of two records at once, nor of a record's
// head and what follows: crypto/tls would make space for what it has not asked for,
// and never gives space back.
func (s *tlsSocket) take(p []byte) (n int, err error) {
	switch {
	case len(s.in) > 0:
	case s.over != nil:
		return 0, s.over
	default:
		return 0, errNothing
	}
	if s.body > 0 {
		n = copy(p, s.in[:min(s.body, len(s.in))])
		s.body -= n
	} else {
		n = copy(p, s.in[:min(len(s.head)-s.heads, len(s.in))])
		if s.heads += copy(s.head[s.heads:], s.in[:n]); s.heads == len(s.head) {
			s.body, s.heads = int(binary.BigEndian.Uint16(s.head[3:])), 0
		}
	}
	s.in = s.in[n:]
	return n, nil
}

func (c cipherConn) Write(p []byte) (int, error) {
	l := c.s.line.p.loop
	if c.s.since != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
	}
	l.sample.BytesOut += int64(len(p))
	c.s.raw.write(p)
	return len(p), nil
}

// Close does nothing: the connection closes the socket.
func (cipherConn) Close() error { return nil }

func (cipherConn) LocalAddr() net.Addr              { return nil }
func (cipherConn) RemoteAddr() net.Addr             { return nil }
func (cipherConn) SetDeadline(time.Time) error      { return nil }
func (cipherConn) SetReadDeadline(time.Time) error  { return nil }
func (cipherConn) SetWriteDeadline(time.Time) error { return nil }
