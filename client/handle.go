package client

import (
	"time"

	"tuitalk/talk"
)

// Handle takes an event and says what is to be done, in that order. The slice
// is valid until the next Handle.
func (s *Session) Handle(now time.Time, ev Event) []Effect {
	clear(s.out)
	s.out, s.what = s.out[:0], 0
	if s.phase == Ended {
		return nil
	}
	if now.After(s.now) {
		s.now = now
	}
	switch ev := ev.(type) {
	case Received:
		s.onMessage(ev.Conn, ev.Message)
	case Opened, DecodeFailed, Closed:
		s.handleConn(ev)
	default:
		s.handleInput(ev)
	}
	if s.phase != Ended {
		s.runTimers()
	}
	if s.what != 0 {
		s.emit(Changed{s.what})
	}
	return s.out
}

func (s *Session) emit(e Effect) { s.out = append(s.out, e) }

func (s *Session) send(l *conn, m talk.Message) { s.emit(Send{l.id, m}) }

// save makes the state durable before any effect that comes later.
func (s *Session) save() {
	s.saveBy = time.Time{}
	s.emit(Save{})
}

// saveDebounced is save for what nothing waits for, and what does no harm when lost.
func (s *Session) saveDebounced() {
	if s.saveBy.IsZero() {
		s.saveBy = s.now.Add(lazySave)
		s.replan = true
	}
}

func (s *Session) notice(code talk.Code, text string) {
	s.emit(Notice{Code: code, Text: bounded(text, maxSentence)})
}

// refuse says that what the user asked for just now is not done.
func (s *Session) refuse(err error) {
	n := Notice{Text: err.Error(), Refused: true}
	if r, ok := err.(*talk.Refusal); ok {
		n.Code = r.Code
	}
	s.emit(n)
}

// handleInput handles what does not come from a line.
func (s *Session) handleInput(ev Event) {
	s.replan = true
	switch ev := ev.(type) {
	case Start:
		s.start()
	case Probe:
		s.probe()
	case Post:
		s.post(ev)
	case Join:
		s.join(ev.Room)
	case SetName:
		s.setName(ev)
	case FetchOlder:
		s.fetchOlder(ev.Limit)
	case Clear:
		s.clear()
	case Retry:
		s.retry(ev.ID)
	case Discard:
		s.discard(ev.ID)
	case Anew:
		s.anew(ev.Secret)
	case Quit:
		s.quit()
	}
}

// start begins, and begins again after a server has refused the user.
func (s *Session) start() {
	if s.started && s.phase != Refused {
		return
	}
	s.started = true
	s.outbox.restart(s.now)
	s.setPhase(Connecting)
	s.dialAt = s.now
	s.saveDebounced() // what was made up
}

// anew leaves as who the user was, and begins as somebody else.
func (s *Session) anew(secret talk.Secret) {
	s.leaveAll()
	s.hangupAll()
	s.secret, s.me.UUID = secret, secret.UUID()
	s.session, s.confirmed, s.rename = s.rng.uuid(), "", nil
	s.outbox.changeAuthor(s.me.UUID)
	s.fails, s.reason = 0, ""
	s.what |= StatusChanged | OutboxChanged | MembersChanged
	s.save()
	if s.started {
		s.setPhase(Connecting)
		s.dialAt = s.now
	}
}

func (s *Session) leaveAll() {
	for _, l := range s.conns() {
		if l.stage == joined && l.room == s.room || l == s.sender.conn && l.stage >= joining {
			s.leave(l)
		}
	}
}

func (s *Session) quit() {
	s.leaveAll()
	if !s.saveBy.IsZero() {
		s.save()
	}
	s.hangupAll()
	s.setPhase(Ended)
	s.emit(Done{})
}

func (s *Session) leave(l *conn) {
	s.send(l, talk.LeaveRoom{RoomID: l.room, UUID: s.me.UUID, Username: l.name, UnixTime: s.unix()})
}

// unix is the time as frames carry it. Servers do not trust it.
func (s *Session) unix() uint64 { return uint64(max(0, s.now.Unix())) }

// setPhase begins a phase, unless it lasts already.
func (s *Session) setPhase(p Phase) {
	if p == s.phase && !s.since.IsZero() {
		return
	}
	s.phase, s.since = p, s.now
	s.what |= StatusChanged
	s.replan = true
}

// clear empties the shown log. The live view goes on.
func (s *Session) clear() {
	s.pending.clear(&s.log)
	s.log.reset()
	s.fetch = nil
	s.done = s.based && s.last == 0
	s.full = false
	s.what |= Reset | OutboxChanged | HistoryChanged
}
