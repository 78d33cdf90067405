package gateway

import (
	"net"
	"net/netip"

	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
)

// accept takes connections until the listener is closed.
func (s *Server) accept(l net.Listener) {
	transport.Accept(l, s.ended, s.log, func(tcp net.Conn) {
		s.acceptLoop.Begin()
		s.opts.Failpoint("accept")
		s.welcomeConn(tcp)
		s.acceptLoop.End()
	})
}

// welcomeConn puts an accepted connection to work, or closes it if there are too
// many.
func (s *Server) welcomeConn(tcp net.Conn) {
	c := &conn{srv: s, serial: s.serial.Add(1), opened: s.clock.Coarse()}
	if a, err := netip.ParseAddrPort(tcp.RemoteAddr().String()); err == nil {
		c.addr = a.Addr().Unmap()
	}
	c.account.Holder = c
	a := s.limits.Accept(s.clock.Elapsed(), &c.account, c.addr, s.rules.Trusts(c.addr))
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

// adopt puts an accepted connection on the poller.
func (s *Server) adopt(tcp net.Conn, c *conn) error {
	sock, err := s.poller.TakeOver(tcp)
	if err != nil {
		return err
	}
	c.sock = sock
	c.stage.Store(uint32(stageHTTP)) // what is written above is seen by who loads it
	s.conns.add(c)
	return s.poller.Serve(sock, c)
}
