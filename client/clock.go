package client

import "time"

// Times that a session keeps.
const (
	handshakeTime = 8 * time.Second         // from Dial to Opened
	secondDial    = 1500 * time.Millisecond // then a second one beside the first
	joinTime      = 15 * time.Second        // from JoinRoom to Joined
	firstBackoff  = 100 * time.Millisecond  // doubled with each attempt
	maxBackoff    = 5 * time.Second
	lastingTime   = 3 * time.Second // a line that lasted so long was a success
	ownDisplaces  = time.Minute     // so long after a line of ours ended, it may be what displaces another
	maxMove       = 30 * time.Second
	maxLosers     = 4

	quietTime   = 5 * time.Second         // without a frame; then a Ping
	answerTime  = 2500 * time.Millisecond // for the answer; together under 8 s
	probeTime   = 1500 * time.Millisecond // for the answer when asked by a Probe
	suspectTime = 20 * time.Second        // a line that may come back is kept so long
	resumeTime  = 1500 * time.Millisecond // without a line before people notice

	freshTime    = 300 * time.Millisecond
	failTime     = 60 * time.Second
	fetchTime    = 15 * time.Second
	fetchPause   = 2 * time.Second
	lazySave     = time.Second
	courierPause = time.Second
	askTime      = 20 * time.Second // an entry that was accepted so long ago is sent again
	askNextTime  = time.Second      // after the one before it turned out to be stored
	staleTime    = 10 * time.Second
)

// due tells whether a planned time has come; the zero time is no plan.
func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }

// earlier is the earlier of two times of which either may be no plan.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// runTimers does what is due and asks for the next Tick. A Tick that comes too
// early is cheaper than asking again with every frame.
func (s *Session) runTimers() {
	if !s.replan && !due(s.wake, s.now) {
		return
	}
	for range 4 { // what is done may be a reason to do more
		s.replan = false
		s.roomTimers()
		if !s.replan {
			break
		}
	}
	next := s.earliest()
	if next.IsZero() || !s.wake.IsZero() && s.now.Before(s.wake) && !next.Before(s.wake) {
		return
	}
	s.wake = next
	s.emit(WakeAt{next})
}

// roomTimers does everything whose time has come.
func (s *Session) roomTimers() {
	if !s.started || s.phase == Refused {
		s.saveDue()
		return
	}
	for _, l := range s.conns() {
		s.connTimers(l)
	}
	for i := len(s.losers) - 1; i >= 0; i-- {
		if l := s.losers[i]; due(l.deadline, s.now) {
			s.emit(Hangup{l.id})
			s.losers = append(s.losers[:i], s.losers[i+1:]...)
		}
	}
	if s.phase == Resuming && due(s.since.Add(resumeTime), s.now) {
		s.phase = Reconnecting // since the line broke
		s.what |= StatusChanged
	}
	s.dialDue()
	s.fetchDue()
	if r := s.rename; r != nil && due(r.retryAt, s.now) {
		s.sendRename()
	}
	if s.live != nil && s.pending.dropStale(s.live.id, s.now) {
		s.what |= OutboxChanged
	}
	s.sender.due(s)
	if due(s.outbox.markAt, s.now) {
		s.what |= OutboxChanged
	}
	s.outbox.markAt = s.outbox.nextMarkChange(s.now)
	s.saveDue()
}

func (s *Session) saveDue() {
	if due(s.saveBy, s.now) {
		s.save()
	}
}

// connTimers does what is due on one line.
func (s *Session) connTimers(l *conn) {
	if s.connByID(l.id) != l {
		return // gone since, with another
	}
	switch {
	case due(l.deadline, s.now):
		s.fail(l, "the server does not answer", 0)
		return
	case l.stage == dialing:
		return
	case due(l.pinged, s.now):
		s.unanswered(l)
		return
	case l.pinged.IsZero() && !l.suspect && due(l.heard.Add(quietTime), s.now):
		s.ping(l, answerTime)
	}
	if due(l.joinAt, s.now) {
		s.askRoom(l)
	}
	if due(l.askAt, s.now) {
		s.askAgain(l)
	}
	if due(l.holdTill, s.now) {
		l.holdTill = time.Time{}
		s.pump(l)
	}
}

// earliest is when something will be due next; zero: never.
func (s *Session) earliest() time.Time {
	next := s.saveBy
	if !s.started || s.phase == Refused {
		return next
	}
	for _, l := range s.conns() {
		next = earlier(next, l.earliest())
	}
	for _, l := range s.losers {
		next = earlier(next, l.deadline)
	}
	if s.phase == Resuming {
		next = earlier(next, s.since.Add(resumeTime))
	}
	next = earlier(next, s.dialAt)
	next = earlier(next, s.secondAt)
	if s.live != nil {
		next = earlier(next, s.pending.staleAt)
		if f := s.fetch; f != nil && f.conn == s.live.id {
			next = earlier(next, f.deadline)
		}
	}
	if s.ready() {
		if s.fetch != nil {
			next = earlier(next, s.fetch.retryAt)
		}
		if s.rename != nil {
			next = earlier(next, s.rename.retryAt)
		}
		next = earlier(next, s.sender.startAt)
	}
	return earlier(next, s.outbox.markAt)
}

// ready tells whether the live line can be asked for something.
func (s *Session) ready() bool {
	return s.live != nil && s.isLive(s.live, s.room) && !s.live.suspect
}

func (l *conn) earliest() time.Time {
	next := earlier(l.deadline, l.joinAt)
	if l.stage == dialing {
		return next
	}
	next = earlier(next, l.holdTill)
	next = earlier(next, l.askAt)
	next = earlier(next, l.pinged)
	if l.pinged.IsZero() && !l.suspect {
		next = earlier(next, l.heard.Add(quietTime))
	}
	return next
}
