package gateway

import (
	"errors"
	"net"
	"net/netip"
	"time"
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
			s.welcomeConn(tcp)
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

// welcomeConn puts an accepted connection to work, or closes it if there are
// too many.
func (s *Server) welcomeConn(tcp net.Conn) {
	if s.conns.count.Load() >= int64(s.opts.MaxConns) {
		s.metrics.refusedConns.Inc()
		_ = tcp.Close() // it is unwanted, whatever close says
		return
	}
	c := &conn{srv: s, serial: s.serial.Add(1), opened: s.clock.coarse()}
	if a, err := netip.ParseAddrPort(tcp.RemoteAddr().String()); err == nil {
		c.addr = a.Addr().Unmap()
	}
	s.metrics.accepted.Inc()
	if err := s.poller.adopt(tcp, c); err != nil {
		s.conns.remove(c)
		s.log.Warn("a connection could not be taken over", "err", err)
	}
}
