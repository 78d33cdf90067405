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
	greeted       // knows who the user is; in no room, and none is asked for
	joining       // JoinRoom is sent
	joined
)

// conn is one connection, from its Dial on.
type conn struct {
	id     ConnID
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
	moveAt   time.Time // then the next line is dialled

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

// conns are all that are open or opening, but not the losers.
func (s *Session) conns() []*conn {
	var all []*conn
	if s.live != nil {
		all = append(all, s.live)
	}
	all = append(all, s.tries...)
	if s.sender.conn != nil {
		all = append(all, s.sender.conn)
	}
	return all
}

// connByID finds a line by its connection; nil when nothing of it is wanted.
func (s *Session) connByID(conn ConnID) *conn {
	if s.live != nil && s.live.id == conn {
		return s.live
	}
	for _, l := range s.tries {
		if l.id == conn {
			return l
		}
	}
	if l := s.sender.conn; l != nil && l.id == conn {
		return l
	}
	return nil
}

func (s *Session) dial(server int) *conn {
	s.lastConn++
	l := &conn{
		id: s.lastConn, server: server, since: s.now,
		deadline: s.now.Add(handshakeTime),
	}
	s.emit(Dial{l.id, s.cfg.Servers[server]})
	return l
}

// handleConn handles the events of the transports, except frames.
func (s *Session) handleConn(ev Event) {
	s.replan = true
	switch ev := ev.(type) {
	case Opened:
		if s.raceLost(ev.Conn, true) {
			return
		}
		if l := s.connByID(ev.Conn); l != nil && l.stage == dialing {
			s.onOpened(l)
		}
	case DecodeFailed:
		l := s.connByID(ev.Conn)
		if l == nil || errors.Is(ev.Err, talk.ErrUnknownVariant) {
			return // a newer server may say more than this client understands
		}
		s.heardFrom(l)
		s.fail(l, "the server sent a frame that cannot be read", 0)
	case Closed:
		if s.raceLost(ev.Conn, false) {
			return
		}
		if l := s.connByID(ev.Conn); l != nil {
			s.onClosed(l, ev)
		}
	}
}

// onOpened says hello, and asks for the room in the same breath.
func (s *Session) onOpened(l *conn) {
	l.since, l.heard = s.now, s.now
	session := s.session
	if l == s.sender.conn {
		session = s.sender.session
	} else {
		s.abandonOthers(l)
	}
	s.send(l, talk.Hello{Client: s.cfg.Client, Secret: s.secret, Session: session})
	s.askRoom(l)
}

// askRoom sends JoinRoom for the room in which the line is needed.
func (s *Session) askRoom(l *conn) {
	m := talk.JoinRoom{RoomID: s.room, UUID: s.me.UUID, Username: s.me.Username, UnixTime: s.unix()}
	if l == s.sender.conn {
		m.RoomID = s.sender.room
	} else if s.based && (s.last == 0 || !s.lastID.IsZero()) {
		m.Resume, m.AfterSeq, m.AfterID, m.AfterTime = true, s.last, s.lastID, s.lastTime
	}
	l.stage, l.room, l.name, l.resume = joining, m.RoomID, m.Username, m.Resume
	l.deadline, l.joinAt = s.now.Add(joinTime), time.Time{}
	s.replan = true
	s.send(l, m)
}

// onWelcome checks that the server takes the user for who he is. One that does not
// is older than this client, or not honest.
func (s *Session) onWelcome(l *conn, m talk.Welcome) {
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
func (s *Session) heardFrom(l *conn) {
	l.heard, l.pinged = s.now, time.Time{}
	if l.suspect {
		l.suspect = false
		s.onRecovered(l)
	}
}

// onMessage handles one frame.
func (s *Session) onMessage(conn ConnID, m talk.Message) {
	l := s.connByID(conn)
	if l == nil || l.stage == dialing {
		return
	}
	s.heardFrom(l)
	switch m := m.(type) {
	case talk.Entry:
		s.onEntry(l, &m)
	case talk.Ping:
		s.send(l, talk.Pong(m))
	case talk.Pong:
	case talk.Stored:
		s.onStored(l, m)
	default:
		s.replan = true
		s.onRareMessage(l, m)
	}
}

// onRareMessage handles the frames that are not part of the stream.
func (s *Session) onRareMessage(l *conn, m talk.Message) {
	switch m := m.(type) {
	case talk.Welcome:
		s.onWelcome(l, m)
	case talk.Joined:
		s.onJoined(l, m)
	case talk.History:
		s.onHistory(l, m)
	case talk.Accepted:
		s.onAccepted(l, m)
	case talk.Withdrawn:
		s.onWithdrawn(l, m)
	case talk.Presence:
		if s.isLive(l, m.RoomID) {
			s.roster.setCount(m.MemberCount)
			s.what |= MembersChanged
		}
	case talk.Gap:
		s.onGap(l, m)
	case talk.Reconnect:
		s.move(l, m)
	case talk.Error:
		s.onRefused(l, m)
	}
}

// isLive tells whether a frame about a room concerns what is shown.
func (s *Session) isLive(l *conn, room int32) bool {
	return l == s.live && l.stage == joined && l.room == s.room && room == s.room
}
