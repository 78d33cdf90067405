package gateway

// MostQueued is how many bytes are queued for the connection that has the most.
func (s *Server) MostQueued() int {
	most := 0
	s.conns.each(func(c *conn) { most = max(most, c.out.QueuedBytes()) })
	return most
}

// HoldRoom takes a room's lock, as one does who shows an entry to many members.
func (s *Server) HoldRoom(id int32) (release func()) {
	r := s.rooms.get(id)
	r.mu.Lock()
	return r.mu.Unlock
}

// Entering is how many connections wait for the answer to a join.
func (s *Server) Entering() (n int) {
	s.conns.each(func(c *conn) {
		c.locked(func(u *user) {
			if u.joining != nil {
				n++
			}
		})
	})
	return n
}

// Arrivals is of how many connections it is to be found out where else their users are.
func (s *Server) Arrivals() int {
	s.arrivals.mu.Lock()
	defer s.arrivals.mu.Unlock()
	return len(s.arrivals.set)
}

// Opening is how many rooms wait to be opened, once for each network that wants them.
func (s *Server) Opening() int {
	_, count := s.work.opening.Waited(s.clock.Coarse())
	return count
}

// RunSoon has the timers run f.
func (s *Server) RunSoon(f func()) { s.timers.After(0, f) }
