package client

import (
	"strconv"
	"time"

	"tuitalk/talk"
)

// post takes what the user says in the room that is shown.
func (s *Session) post(ev Post) {
	text, err := talk.CheckText(ev.Text)
	if err == nil && len(text) > s.limits.TextBytes {
		err = &talk.Refusal{Code: talk.CodeBadText, Message: "A message here has at most " + strconv.Itoa(s.limits.TextBytes) + " bytes; this has " + strconv.Itoa(len(text)) + "."}
	}
	if err == nil {
		err = s.outbox.check(text)
	}
	if err != nil {
		s.refuse(err)
		return
	}
	if ev.ID.IsZero() {
		ev.ID = s.rng.entryID(s.now)
	}
	if s.outbox.find(ev.ID) >= 0 {
		return
	}
	s.outbox.add(OutboxEntry{ID: ev.ID, RoomID: s.room, Text: text, At: s.now, Author: s.me.UUID})
	s.what |= OutboxChanged
	s.save()
	if s.live != nil {
		s.pump(s.live)
	}
}

// pump sends what is to be sent on a line, in order, as far as the window goes.
func (s *Session) pump(l *conn) {
	if l.stage != joined || l.suspect || s.now.Before(l.holdTill) {
		return
	}
	inFlight := 0
	for i := range s.outbox.list {
		u := &s.outbox.list[i]
		if u.RoomID != l.room || !u.toSend() {
			continue
		}
		if inFlight >= maxInFlight {
			return
		}
		if u.conn != l.id || u.round != l.round {
			u.conn, u.round, u.answered, u.sent = l.id, l.round, false, true
			s.send(l, talk.Entry{
				Kind: talk.KindPosted, RoomID: u.RoomID, Author: s.me.UUID, Name: s.me.Username,
				Text: u.Text, UnixTime: s.unix(), ID: u.ID, Round: u.round,
			})
		}
		if !u.answered {
			inFlight++
		}
	}
}

// onStored handles the word that an entry is durable. It stays visible below the
// log until the log shows it.
func (s *Session) onStored(l *conn, m talk.Stored) {
	i := s.outbox.find(m.ID)
	if i < 0 || s.outbox.list[i].RoomID != m.RoomID || m.Seq <= 0 {
		return
	}
	s.replan = true
	l.refusals = 0
	if !l.askAt.IsZero() {
		l.askAt = earlier(l.askAt, s.now.Add(askNextTime))
	}
	if m.RoomID == s.room && s.based && m.Seq > s.last {
		s.outbox.list[i].stored = m.Seq
	} else {
		s.outbox.remove(m.RoomID, m.ID)
	}
	s.what |= OutboxChanged
	s.saveDebounced()
	s.pump(l)
}

// onAccepted handles the word that an entry is in the spool, but not stored.
func (s *Session) onAccepted(l *conn, m talk.Accepted) {
	if i := s.outbox.find(m.ID); i >= 0 && s.outbox.list[i].RoomID == m.RoomID {
		s.markAccepted(l, &s.outbox.list[i])
	}
}

func (s *Session) markAccepted(l *conn, u *unsent) {
	u.accepted = true
	if u.conn == l.id && u.round == l.round {
		u.answered = true
		if l.askAt.IsZero() {
			l.askAt = s.now.Add(askTime + s.rng.upTo(askTime/2)) // not all clients at once
			s.replan = true
		}
	}
	l.refusals = 0
	s.what |= OutboxChanged
	s.pump(l)
}

// askAgain sends the oldest of the entries again that are accepted on a line: the word
// that it is stored may have got lost, as it was stored before, or while the line was
// in another room. What was accepted behind it is stored behind it.
func (s *Session) askAgain(l *conn) {
	l.askAt = time.Time{}
	if s.outbox.resetAnswers(l.id, l.room, false) {
		s.pump(l)
	}
}

// postRefused handles an Error about a post.
func (s *Session) postRefused(l *conn, m talk.Error) {
	i := s.outbox.find(m.ID)
	if i < 0 || s.outbox.list[i].stored > 0 {
		return
	}
	u := &s.outbox.list[i]
	switch {
	case m.Retry || m.Code == talk.CodeOutOfTurn:
		s.nextRound(l, u, m)
	case m.Code == talk.CodeNotJoined || m.Code == talk.CodeBadRoom:
		// Not the entry's fault: it came too late, or the server does not know
		// where the user is.
		u.conn = 0
		if l.stage == joined && l.room == u.RoomID {
			s.fail(l, m.Message, 0)
		}
	default:
		u.failed, u.accepted, u.reason = true, false, bounded(m.Message, maxSentence)
		s.what |= OutboxChanged
		if u.RoomID != s.room {
			s.notice(m.Code, "A message for room "+strconv.Itoa(int(u.RoomID))+" was refused: "+m.Message)
		}
		s.pump(l)
	}
}

// nextRound sends all again, in order, after one was refused for now: the
// server takes nothing of the old round any more, so that nothing overtakes.
// What an earlier round still has to say about refusals is known already.
func (s *Session) nextRound(l *conn, u *unsent, m talk.Error) {
	if u.conn != l.id || u.round != l.round {
		return
	}
	l.round++
	l.holdTill = s.now.Add(s.retryWait(m, l.refusals))
	l.refusals++
}

// onWithdrawn handles the word that a pending entry was never stored.
func (s *Session) onWithdrawn(l *conn, m talk.Withdrawn) {
	i := s.outbox.find(m.ID)
	if m.UUID == s.me.UUID && i >= 0 && s.outbox.list[i].RoomID == m.RoomID {
		s.outbox.list[i].accepted, s.outbox.list[i].conn = false, 0
		s.what |= OutboxChanged
		s.pump(l)
		return
	}
	if s.isLive(l, m.RoomID) && s.pending.remove(m.UUID, m.ID) {
		s.what |= OutboxChanged
	}
}

// pendingEntry handles an entry that is accepted, but not stored.
func (s *Session) pendingEntry(l *conn, e *talk.Entry) {
	i := s.outbox.find(e.ID)
	switch {
	case e.Kind != talk.KindPosted || e.ID.IsZero():
	case e.Author == s.me.UUID && i >= 0 && s.outbox.list[i].RoomID == e.RoomID:
		s.markAccepted(l, &s.outbox.list[i])
	case s.isLive(l, e.RoomID) && s.pending.add(e, l.id, &s.log):
		s.what |= OutboxChanged
	}
}

// retry sends a failed entry again, and tries to reach a server if there is none.
func (s *Session) retry(id talk.UUID) {
	i := s.outbox.find(id)
	if i < 0 {
		return
	}
	u := &s.outbox.list[i]
	if u.failed {
		u.failed, u.reason, u.conn, u.Author = false, "", 0, s.me.UUID
	}
	u.since = s.now
	s.what |= OutboxChanged
	if s.live == nil {
		s.probe()
		return
	}
	s.pump(s.live)
}

// discard forgets an entry. If it is on its way it may still be stored.
func (s *Session) discard(id talk.UUID) {
	i := s.outbox.find(id)
	if i < 0 || s.outbox.list[i].stored > 0 {
		return
	}
	s.outbox.remove(s.outbox.list[i].RoomID, id)
	s.what |= OutboxChanged
	s.save()
	if s.live != nil {
		s.pump(s.live)
	}
}
