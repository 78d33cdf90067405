package client

import (
	"errors"
	"time"

	"tuitalk/talk"
)

// stage is how far a line has come.
type stage uint8

const (
	dialing stage = iota
	seated        // knows who the user is; in no room, and none is asked for
	joining       // JoinRoom is sent
	joined
)

// line is one connection, from its Dial on.
type line struct {
	conn   ConnID
	server int // index in Config.Servers
	stage  stage
	since  time.Time // Dial, then Opened, then Joined
	node   string

	known    bool      // Welcome has come
	room     int32     // of the last JoinRoom
	name     string    // of the last JoinRoom
	resume   bool      // the last JoinRoom asked to go on where the log ends
	joinAt   time.Time // ask again for the room; zero: not planned
	deadline time.Time // give up; zero: none
	badNames int       // refused by JoinRoom
	fetches  int       // unanswered Fetches
	leaving  bool      // the server has asked to reconnect

	heard   time.Time // when the last frame came
	pinged  time.Time // an answer is due by then; zero: none
	pings   uint32
	suspect bool // no answer came; another line is being made

	// posts
	round    int32     // of this line's posts
	holdTill time.Time // nothing is posted before
	refusals int       // rounds refused since the last success
	askAt    time.Time // the oldest accepted post is sent again; zero: none is accepted
}

// lines are all that are open or opening, but not the losers.
func (s *Session) lines() []*line {
	var all []*line
	if s.live != nil {
		all = append(all, s.live)
	}
	all = append(all, s.tries...)
	if s.courier.line != nil {
		all = append(all, s.courier.line)
	}
	return all
}

// lineOf finds a line by its connection; nil when nothing of it is wanted.
func (s *Session) lineOf(conn ConnID) *line {
	if s.live != nil && s.live.conn == conn {
		return s.live
	}
	for _, l := range s.tries {
		if l.conn == conn {
			return l
		}
	}
	if l := s.courier.line; l != nil && l.conn == conn {
		return l
	}
	return nil
}

func (s *Session) dial(server int) *line {
	s.lastConn++
	l := &line{
		conn: s.lastConn, server: server, since: s.now,
		deadline: s.now.Add(handshakeTime),
	}
	s.emit(Dial{l.conn, s.cfg.Servers[server]})
	return l
}

// ofLine handles the events of the transports, except frames.
func (s *Session) ofLine(ev Event) {
	s.replan = true
	switch ev := ev.(type) {
	case Opened:
		if s.lostRace(ev.Conn, true) {
			return
		}
		if l := s.lineOf(ev.Conn); l != nil && l.stage == dialing {
			s.opened(l)
		}
	case Garbled:
		l := s.lineOf(ev.Conn)
		if l == nil || errors.Is(ev.Err, talk.ErrUnknownVariant) {
			return // a newer server may say more than this client understands
		}
		s.heardFrom(l)
		s.fail(l, "the server sent a frame that cannot be read", 0)
	case Closed:
		if s.lostRace(ev.Conn, false) {
			return
		}
		if l := s.lineOf(ev.Conn); l != nil {
			s.closed(l, ev)
		}
	}
}

// opened says hello, and asks for the room in the same breath.
func (s *Session) opened(l *line) {
	l.since, l.heard = s.now, s.now
	session := s.session
	if l == s.courier.line {
		session = s.courier.session
	} else {
		s.loseOthers(l)
	}
	s.send(l, talk.Hello{Client: s.cfg.Client, Secret: s.secret, Session: session})
	s.askRoom(l)
}

// askRoom sends JoinRoom for the room in which the line is needed.
func (s *Session) askRoom(l *line) {
	m := talk.JoinRoom{RoomID: s.room, UUID: s.me.UUID, Username: s.me.Username, UnixTime: s.unix()}
	if l == s.courier.line {
		m.RoomID = s.courier.room
	} else if s.based && (s.last == 0 || !s.lastID.IsZero()) {
		m.Resume, m.AfterSeq, m.AfterID = true, s.last, s.lastID
	}
	l.stage, l.room, l.name, l.resume = joining, m.RoomID, m.Username, m.Resume
	l.deadline, l.joinAt = s.now.Add(joinTime), time.Time{}
	s.replan = true
	s.send(l, m)
}

// welcome checks that the server takes the user for who he is. One that does not
// is older than this client, or not honest.
func (s *Session) welcome(l *line, m talk.Welcome) {
	switch {
	case l.known || l.stage == dialing:
		return
	case m.UUID != s.me.UUID:
		s.fail(l, "the server takes you for somebody else: it may be older than this program", 0)
		return
	}
	l.known, l.node = true, bounded(m.Server, maxKeptName)
	s.setLimits(m.Limits)
}

// setLimits takes over the server's limits where they are stricter.
func (s *Session) setLimits(m talk.Limits) {
	own := talk.DefaultLimits()
	stricter := func(own, theirs int) int {
		if theirs <= 0 {
			return own
		}
		return min(own, theirs)
	}
	s.limits = talk.Limits{
		TextBytes:    stricter(own.TextBytes, m.TextBytes),
		NameBytes:    stricter(own.NameBytes, m.NameBytes),
		NameClusters: stricter(own.NameClusters, m.NameClusters),
		FrameBytes:   stricter(own.FrameBytes, m.FrameBytes),
		FetchEntries: stricter(own.FetchEntries, m.FetchEntries),
	}
}

// heardFrom notes that a line lives.
func (s *Session) heardFrom(l *line) {
	l.heard, l.pinged = s.now, time.Time{}
	if l.suspect {
		l.suspect = false
		s.recovered(l)
	}
}

// received handles one frame.
func (s *Session) received(conn ConnID, m talk.Message) {
	l := s.lineOf(conn)
	if l == nil || l.stage == dialing {
		return
	}
	s.heardFrom(l)
	switch m := m.(type) {
	case talk.Entry:
		s.entry(l, &m)
	case talk.Ping:
		s.send(l, talk.Pong(m))
	case talk.Pong:
	case talk.Stored:
		s.stored(l, m)
	default:
		s.replan = true
		s.seldom(l, m)
	}
}

// seldom handles the frames that are not part of the stream.
func (s *Session) seldom(l *line, m talk.Message) {
	switch m := m.(type) {
	case talk.Welcome:
		s.welcome(l, m)
	case talk.Joined:
		s.joined(l, m)
	case talk.History:
		s.history(l, m)
	case talk.Accepted:
		s.accepted(l, m)
	case talk.Withdrawn:
		s.withdrawn(l, m)
	case talk.Presence:
		if s.isLive(l, m.RoomID) {
			s.roster.setCount(m.MemberCount)
			s.what |= MembersChanged
		}
	case talk.Gap:
		s.gap(l, m)
	case talk.Reconnect:
		s.move(l, m)
	case talk.Error:
		s.refused(l, m)
	}
}

// isLive tells whether a frame about a room concerns what is shown.
func (s *Session) isLive(l *line, room int32) bool {
	return l == s.live && l.stage == joined && l.room == s.room && room == s.room
}
