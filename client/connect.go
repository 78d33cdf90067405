package client

import (
	"time"

	"tuitalk/talk"
)

// connect plans an attempt, unless one is planned or under way. The first comes
// at once; after is the least that a server asked for.
func (s *Session) connect(after time.Duration) {
	if len(s.tries) > 0 || !s.dialAt.IsZero() {
		return
	}
	s.dialAt = s.now.Add(max(after, s.backoff(s.fails)))
	s.replan = true
	s.what |= StatusChanged
}

// backoff is the wait after n attempts in vain: none, then up to 100, 300, 700
// ms and so on.
func (s *Session) backoff(n int) time.Duration {
	n = min(n, 10)
	return s.rng.upTo(min(maxBackoff, firstBackoff*time.Duration(1<<n-1)))
}

// attempt dials. The servers take turns, beginning with the last good one.
func (s *Session) attempt() {
	server := (s.good + s.dials) % len(s.cfg.Servers)
	s.dials++
	s.tries = append(s.tries, s.dial(server))
	s.what |= StatusChanged
}

// dialDue makes the planned attempt, or the second dial beside the first: a
// frozen server accepts, and says nothing.
func (s *Session) dialDue() {
	if due(s.dialAt, s.now) {
		s.dialAt = time.Time{}
		s.fails++
		s.attempt()
		s.secondAt = s.now.Add(secondDial)
	}
	if due(s.secondAt, s.now) {
		s.secondAt = time.Time{}
		if len(s.tries) == 1 && s.tries[0].stage == dialing {
			s.attempt()
		}
	}
}

// abandonOthers gives the race to l. The others are not hung up before they
// answer: a proxy learns only from those that wait that a server is frozen.
func (s *Session) abandonOthers(l *conn) {
	for _, other := range s.tries {
		if other != l {
			s.abandon(other)
		}
	}
	s.tries = append(s.tries[:0], l)
	s.dialAt, s.secondAt = time.Time{}, time.Time{}
}

func (s *Session) abandon(l *conn) {
	if l.stage != dialing {
		s.emit(Hangup{l.id})
		return
	}
	s.losers = append(s.losers, l)
	if len(s.losers) > maxLosers {
		s.emit(Hangup{s.losers[0].id})
		s.losers = append(s.losers[:0], s.losers[1:]...)
	}
}

// raceLost handles what a loser says at last.
func (s *Session) raceLost(conn ConnID, opened bool) bool {
	for i, l := range s.losers {
		if l.id == conn {
			s.losers = append(s.losers[:i], s.losers[i+1:]...)
			if opened {
				s.emit(Hangup{conn})
			}
			return true
		}
	}
	return false
}

// fail hangs up a line of which nothing good is expected.
func (s *Session) fail(l *conn, reason string, after time.Duration) {
	s.emit(Hangup{l.id})
	s.onLost(l, reason, after)
}

// onLost takes a line out of use and sees to the next one.
func (s *Session) onLost(l *conn, reason string, after time.Duration) {
	s.replan = true
	if l == s.sender.conn {
		s.sender.onClose(s)
		return
	}
	s.reason = bounded(reason, maxSentence)
	s.what |= StatusChanged
	if l.stage >= joining {
		s.endedAt = s.now
	}
	if l == s.live {
		s.live = nil
		s.onLasted(l)
		s.onConnLost()
	}
	for i, t := range s.tries {
		if t == l {
			s.tries = append(s.tries[:i], s.tries[i+1:]...)
			break
		}
	}
	if s.live == nil || s.live.suspect || s.live.leaving {
		s.connect(after)
	}
}

// onLasted forgets the attempts in vain once a line was good for a while.
func (s *Session) onLasted(l *conn) {
	if l.stage == joined && s.now.Sub(l.since) >= lastingTime {
		s.fails = 0
	}
}

// onConnLost notes that the live view has stopped.
func (s *Session) onConnLost() {
	if s.phase == Online {
		s.setPhase(Resuming)
	}
	s.sender.drop(s)
}

// onClosed handles the end of a line that was in use.
func (s *Session) onClosed(l *conn, ev Closed) {
	reason, after := ev.Reason, time.Duration(0)
	if reason == "" {
		reason = "the line broke"
	}
	switch ev.Code {
	case talk.CloseNotYou:
		if l != s.sender.conn {
			s.refusedForGood(reason)
			return
		}
	case talk.CloseSuperseded:
		if l != s.sender.conn && !s.otherOwnConn(l) {
			s.onDisplaced()
		}
	case closeTryAgain:
		after = s.rng.upTo(firstBackoff) + firstBackoff
	case talk.CloseTooManyErrors:
		after = maxBackoff
	}
	s.onLost(l, reason, after)
}

