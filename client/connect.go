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

// backoff is the wait after n attempts in vain: none, then up to 150, 300, 450
// ms and so on, so that who waits for a server that comes back in a second or
// two is there soon after it. Then it doubles: servers that are still busy with
// those who came first must not be busy with refusing the others.
func (s *Session) backoff(n int) time.Duration {
	wait := backoffStep * time.Duration(min(n, backoffSteps)) << min(max(n-backoffSteps, 0), 10)
	return s.rng.upTo(min(maxBackoff, wait))
}

// attempt dials. The servers take turns, beginning with the last good one.
func (s *Session) attempt() {
	server := (s.good + s.dials) % len(s.cfg.Servers)
	s.dials++
	s.tries = append(s.tries, s.dial(server))
	s.what |= StatusChanged
	s.besideAt = time.Time{}
	if len(s.tries) < maxTries {
		s.besideAt = s.now.Add(s.pause(len(s.tries)))
	}
}

// pause is how long to wait for an answer to one of n dials before one more is
// made. Servers that are only busy get fewer and fewer. Where one has fallen
// silent it is likely that a proxy, which does not know yet, leads to it again.
func (s *Session) pause(n int) time.Duration {
	if s.live != nil && s.live.suspect {
		return suspectPause
	}
	return dialPause * time.Duration(n)
}

// dialDue makes the planned attempt, or one more dial beside those that are not
// answered: a frozen server accepts, and says nothing.
func (s *Session) dialDue() {
	if reached(s.dialAt, s.now) {
		s.dialAt = time.Time{}
		s.fails++
		s.attempt()
	}
	if reached(s.besideAt, s.now) {
		s.besideAt = time.Time{}
		if len(s.tries) > 0 && s.tries[0].stage == dialing {
			s.attempt()
		}
	}
}

// loseOthers gives the race to l.
func (s *Session) loseOthers(l *line) {
	for _, other := range s.tries {
		if other != l {
			s.lose(other)
		}
	}
	s.tries = append(s.tries[:0], l)
	s.dialAt, s.besideAt = time.Time{}, time.Time{}
}

// lose lets go of a line. One that is not answered is not hung up before it is: a
// proxy learns only from dials that wait that a server is frozen, and prefers it
// to others as soon as it has fewer lines.
func (s *Session) lose(l *line) {
	switch {
	case l.suspect:
		l.deadline = s.now.Add(handshakeTime)
	case l.stage != dialing:
		s.emit(Hangup{l.conn})
		return
	}
	s.losers = append(s.losers, l)
	if len(s.losers) > maxLosers {
		s.emit(Hangup{s.losers[0].conn})
		s.losers = append(s.losers[:0], s.losers[1:]...)
	}
}

// lostRace handles what a loser says at last.
func (s *Session) lostRace(conn ConnID, open bool) bool {
	for i, l := range s.losers {
		if l.conn == conn {
			s.losers = append(s.losers[:i], s.losers[i+1:]...)
			if open {
				s.emit(Hangup{conn})
			}
			return true
		}
	}
	return false
}

// fail hangs up a line of which nothing good is expected.
func (s *Session) fail(l *line, reason string, after time.Duration) {
	s.emit(Hangup{l.conn})
	s.gone(l, reason, after)
}

// gone takes a line out of use and sees to the next one.
func (s *Session) gone(l *line, reason string, after time.Duration) {
	s.replan = true
	if l == s.courier.line {
		s.courier.gone(s)
		return
	}
	s.reason = bounded(reason, maxSentence)
	s.what |= StatusChanged
	if l == s.live {
		s.live = nil
		s.lasted(l)
		s.lostLine()
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

// lasted forgets the attempts in vain once a line was good for a while.
func (s *Session) lasted(l *line) {
	if l.stage == joined && s.now.Sub(l.since) >= lastingTime {
		s.fails = 0
	}
}

// lostLine notes that the live view has stopped.
func (s *Session) lostLine() {
	if s.phase == Online {
		s.setPhase(Resuming)
	}
	s.courier.drop(s)
}

// closed handles the end of a line that was in use.
func (s *Session) closed(l *line, ev Closed) {
	reason, after := ev.Reason, time.Duration(0)
	if reason == "" {
		reason = "the line broke"
	}
	switch ev.Code {
	case talk.CloseNotYou:
		if l != s.courier.line {
			s.refusedForGood(reason)
			return
		}
	case talk.CloseSuperseded:
		if l != s.courier.line && !s.ownOther(l) {
			s.session = s.rng.uuid() // another window has this one's name
			s.save()
		}
	case closeTryAgain:
		after = s.rng.upTo(firstBackoff) + firstBackoff
	case talk.CloseTooManyErrors:
		after = maxBackoff
	}
	s.gone(l, reason, after)
}

// closeTryAgain is RFC 6455's "try again later".
const closeTryAgain = 1013

// ownOther tells whether another line of this session may have superseded l.
func (s *Session) ownOther(l *line) bool {
	for _, other := range s.lines() {
		if other != l && other != s.courier.line && other.stage > dialing {
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
	for _, l := range append(s.lines(), s.losers...) {
		s.emit(Hangup{l.conn})
	}
	s.live, s.tries, s.losers = nil, nil, nil
	s.courier.line = nil
	s.dialAt, s.besideAt = time.Time{}, time.Time{}
}

// promote makes a line that has joined the room the live one.
func (s *Session) promote(l *line) {
	l.since, l.deadline = s.now, time.Time{}
	s.setPhase(Online)
	if l == s.live {
		return
	}
	if s.live != nil {
		s.lose(s.live)
	}
	s.live = l
	s.loseOthers(l)
	s.tries = nil
	s.good, s.dials, s.reason = l.server, 0, ""
	s.pending.newLine(s.now)
	s.what |= StatusChanged
}

// move makes a new line before the server closes this one.
func (s *Session) move(l *line, m talk.Reconnect) {
	if l != s.live || l.leaving {
		return
	}
	l.leaving = true
	s.lasted(l)
	within := time.Duration(m.WithinMS) * time.Millisecond
	s.connect(s.rng.upTo(min(within, maxMove) / 2))
}
