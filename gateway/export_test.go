package gateway

// MostQueued is how many bytes are queued for the connection that has the most.
func (s *Server) MostQueued() int {
	most := 0
	s.conns.each(func(c *conn) { most = max(most, c.out.queuedBytes()) })
	return most
}

// HoldRoom takes a room's lock, as one does who shows an entry to many members.
func (s *Server) HoldRoom(id int32) (release func()) {
	r := s.rooms.get(id)
	r.mu.Lock()
	return r.mu.Unlock
}
