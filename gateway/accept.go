package gateway

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"tuitalk/gateway/limits"
)

// Bounds of the pause after an accept that failed, as when no file is left.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// accept takes connections until the listener is closed.
func (s *Server) accept(l net.Listener) {
	pause := acceptPauseMin
	for {
		tcp, err := l.Accept()
		switch {
		case err == nil:
			pause = acceptPauseMin
			s.acceptLoop.begin()
			s.welcomeConn(tcp)
			s.acceptLoop.end()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.log.Warn("accept failed", "err", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-s.ended:
				return
			}
			pause = min(2*pause, acceptPauseMax)
		}
	}
}

// welcomeConn puts an accepted connection to work, or closes it if there are too
// many.
func (s *Server) welcomeConn(tcp net.Conn) {
	c := &conn{srv: s, serial: s.serial.Add(1), opened: s.clock.coarse()}
	if a, err := netip.ParseAddrPort(tcp.RemoteAddr().String()); err == nil {
		c.addr = a.Addr().Unmap()
	}
	c.account.Holder = c
	a := s.limits.Accept(s.clock.elapsed(), &c.account, c.addr, s.trusts(c.addr))
	s.evict(a)
	if a.Refusal != limits.RefusedNot {
		s.metrics.refusedConn(a.Refusal)
		_ = tcp.Close() // it is unwanted, whatever close says
		return
	}
	s.metrics.accepted.Inc()
	if err := s.adopt(tcp, c); err != nil {
		s.limits.Leave(&c.account)
		s.conns.remove(c)
		s.log.Warn("a connection could not be taken over", "err", err)
		return
	}
	c.adopted.Store(true)
	if c.closeBy.Load() != 0 {
		c.sock.Close(nil) // it gave way already
	}
}
