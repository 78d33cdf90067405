package virtualuser

import (
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// What a session keeps, so that many fit into memory: so many entries, or as many
// as one fetch loads if that is more.
const (
	keepEntries = 96
	noHistory   = -1
)

// handshakePatience is how long a session waits until a connection is open.
const handshakePatience = 8 * time.Second

// session is a client.Session, exactly what users run, without a driver: its
// effects are done as soon as it has asked for them. What it wants saved is in
// memory already.
type session struct {
	p       *user
	session *client.Session
	started bool
	refused bool // by the session itself: the event just handled was not taken
}

var _ protocol = (*session)(nil)

func newSession(p *user, servers []string, seed uint64) (*session, error) {
	sc := &p.loop.group.cfg.Scenario
	inner, err := client.New(client.Config{
		Servers: servers, Name: p.name(), Room: p.room, Client: "tuitalk-bench",
		History: noHistory, Keep: max(keepEntries, sc.FetchLimit), Seed: seed,
	}, p.state())
	if err != nil {
		return nil, err
	}
	return &session{p: p, session: inner}, nil
}

func (s *session) start() {
	s.started = true
	if s.p.rec != nil {
		s.p.rec.Attach(s.p.loop.now, s.session)
	}
	s.handle(client.Start{})
}

func (s *session) opened(l *connection) { s.handle(client.Opened{Conn: l.conn}) }

func (s *session) tick() { s.handle(client.Tick{}) }

func (s *session) enter(room int32) { s.handle(client.Join{Room: room}) }

func (s *session) closed(l *connection, code int, reason string) {
	if s.p.ended {
		return
	}
	s.handle(client.Closed{Conn: l.conn, Code: code, Reason: reason})
}

func (s *session) message(l *connection, opcode byte, payload []byte) {
	if s.p.ended {
		return
	}
	if opcode != opcodeOf(s.p.loop.form) {
		s.handle(client.DecodeFailed{Conn: l.conn, Err: talk.ErrForm})
		return
	}
	d := s.p.loop.cache.decode(payload)
	if d.err != nil {
		s.p.loop.fault("a frame cannot be read: " + d.err.Error())
		s.handle(client.DecodeFailed{Conn: l.conn, Err: d.err})
		return
	}
	what := s.handle(client.Received{Conn: l.conn, Message: d.message})
	s.p.told(&d)
	switch m := d.message.(type) {
	case talk.Entry:
		if what&client.Appended != 0 {
			s.p.shows(m.Seq, d.stamp)
		}
	case talk.Joined:
		if what&client.MembersChanged != 0 {
			s.p.joins(l, &m, what&client.Reset != 0)
		}
	case talk.Error:
		s.giveUp(m)
	}
	s.status(what)
}

// giveUp does what a user does with a message that was refused for good.
func (s *session) giveUp(m talk.Error) {
	for _, o := range s.session.Outbox() {
		if o.ID == m.ID && o.Delivery == client.Failed && !m.Retry {
			s.p.refused(m.ID)
			s.handle(client.Discard{ID: m.ID})
			return
		}
	}
}

func (s *session) post(id talk.UUID, text string) bool {
	s.refused = false
	s.handle(client.Post{ID: id, Text: text})
	return !s.refused
}

// fetch clears the log first: else it would be full soon.
func (s *session) fetch(limit int) {
	s.handle(client.Clear{})
	s.handle(client.FetchOlder{Limit: limit})
}

func (s *session) rename(name string) {
	s.handle(client.SetName{ID: s.p.loop.uuid(), Name: name})
}

func (s *session) behind(head int64) int { return s.p.behind(head) }

// quit ends the session as its user does, or as if its program was killed.
func (s *session) quit(killed bool) {
	if !killed {
		s.handle(client.Quit{})
		s.end()
	} else if s.p.rec != nil {
		s.p.rec.Kill(s.p.loop.now)
	}
	if killed {
		s.p.hangUpLate()
	}
	s.p.rec = nil
}

// state is what the client knows from before: of several windows of one user each knows
// who that is.
func (p *user) state() client.State {
	if owner, windows := p.loop.group.plan.Windows(p.index); windows && p.generation == 0 {
		return client.State{Secret: p.loop.group.secretOf(owner)}
	}
	return client.State{}
}

func (s *session) outbox() int { return len(s.session.State().Outbox) }

func (s *session) end() {
	if s.p.rec != nil && s.started {
		s.p.rec.End(s.p.loop.now)
	}
}

// handle hands an event to the session and does what it wants done.
func (s *session) handle(ev client.Event) (what client.Change) {
	p := s.p
	for _, effect := range s.session.Handle(p.loop.now, ev) {
		switch e := effect.(type) {
		case client.Send:
			if l := p.connection(e.Conn); l != nil {
				s.said(e)
				p.loop.send(l, e.Message)
			}
		case client.Dial:
			p.dial(e.Conn, e.URL)
		case client.Hangup:
			if l := p.connection(e.Conn); l != nil {
				if l.opened.IsZero() && p.loop.now.Sub(l.dialled) >= handshakePatience {
					p.loop.fault(l.silence())
				}
				s.hungUp(e)
				p.hangup(l)
			}
		case client.WakeAt:
			p.wakeAt(e.At)
		case client.Changed:
			what |= e.What
		case client.Notice:
			s.refused = s.refused || e.Refused
		}
	}
	p.loop.flush()
	if p.rec != nil {
		p.rec.Handled(p.loop.now, ev, what)
	}
	if _, frame := ev.(client.Received); !frame {
		s.status(what)
	}
	return what
}

func (s *session) said(e client.Send) {
	if s.p.rec != nil {
		s.p.rec.Said(s.p.loop.now, e.Conn, e.Message)
	}
}

func (s *session) hungUp(e client.Hangup) {
	if s.p.rec != nil {
		s.p.rec.HungUp(s.p.loop.now, e.Conn)
	}
}

// status notes what a view would show of the connection.
func (s *session) status(what client.Change) {
	if what&client.StatusChanged == 0 {
		return
	}
	st, p := s.session.Status(), s.p
	if st.Phase == client.Online {
		p.serves(st.Node)
		p.comes(nil, 0)
		return
	}
	heard := p.loop.now
	if p.live != nil { // it is only suspected
		heard = p.live.heard
	}
	p.leaves(heard)
	p.serves(st.Node)
}
