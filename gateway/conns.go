package gateway

import (
	"slices"
	"sync"
	"sync/atomic"

	"tuitalk/talk"
)

// connShards spreads the registry, so that a storm of connections does not
// queue up at one lock.
const connShards = 16

// conns are all open connections.
type conns struct {
	count  atomic.Int64
	shards [connShards]struct {
		mu   sync.Mutex
		list []*conn
	}
}

func (cs *conns) add(c *conn) {
	sh := &cs.shards[c.serial%connShards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	c.slot = len(sh.list)
	sh.list = append(sh.list, c)
	cs.count.Add(1)
}

func (cs *conns) remove(c *conn) {
	sh := &cs.shards[c.serial%connShards]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if c.slot >= len(sh.list) || sh.list[c.slot] != c {
		return
	}
	last := len(sh.list) - 1
	sh.list[c.slot] = sh.list[last]
	sh.list[c.slot].slot = c.slot
	sh.list[last] = nil
	sh.list = sh.list[:last]
	cs.count.Add(-1)
}

// each calls f for every connection there was at the beginning of its shard's
// turn, with no lock held.
func (cs *conns) each(f func(*conn)) {
	var snapshot []*conn
	for i := range cs.shards {
		sh := &cs.shards[i]
		sh.mu.Lock()
		snapshot = append(snapshot[:0], sh.list...)
		sh.mu.Unlock()
		for _, c := range snapshot {
			f(c)
		}
	}
}

// inShard returns the connections of a shard.
func (cs *conns) inShard(i int) []*conn {
	sh := &cs.shards[i]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return slices.Clone(sh.list)
}

// sessionID names one window of one user, wherever it is.
type sessionID struct{ uuid, session talk.UUID }

func sessionIDOf(k sessionKey) sessionID { return sessionID{k.UUID, k.Session} }

// sessionIndex finds the connection that a session has on this node, so that a newer
// one replaces it.
type sessionIndex struct {
	mu     sync.Mutex
	by     map[sessionID]*conn
	byUser map[talk.UUID][]*conn // those of by
}

// of returns the connections that a user has on this node.
func (w *sessionIndex) of(user talk.UUID) []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.byUser[user])
}

// put returns the connection that it replaces, nil if there is none.
func (w *sessionIndex) put(k sessionID, c *conn) (old *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old = w.by[k]; old == c {
		return nil
	}
	if old != nil {
		w.drop(k.uuid, old)
	}
	w.by[k] = c
	w.byUser[k.uuid] = append(w.byUser[k.uuid], c)
	return old
}

// get returns the connection of a window, nil if it has none here.
func (w *sessionIndex) get(k sessionID) *conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.by[k]
}

func (w *sessionIndex) remove(k sessionID, c *conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[k] == c {
		delete(w.by, k)
		w.drop(k.uuid, c)
	}
}

// drop takes a connection from those of a user. Call with mu held.
func (w *sessionIndex) drop(user talk.UUID, c *conn) {
	rest := slices.DeleteFunc(w.byUser[user], func(other *conn) bool { return other == c })
	if len(rest) == 0 {
		delete(w.byUser, user)
		return
	}
	w.byUser[user] = rest
}
