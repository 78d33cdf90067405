package client

import (
	"errors"
	"time"

	"tuitalk/talk"
)

// fetch is a question for older entries, until its answer is whole. An answer
// is known by its room and before; entries never change, so an answer to an
// earlier, equal question is as good.
type fetch struct {
	before   int64
	limit    int
	conn     ConnID // asked there; 0: not yet
	got      []talk.Entry
	refusals int
	retryAt  time.Time // ask again; zero: not planned
	deadline time.Time // of the answer
}

// ofFetch tells which Errors can be about a Fetch: they carry no id.
func ofFetch(m talk.Error) bool {
	switch m.Code {
	case talk.CodeBadLimit, talk.CodeBadRoom, talk.CodeNotJoined, talk.CodeUnavailable, talk.CodeBusy:
		return true
	case talk.CodeFlood:
		return m.Retry // else it is about a Ping
	}
	return false
}

// fetchOlder asks for what is before the first entry shown.
func (s *Session) fetchOlder(limit int) {
	if limit <= 0 {
		limit = defaultHistory
	}
	limit = min(limit, s.limits.FetchEntries)
	switch {
	case !s.based:
		s.firstN = max(s.firstN, limit)
		return
	case s.done, s.fetch != nil, s.now.Before(s.fetchFrom):
		return
	case s.log.Len() >= s.cfg.Keep:
		if !s.full {
			s.full = true
			s.refuse(errors.New("the log holds as much as it can; /clear makes room"))
		}
		return
	}
	before := s.last + 1
	if s.log.Len() > 0 {
		before = s.log.At(0).Seq
	}
	s.fetch = &fetch{before: before, limit: limit}
	s.what |= HistoryChanged
	s.sendFetch()
}

// sendFetch asks if there is something to ask and somebody to ask.
func (s *Session) sendFetch() {
	f, l := s.fetch, s.live
	if f == nil || !s.ready() || f.conn == l.id || s.now.Before(f.retryAt) {
		return
	}
	f.conn, f.got, f.retryAt = l.id, nil, time.Time{}
	f.deadline = s.now.Add(fetchTime)
	s.replan = true
	l.fetches++
	s.send(l, talk.Fetch{RoomID: s.room, Limit: int64(f.limit), BeforeSeq: f.before})
}

// onHistory handles one frame of an answer.
func (s *Session) onHistory(l *conn, m talk.History) {
	if !m.More && l.fetches > 0 {
		l.fetches--
	}
	f := s.fetch
	if f == nil || f.conn != l.id || m.BeforeSeq != f.before || !s.isLive(l, m.RoomID) {
		return
	}
	if !f.add(m.Text, s.room) {
		s.endFetch("The server's history cannot be read.")
		return
	}
	if m.More {
		return
	}
	if n := len(f.got); n > 0 && f.got[n-1].Seq != f.before-1 {
		s.endFetch("The server's history cannot be read.")
		return
	}
	s.prepend(f.got)
	s.fetch = nil
	s.what |= HistoryChanged
}

// add takes the entries of one frame. It fails unless all are of one stretch.
func (f *fetch) add(events []talk.Message, room int32) bool {
	for _, event := range events {
		e, ok := event.(talk.Entry)
		n := len(f.got)
		if !ok || e.RoomID != room || e.Seq <= 0 || e.Seq >= f.before || n >= talk.MaxFetch {
			return false
		}
		if n > 0 && e.Seq != f.got[n-1].Seq+1 {
			return false
		}
		sanitize(&e)
		f.got = append(f.got, e)
	}
	return true
}

// prepend puts older entries in front of the log. None at all means that there
// are none.
func (s *Session) prepend(older []talk.Entry) {
	for i := len(older) - 1; i >= 0; i-- {
		e := &older[i]
		if e.Seq == s.last {
			s.lastID, s.lastTime = e.ID, e.UnixTime
		}
		s.log.prepend(*e)
		s.onOwnEntry(e)
		if s.pending.remove(e.Author, e.ID) {
			s.what |= OutboxChanged
		}
	}
	s.done = len(older) == 0 || older[0].Seq == 1
	s.what |= Prepended
}

// endFetch gives up. What is asked next must wait a moment, for a view asks
// whenever it is near the top.
func (s *Session) endFetch(why string) {
	s.fetch = nil
	s.fetchFrom = s.now.Add(fetchPause)
	s.what |= HistoryChanged
	s.notice("", why)
}

// fetchRefused handles an Error about a Fetch.
func (s *Session) fetchRefused(l *conn, m talk.Error) {
	f := s.fetch
	if f == nil || f.conn != l.id {
		return
	}
	if !m.Retry {
		s.endFetch(m.Message)
		return
	}
	if f.refusals == 0 {
		s.notice(m.Code, m.Message)
	}
	f.conn = 0
	f.retryAt = s.now.Add(s.retryWait(m, f.refusals))
	f.refusals++
}

// fetchDue asks again, or stops waiting.
func (s *Session) fetchDue() {
	f := s.fetch
	if f == nil || s.live == nil {
		return
	}
	if due(f.retryAt, s.now) {
		s.sendFetch()
	}
	if f.conn == s.live.id && due(f.deadline, s.now) {
		s.endFetch("The older history did not come; try again.")
	}
}
