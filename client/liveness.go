package client

import (
	"time"

	"tuitalk/talk"
)

// probe asks whether the line is alive, or makes the planned attempt now.
func (s *Session) probe() {
	for _, l := range s.lines() {
		if l.stage > dialing && !l.suspect {
			if !reached(l.pinged, s.now.Add(probeTime)) {
				s.ping(l, probeTime)
			}
		}
	}
	if !s.dialAt.IsZero() && (s.live == nil || s.live.suspect) {
		s.fails, s.dialAt = 0, s.now
	}
}

// pingAt is when the line has been quiet for long enough to be asked. Where
// something was said just before, people are waiting for more; where nothing is
// said for long, asking would be most of a server's work.
func (l *line) pingAt() time.Time {
	if l.idle {
		return l.heard.Add(idleTime)
	}
	return l.heard.Add(quietTime)
}

// patience is how long the answer to a Ping may take. Joining is the most work
// for a server: who gives up there only makes more of it. And a page of history
// may take long over a slow network, with the answer behind it.
func (s *Session) patience(l *line) time.Duration {
	if l == s.live && l.fetches == 0 {
		return answerTime
	}
	return busyAnswer
}

func (s *Session) ping(l *line, within time.Duration) {
	l.pings++
	l.pinged = s.now.Add(within)
	s.send(l, talk.Ping{N: l.pings})
}

// unanswered handles a ping to which no answer came. The live line is kept
// until the next one has joined: it may come back. All who were on it find this
// at the same time; they must not all dial at the same time.
func (s *Session) unanswered(l *line) {
	if l != s.live {
		s.fail(l, "the server does not answer", 0)
		return
	}
	l.suspect, l.pinged = true, time.Time{}
	l.deadline = s.now.Add(suspectTime)
	s.reason = "the server does not answer"
	s.lasted(l)
	s.lostLine()
	s.connect(s.rng.upTo(spreadTime))
}

// recovered handles a line that speaks again after it was given up.
func (s *Session) recovered(l *line) {
	l.deadline = time.Time{}
	if l.stage == joining {
		l.deadline = s.now.Add(joinTime)
	}
	s.setPhase(Online)
	s.replan = true
	if !l.leaving && !(len(s.tries) > 0 && s.tries[0].stage > dialing) {
		for _, t := range s.tries {
			s.lose(t)
		}
		s.tries = nil
		s.dialAt, s.besideAt = time.Time{}, time.Time{}
	}
	s.resumeWork(l)
}
