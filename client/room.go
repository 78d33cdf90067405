package client

import (
	"time"

	"tuitalk/talk"
)

// join changes the room. What is unsent for the old one stays with it: see
// background sender.
func (s *Session) join(room int32) {
	if room == s.room {
		return
	}
	s.sender.yield(s, room)
	s.room = room
	s.based, s.last, s.lastID, s.lastTime = false, 0, talk.UUID{}, 0
	s.firstN = s.cfg.History
	s.forgetLog()
	s.roster.reset()
	s.outbox.leaveRoom()
	s.what |= StatusChanged | MembersChanged
	s.saveDebounced()
	if l := s.live; l != nil && l.stage == joined && !l.suspect {
		s.askRoom(l)
	}
}

// forgetLog empties the log and what belongs to it.
func (s *Session) forgetLog() {
	s.log.reset()
	s.pending.reset()
	s.fetch = nil
	s.done, s.full = false, false
	s.what |= Reset | OutboxChanged | HistoryChanged
}

// onJoined handles the answer to JoinRoom. It may come to a line that is greeted only: then
// an Error that was taken for the answer was about something else.
func (s *Session) onJoined(l *conn, m talk.Joined) {
	if l.stage == joined || m.RoomID != l.room {
		return
	}
	if !l.known || m.AfterSeq < 0 || m.AfterSeq > maxSeq {
		s.fail(l, "the server's answer makes no sense", 0)
		return
	}
	l.stage, l.joinAt = joined, time.Time{}
	s.outbox.resetAnswers(l.id, l.room, true) // nobody was told while the line was not here
	if l == s.sender.conn {
		l.deadline = time.Time{}
		s.pump(l)
		return
	}
	if l.room != s.room || s.joinedByOldName(l, &m) {
		s.askRoom(l) // the user went on meanwhile, or was given another name
		return
	}
	s.makeLive(l)
	s.onJoinedName(l, &m)
	if !s.based || !l.resume || m.Reset || m.AfterSeq > s.last {
		var id talk.UUID
		var date uint64
		if m.HeadSeq == m.AfterSeq {
			id, date = m.HeadID, m.HeadTime
		}
		s.restartLog(m.AfterSeq, id, date, m.HeadSeq >= 0)
		s.roster.forget()
	}
	if !m.MembersUnknown { // else the list that there is goes on with the log
		s.roster.set(m.Members, m.MemberCount, m.HeadSeq)
	}
	s.what |= MembersChanged
	s.resumeWork(l)
}

// restartLog begins the log behind a seq. What is older is loaded anew.
// known: the server knows where the log ends; else it may have more than it says.
func (s *Session) restartLog(after int64, id talk.UUID, date uint64, known bool) {
	s.forgetLog()
	s.based, s.last, s.lastID, s.lastTime = true, after, id, date
	s.done = after == 0 && known
	s.outbox.shownUpTo(s.room, after)
	if s.firstN > 0 && !s.done {
		s.fetch = &fetch{before: after + 1, limit: s.firstN}
	}
}

// resumeWork does on a line that is good again what waited for one.
func (s *Session) resumeWork(l *conn) {
	if l.stage == joined && l.room != s.room {
		s.askRoom(l)
		return
	}
	s.sendRename()
	s.sendFetch()
	s.pump(l)
}

// onEntry handles an entry of a room's log.
func (s *Session) onEntry(l *conn, e *talk.Entry) {
	sanitize(e)
	switch {
	case e.Pending:
		s.pendingEntry(l, e)
	case l == s.sender.conn:
		s.sender.onOwnEntry(s, e)
	case e.Kind == talk.KindRenamed && e.Seq == 0:
		s.onRenameGranted(l, e)
	case !s.isLive(l, e.RoomID) || e.Seq <= 0:
	case e.Seq == s.last+1:
		s.place(e)
	case e.Seq <= s.last: // shown before
		s.onOwnEntry(e)
		if e.Seq > s.roster.asOf && s.roster.apply(e) { // but not by the server of this line, when it listed the members
			s.what |= MembersChanged
		}
		s.roster.followed(e.Seq)
	default:
		s.fail(l, "the server left entries out", 0)
	}
}

