package gateway

import (
	"tuitalk/history"
)

// A session is entered anew, with another epoch, when another node may have taken
// this one for dead. Until the store has answered, what would change the session
// waits: it would name an epoch that is about to be stale. It says the epoch that it
// has, so that it takes the session from nobody who has got it since: the rule is in
// package history, "Who is where". Where that was so, the lease manager finds out, and ends
// the connection here.

// reregisterAll enters all sessions of this node anew: while it did not reach
// the store, another node may have taken it for dead.
func (s *Server) reregisterAll() {
	s.conns.each(func(c *conn) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reregister(true)
	})
}

// reclaimSession enters a session anew that is said to be broken but is here: another
// node took this one for dead.
func (s *Server) reclaimSession(b history.Session) bool {
	c := s.windows.get(sessionIDOf(b.SessionKey))
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &c.user
	mine := u.room != nil && u.room.id == b.RoomID && c.at() == stageSocket && u.epoch <= b.Epoch
	if mine {
		c.reregister(true)
	}
	return mine
}

// reregister registers a session that has its membership already, unless it is on its
// way; then the next round does it, if it still must. keep: a name that the store has
// for the user is newer than the one that he has here. Call with mu held.
func (c *conn) reregister(keep bool) {
	u := &c.user
	r := u.room
	if u.async != asyncIdle || !u.place.on(placeReregister) {
		return
	}
	key, name := c.sessionKey(r), u.name
	e := registration{key: key, name: name, id: enterIDOf(u.entered), epoch: u.epoch, keep: keep && key.UUID.Proven()}
	c.srv.registerSession(e, func(a history.Moved) { c.onReregistered(r, key, name, a) })
}

// onReregistered is called on the lane's goroutine.
func (c *conn) onReregistered(r *room, key sessionKey, name string, a history.Moved) {
	c.srv.publishMoved(r, a)
	here, unresolved := false, false
	c.locked(func(u *user) {
		unresolved = u.place == placeUnresolved
		u.place.on(placeReregistered)
		here = u.room == r
		if here && a.Applied {
			u.epoch = a.Epoch
			switch {
			case u.renaming != nil:
			case u.name != name: // the log has given it meanwhile; the store may have a newer one since
			default:
				u.takeName(a.Name, entrySeq(a.Entry))
			}
		}
	})
	if !here && a.Applied {
		c.srv.breakSession(key, a.Epoch) // it has gone meanwhile
	}
	if unresolved {
		c.srv.arrivals.add(c)
	}
	c.resumeBacklog()
}
