package client

import (
	"time"

	"tuitalk/talk"
)

// Session is one user's stay, in one window; see the package comment. All its
// methods belong to one goroutine.
type Session struct {
	cfg Config
	rng random

	// who
	me        talk.Member
	secret    talk.Secret // of me.UUID
	session   talk.UUID   // names this window towards the servers
	confirmed string      // the name that the server has; "" before the first Joined
	namedAt   int64       // what the log says of names up to this seq is older than that
	rename    *rename     // asked for and not confirmed
	limits    talk.Limits

	// lines
	phase    Phase
	since    time.Time // of phase
	reason   string    // why the last line or attempt failed
	lastConn ConnID
	live     *conn     // what it says is the room's log; nil while there is none
	tries    []*conn   // on the way to take live's place
	losers   []*conn   // dialled and not wanted any more; see lose
	dialAt   time.Time // of the next attempt; zero: none is planned
	secondAt time.Time // of the second dial beside the first; zero: none
	good     int       // index of the last server that was good
	dials    int       // since then: turns the servers
	fails    int       // attempts since a line lasted: grows the backoff
	endedAt  time.Time // when a line ended that had asked for a room
	sender   backgroundSender

	// room
	room      int32
	based     bool // last is known
	last      int64
	lastID    talk.UUID // of the entry last; zero: unknown
	lastTime  uint64    // likewise, its date; 0: unknown
	log       Log
	fetch     *fetch    // older entries asked for
	firstN    int       // entries to load on joining
	done      bool      // nothing is older than the log
	full      bool      // the user was told that the log is full
	fetchFrom time.Time // not before; zero: at once
	pending   pending
	roster    roster

	outbox outbox

	// of the Handle under way, and between them
	started bool
	now     time.Time // never goes back
	out     []Effect
	what    Change
	replan  bool      // deadlines may have become earlier
	wake    time.Time // the Tick that is asked for; zero: none
	saveBy  time.Time // a Save that nothing waits for is due; zero: none
}

// New makes a session that does nothing before its Start.
func New(cfg Config, state State) (*Session, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	if state.Secret.IsZero() {
		state.Secret = NewSecret()
	}
	s := &Session{
		cfg: cfg, rng: random(cfg.Seed), room: cfg.Room, firstN: cfg.History,
		me: talk.Member{UUID: state.Secret.UUID()}, secret: state.Secret, session: state.Session,
		limits: talk.DefaultLimits(),
	}
	if s.session.IsZero() {
		s.session = s.rng.uuid()
	}
	if err := s.firstName(cfg.Name, state.Name); err != nil {
		return nil, err
	}
	s.outbox.restore(state.Outbox, s.me.UUID)
	return s, nil
}

// Status tells how the line is.
func (s *Session) Status() Status {
	st := Status{
		Phase: s.phase, Since: s.since, Server: s.serverNow(),
		Owed: s.outbox.unsentCount(s.room),
	}
	if s.live != nil {
		st.Node = s.live.node
	}
	if s.phase == Reconnecting || s.phase == Refused || s.phase == Connecting {
		st.Reason = s.reason
		st.RetryAt = s.dialAt
	}
	return st
}

func (s *Session) serverNow() string {
	l := s.live
	if l == nil && len(s.tries) > 0 {
		l = s.tries[0]
	}
	if l == nil {
		return s.cfg.Servers[(s.good+s.dials)%len(s.cfg.Servers)]
	}
	return s.cfg.Servers[l.server]
}

// Me is the user.
func (s *Session) Me() talk.Member { return s.me }

// Room is the room that is shown, or will be as soon as there is a line.
func (s *Session) Room() int32 { return s.room }

// Log is the shown part of the room's log, ascending and without a hole.
func (s *Session) Log() *Log { return &s.log }

// Outbox lists the user's own entries of this room that are not in the log yet,
// in order. The slice is valid until the next Handle.
func (s *Session) Outbox() []Outgoing { return s.outbox.view(s.room, s.now) }

// Pending lists the accepted, but not yet stored entries of others in this
// room. The slice is valid until the next Handle.
func (s *Session) Pending() []talk.Entry { return s.pending.list }

// Members lists who is in the room, as far as the server names them, by name.
// The slice is valid until the next Handle.
func (s *Session) Members() []talk.Member { return s.roster.members() }

// MemberCount is the number of members; it may exceed len(Members()). 0: it is not known.
func (s *Session) MemberCount() int { return s.roster.count }

// Loading tells that older history was asked for and has not come yet.
func (s *Session) Loading() bool { return s.fetch != nil }

// Complete tells that the room has nothing older than the log.
func (s *Session) Complete() bool { return s.done }

// Limits are what the server takes; before the first Welcome the usual ones.
func (s *Session) Limits() talk.Limits { return s.limits }

// State is what to keep for the next start.
func (s *Session) State() State {
	return State{
		Secret: s.secret, Name: s.me.Username, Session: s.session,
		Room: s.room, Outbox: s.outbox.entries(),
	}
}