// place adds the entry that is next to the log.
func (s *Session) place(e *talk.Entry) {
	s.last, s.lastID, s.lastTime = e.Seq, e.ID, e.UnixTime
	s.log.append(*e)
	s.what |= Appended
	if s.log.trim(s.cfg.Keep, maxLogBytes) {
		s.done = false
		s.fetch = nil // what was asked for does not join on any more
		s.what |= Trimmed | HistoryChanged
	}
	s.onOwnEntry(e)
	if s.pending.remove(e.Author, e.ID) {
		s.what |= OutboxChanged
	}
	if s.outbox.shownUpTo(s.room, e.Seq) {
		s.what |= OutboxChanged
	}
	if s.roster.apply(e) {
		s.what |= MembersChanged
	}
	if e.Author == s.me.UUID {
		switch e.Kind {
		case talk.KindRenamed:
			s.onRenamed(e)
		case talk.KindJoined:
			s.onOwnJoinName(e)
			s.sameNameSpelt(e.Name)
		case talk.KindPosted:
			s.onOwnPostName(e)
		}
	}
	s.roster.followed(e.Seq)
}

// onOwnEntry takes an entry out of the outbox that the log has.
func (s *Session) onOwnEntry(e *talk.Entry) {
	if s.outbox.onShown(e) {
		s.what |= OutboxChanged
		s.saveDebounced()
		if s.live != nil {
			s.pump(s.live)
		}
	}
}

// onGap handles the word that the server leaves entries out, since there are too
// many. Who came and went among them only a new Joined can tell, so the room is
// joined anew: behind the gap, or at its head where the server does not name the
// entry there.
func (s *Session) onGap(l *conn, m talk.Gap) {
	named := !m.ToID.IsZero() && m.To <= maxSeq
	switch {
	case !s.isLive(l, m.RoomID) || m.To < s.last:
	case m.To == s.last: // Joined has told of it
		if named && s.lastID.IsZero() {
			s.lastID, s.lastTime = m.ToID, m.ToTime
		}
	case named:
		s.restartLog(m.To, m.ToID, m.ToTime, true)
		s.roster.forget()
		s.what |= MembersChanged
		s.askRoom(l)
	default:
		s.based = false
		s.askRoom(l)
	}
}

// onRefused handles an Error. One without id tells by its code only what it is about.
// Where it may be JoinRoom or a Fetch it is taken for JoinRoom's, since nobody waits for the
// Fetch of a room that is left; onJoined puts it right if it was not. What is about
// neither is said to the user, and changes nothing: a new name that is not stored yet, a
// Ping too many, and codes to come.
func (s *Session) onRefused(l *conn, m talk.Error) {
	switch {
	case !m.ID.IsZero():
		s.refusedByID(l, m)
	case m.Code == talk.CodeNotYou && l != s.sender.conn:
		s.refusedForGood(m.Message)
	case l.stage == joining && l.ofJoin(m):
		s.joinRefused(l, m)
	case l.fetches > 0 && ofFetch(m):
		l.fetches--
		s.fetchRefused(l, m)
	default:
		s.notice(m.Code, m.Message)
	}
}

// ofJoin tells which Errors without id can be about Hello or JoinRoom.
func (l *conn) ofJoin(m talk.Error) bool {
	switch m.Code {
	case talk.CodeBadName, talk.CodeRefused, talk.CodeNotJoined, talk.CodeNotYou, talk.CodeUnavailable, talk.CodeBusy:
		return true
	case talk.CodeBadFrame, talk.CodeNotForYou, talk.CodeHelloNotHere:
		return true // the server does not understand this client
	case talk.CodeFlood:
		return m.Retry // else it is about a Ping
	case talk.CodeBadText, talk.CodeBadLimit, talk.CodeBadRoom, talk.CodeOutOfTurn, talk.CodeNotStored:
		return false
	}
	return !l.known // a server of another age, which refuses Hello
}

// joinRefused handles an Error about Hello or JoinRoom.
func (s *Session) joinRefused(l *conn, m talk.Error) {
	switch {
	case l == s.sender.conn:
		s.fail(l, m.Message, 0)
	case m.Code == talk.CodeBadName && l.badNames < 2:
		l.badNames++
		if l.name == s.me.Username { // else he has another one by now
			s.nameRefused(m)
		}
		s.askRoom(l)
	case m.Retry:
		l.stage = greeted
		l.joinAt = s.now.Add(s.retryWait(m, 0))
		l.deadline = l.joinAt.Add(joinTime)
	default:
		s.fail(l, m.Message, 0)
	}
}

// retryWait is how long to wait with what was refused for now, n times before.
func (s *Session) retryWait(m talk.Error, n int) time.Duration {
	asked := time.Duration(min(m.RetryMS, maxRetryWait)) * time.Millisecond
	own := min(maxBackoff, firstBackoff<<min(n, 10))
	return max(asked, own/2) + s.rng.upTo(own/2)
}

// refusedByID handles an Error about a post or a rename.
func (s *Session) refusedByID(l *conn, m talk.Error) {
	if r := s.rename; r != nil && r.id == m.ID {
		s.renameRefused(m)
		return
	}
	s.postRefused(l, m)
}
