package redisbus

import (
	"context"
	"sync"
	"time"

	"tuitalk/fanout"
)

// phase is where a channel's subscription stands on the present session.
type phase uint8

const (
	off phase = iota
	adding
	on
	dropping
)

// subscriptionState is one room of this node. There are many, so it is small.
type subscriptionState struct {
	wanted bool
	owed   bool // what is published may be missed: Lost once it is on
	phase  phase
}

// wait is for those who want to know what became of a room.
type wait struct {
	settled chan struct{}
	joiners int // that wait for it to be on
}

// partition is this node's part of a partition: the rooms it wants, and the
// session on which it has them.
type partition struct {
	index int
	done  <-chan struct{} // of the bus

	mu      sync.Mutex
	session *session  // where it is, or is being, subscribed; nil: nowhere
	home    string    // address where it was attached last; empty: nowhere yet
	live    bool      // everything wanted when it was attached is subscribed
	refused *session  // the last one whose server refused the partition
	again   time.Time // when it may be attached to that one again
	control phase     // of the partition's own channel
	seats   map[int32]subscriptionState
	dirty   []int32 // rooms whose phase is not what is wanted; may repeat
	waits   map[int32]*wait

	ledger suspectRooms
}

func newPartition(index int, done <-chan struct{}) *partition {
	return &partition{
		index: index,
		done:  done,
		seats: make(map[int32]subscriptionState),
		waits: make(map[int32]*wait),
	}
}

// subscribe returns once the room is subscribed, or is sure to be reported
// lost when it is.
func (p *partition) subscribe(ctx context.Context, room int32) error {
	p.mu.Lock()
	s := p.seats[room]
	if !s.wanted {
		s.wanted = true
		p.mark(room)
	}
	p.seats[room] = s
	for {
		s, known := p.seats[room]
		switch {
		case !known || !s.wanted: // somebody else has ended it meanwhile
			p.mu.Unlock()
			return nil
		case !p.live:
			s.owed = s.owed || s.phase != on
			p.seats[room] = s
			p.mu.Unlock()
			return nil
		case s.phase == on:
			p.mu.Unlock()
			return nil
		}
		if err := p.await(ctx, room, true); err != nil {
			return err
		}
	}
}

// unsubscribe returns once nothing published from now on is delivered.
func (p *partition) unsubscribe(ctx context.Context, room int32) error {
	p.mu.Lock()
	s, known := p.seats[room]
	if !known {
		p.mu.Unlock()
		return nil
	}
	s.wanted, s.owed = false, false
	p.seats[room] = s
	p.mark(room)
	for {
		s, known := p.seats[room]
		if known && p.session == nil && !s.wanted {
			delete(p.seats, room)
			known = false
		}
		if !known || s.wanted || !p.live {
			p.mu.Unlock()
			return nil
		}
		if err := p.await(ctx, room, false); err != nil {
			return err
		}
	}
}

// await, entered and left with mu held, waits until something became of the
// room. With an error mu is not held.
func (p *partition) await(ctx context.Context, room int32, joining bool) error {
	w := p.waits[room]
	if w == nil {
		w = &wait{settled: make(chan struct{})}
		p.waits[room] = w
	}
	if joining {
		w.joiners++
	}
	session := p.session
	p.mu.Unlock()
	session.wakeFor(p)
	select {
	case <-w.settled:
		p.mu.Lock()
		return nil
	case <-p.done:
		return fanout.ErrClosed
	case <-ctx.Done():
		if joining {
			p.giveUp(room, w)
		}
		return ctx.Err()
	}
}

// giveUp ends a subscription for which nobody waits any more.
func (p *partition) giveUp(room int32, w *wait) {
	p.mu.Lock()
	w.joiners--
	s, known := p.seats[room]
	abandoned := known && w.joiners == 0 && p.waits[room] == w && s.phase != on
	if abandoned {
		s.wanted = false
		p.seats[room] = s
		p.mark(room)
	}
	session := p.session
	p.mu.Unlock()
	if abandoned && session != nil {
		session.wakeFor(p)
	}
}

// mark notes that something is to be done for a room. Without a session there
// is nothing to be done: the next one begins with all rooms. mu is held.
func (p *partition) mark(room int32) {
	if p.session != nil {
		p.dirty = append(p.dirty, room)
	}
}

// wants tells whether notes of the room are to be delivered.
func (p *partition) wants(room int32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seats[room].wanted
}

// rooms returns all wanted rooms.
func (p *partition) rooms() []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	rooms := make([]int32, 0, len(p.seats))
	for room, s := range p.seats {
		if s.wanted {
			rooms = append(rooms, room)
		}
	}
	return rooms
}

// attach moves the partition to a session, where everything is to be
// subscribed. It reports whether it was elsewhere before. The old session's
// subscriptions stay until its server ends them: until then some may still
// publish there.
func (p *partition) attach(s *session, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session == s || p.refused == s && now.Before(p.again) {
		return false
	}
	p.refused = nil
	if p.session != nil {
		p.detachLocked()
	}
	p.session = s
	for room := range p.seats {
		p.dirty = append(p.dirty, room)
	}
	return true
}

// attachmentTo notes that the partition was attached at an address, and tells whether
// it has been there before.
func (p *partition) attachmentTo(addr string) attachment {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.home
	p.home = addr
	switch was {
	case "":
		return attachedFirst
	case addr:
		return attachedAgain
	}
	return attachedElsewhere
}

// detach notes that the session's subscriptions are gone. It reports whether
// the partition was on that session.
func (p *partition) detach(s *session) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != s {
		return false
	}
	p.detachLocked()
	return true
}

// refuse detaches from a session whose server refuses the partition, and keeps
// away from it for a while.
func (p *partition) refuse(s *session, now time.Time, pause time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != s {
		return false
	}
	p.detachLocked()
	p.refused, p.again = s, now.Add(pause)
	return true
}

// detachLocked forgets the session. mu is held.
func (p *partition) detachLocked() {
	p.session, p.live, p.control, p.dirty = nil, false, off, nil
	for room, s := range p.seats {
		if s.wanted {
			p.seats[room] = subscriptionState{wanted: true, owed: true}
		} else {
			delete(p.seats, room)
		}
	}
	for _, w := range p.waits {
		close(w.settled)
	}
	clear(p.waits)
	p.ledger.suspectRecent()
}

// onEnded is called when the server says that a subscription is over. It reports
// whether that was against this node's will, in which case the partition is
// detached: the slot is served elsewhere now.
func (p *partition) onEnded(s *session, room int32, control bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.session != s {
		return false
	}
	now := p.control
	if !control {
		now = p.seats[room].phase
	}
	if now != adding && now != on {
		return false
	}
	p.detachLocked()
	return true
}

// where returns the session, and whether everything is subscribed there.
func (p *partition) where() (s *session, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.session, p.live
}
