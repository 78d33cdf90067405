package gateway

// MostQueued is how many bytes are queued for the connection that has the most.
func (s *Server) MostQueued() int {
	most := 0
	s.conns.each(func(c *conn) { most = max(most, c.out.queuedBytes()) })
	return most
}
