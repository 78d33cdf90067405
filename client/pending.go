package client

import (
	"time"

	"tuitalk/talk"
)

// entryKey names an entry within a room.
type entryKey struct{ author, id talk.UUID }

// lookBack is how many stored entries a pending one is compared with: it may
// come after the stored one that took its place.
const lookBack = 1024

// pending holds the accepted entries of others until they are stored.
type pending struct {
	list    []talk.Entry
	from    []ConnID   // which line spoke of it last
	cleared []entryKey // stored entries that the user cleared away
	staleAt time.Time  // what the present line has not spoken of by then goes; zero: never
}

func (p *pending) reset() { *p = pending{} }

// add takes a pending entry unless it is known, stored or too many.
func (p *pending) add(e *talk.Entry, conn ConnID, log *Log) bool {
	for i := range p.list {
		if p.list[i].ID == e.ID && p.list[i].Author == e.Author {
			p.from[i] = conn
			return false
		}
	}
	if len(p.list) >= maxPending || p.wasStored(entryKey{e.Author, e.ID}, log) {
		return false
	}
	p.list = append(p.list, *e)
	p.from = append(p.from, conn)
	return true
}

func (p *pending) wasStored(key entryKey, log *Log) bool {
	for i := log.Len() - 1; i >= max(0, log.Len()-lookBack); i-- {
		if e := log.At(i); e.ID == key.id && e.Author == key.author {
			return true
		}
	}
	for _, k := range p.cleared {
		if k == key {
			return true
		}
	}
	return false
}

// remove takes out an entry that is stored or withdrawn.
func (p *pending) remove(author, id talk.UUID) bool {
	for i := range p.list {
		if p.list[i].ID == id && p.list[i].Author == author {
			p.removeAt(i)
			return true
		}
	}
	return false
}

func (p *pending) removeAt(i int) {
	p.list = append(p.list[:i], p.list[i+1:]...)
	p.from = append(p.from[:i], p.from[i+1:]...)
}

// clear forgets all, but not what was stored lately.
func (p *pending) clear(log *Log) {
	p.list, p.from, p.staleAt = nil, nil, time.Time{}
	for i := max(0, log.Len()-lookBack); i < log.Len(); i++ {
		e := log.At(i)
		p.cleared = append(p.cleared, entryKey{e.Author, e.ID})
	}
	if n := len(p.cleared) - lookBack; n > 0 {
		p.cleared = append(p.cleared[:0], p.cleared[n:]...)
	}
}

// newLine gives another server a while to speak of what it knows to be pending.
func (p *pending) newLine(now time.Time) {
	if len(p.list) > 0 {
		p.staleAt = now.Add(staleTime)
	}
}

// dropStale takes out what nobody speaks of any more. It is in the spool, or in
// the log soon; but whether it was withdrawn, no one would say.
func (p *pending) dropStale(conn ConnID, now time.Time) (dropped bool) {
	if !due(p.staleAt, now) {
		return false
	}
	p.staleAt = time.Time{}
	for i := len(p.list) - 1; i >= 0; i-- {
		if p.from[i] != conn {
			p.removeAt(i)
			dropped = true
		}
	}
	return dropped
}