// onDisplaced takes another name for the session, since another window has this one's.
// A window here has none that is taken: so there is a copy of what is kept here, on
// another machine perhaps. A line of this session itself may have done it, too, if
// one has ended lately: of that nothing is said.
func (s *Session) onDisplaced() {
	s.session = s.rng.uuid()
	s.save()
	if s.endedAt.IsZero() || s.now.Sub(s.endedAt) > ownDisplaces {
		s.emit(Notice{Text: "Another program shows your identity, and took the place of this window.", Anew: true})
	}
}

// closeTryAgain is RFC 6455's "try again later".
const closeTryAgain = 1013

// otherOwnConn tells whether another line of this session may have superseded l.
func (s *Session) otherOwnConn(l *conn) bool {
	for _, other := range s.conns() {
		if other != l && other != s.sender.conn && other.stage > dialing {
			return true
		}
	}
	return false
}

// refusedForGood stops everything until the user starts again: the identity is
// kept, for without it the user would be somebody else.
func (s *Session) refusedForGood(reason string) {
	s.hangupAll()
	s.reason = bounded(reason, maxSentence)
	s.setPhase(Refused)
}

func (s *Session) hangupAll() {
	for _, l := range append(s.conns(), s.losers...) {
		s.emit(Hangup{l.id})
	}
	s.live, s.tries, s.losers = nil, nil, nil
	s.sender.conn = nil
	s.dialAt, s.secondAt = time.Time{}, time.Time{}
}

// makeLive makes a line that has joined the room the live one.
func (s *Session) makeLive(l *conn) {
	l.since, l.deadline = s.now, time.Time{}
	s.setPhase(Online)
	if l == s.live {
		return
	}
	if s.live != nil {
		s.emit(Hangup{s.live.id})
	}
	s.live = l
	s.abandonOthers(l)
	s.tries = nil
	s.good, s.dials, s.reason = l.server, 0, ""
	s.pending.newLine(s.now)
	s.what |= StatusChanged
	if l.leaving {
		s.connect(l.moveAt.Sub(s.now))
	}
}

// move makes a new line before the server closes this one: at once, or as soon as this
// one is the live one. Until then it is the way on, and better than none.
func (s *Session) move(l *conn, m talk.Reconnect) {
	if l == s.sender.conn {
		s.sender.nextRoom(s)
		return
	}
	if m.Reset && l == s.live { // also while it joins once more, behind a Gap, by what it had before
		s.based = false // what is shown stays until the next Joined
	}
	if l.leaving {
		return
	}
	within := time.Duration(m.WithinMS) * time.Millisecond
	l.leaving, l.moveAt = true, s.now.Add(s.rng.upTo(min(within, maxMove)/2))
	if l == s.live {
		s.onLasted(l)
		s.connect(l.moveAt.Sub(s.now))
	}
}

// probe asks whether the line is alive, or makes the planned attempt now.
func (s *Session) probe() {
	for _, l := range s.conns() {
		if l.stage > dialing && !l.suspect {
			if !due(l.pinged, s.now.Add(probeTime)) {
				s.ping(l, probeTime)
			}
		}
	}
	if !s.dialAt.IsZero() && (s.live == nil || s.live.suspect) {
		s.fails, s.dialAt = 0, s.now
	}
}

func (s *Session) ping(l *conn, within time.Duration) {
	l.pings++
	l.pinged = s.now.Add(within)
	s.send(l, talk.Ping{N: l.pings})
}

// unanswered handles a ping to which no answer came. The live line is kept
// until the next one has joined: it may come back.
func (s *Session) unanswered(l *conn) {
	if l != s.live {
		s.fail(l, "the server does not answer", 0)
		return
	}
	l.suspect, l.pinged = true, time.Time{}
	l.deadline = s.now.Add(suspectTime)
	s.reason = "the server does not answer"
	s.onLasted(l)
	s.onConnLost()
	s.connect(0)
}

// onRecovered handles a line that speaks again after it was given up.
func (s *Session) onRecovered(l *conn) {
	l.deadline = time.Time{}
	if l.stage == joining {
		l.deadline = s.now.Add(joinTime)
	}
	s.setPhase(Online)
	s.replan = true
	if !l.leaving && !(len(s.tries) > 0 && s.tries[0].stage > dialing) {
		for _, t := range s.tries {
			s.abandon(t)
		}
		s.tries = nil
		s.dialAt, s.secondAt = time.Time{}, time.Time{}
	}
	s.resumeWork(l)
}
