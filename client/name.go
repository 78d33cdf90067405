package client

import (
	"slices"
	"time"

	"tuitalk/talk"
)

// rename is a wish for another name that no server has confirmed.
type rename struct {
	id      talk.UUID
	name    string
	conn    ConnID    // sent there; 0: nowhere
	retryAt time.Time // not before; zero: at once
}

// firstName finds the name to begin with.
func (s *Session) firstName(wanted, last string) error {
	if wanted != "" {
		name, err := talk.CheckName(wanted)
		if s.me.Username = name; err == nil && last != "" && name != last {
			s.rename = &rename{id: s.rng.uuid(), name: name} // the room may know him as he was called last
		}
		return err
	}
	name, err := talk.CheckName(last)
	if err != nil {
		name = s.madeUpName()
	}
	s.me.Username = name
	return nil
}

func (s *Session) madeUpName() string {
	id := s.rng.uuid().String()
	return "guest-" + id[:4]
}

// setName takes the new name at once; the server hears of it when it can.
func (s *Session) setName(ev SetName) {
	name, err := talk.CheckName(ev.Name)
	if err != nil {
		s.refuse(err)
		return
	}
	if name == s.me.Username {
		return
	}
	if ev.ID.IsZero() {
		ev.ID = s.rng.entryID(s.now)
	}
	s.me.Username = name
	s.rename = &rename{id: ev.ID, name: name}
	s.what |= StatusChanged
	s.saveDebounced()
	s.sendRename()
}

func (s *Session) sendRename() {
	r, l := s.rename, s.live
	if r == nil || !s.ready() || r.conn == l.id || s.now.Before(r.retryAt) {
		return
	}
	r.conn, r.retryAt = l.id, time.Time{}
	s.send(l, talk.ChangeName{
		UUID: s.me.UUID, Username: r.name, OldUsername: s.confirmed, UnixTime: s.unix(), ID: r.id,
	})
}

// onJoinedName notes the name by which the room knows the user: in a room where he is
// already, by another window or since he has not left yet, a JoinRoom does not change
// it. So a name that another window gave him while this one was away is the newer one,
// unless the user wishes for one himself. The wish goes out again, with its id: it is
// granted once.
func (s *Session) onJoinedName(l *conn, m *talk.Joined) {
	at := s.listedAt(m)
	switch {
	case at >= 0:
		s.confirmed, s.namedAt = bounded(m.Members[at].Username, maxKeptName), m.HeadSeq
	case s.confirmed == "" || !s.logIsNewer(m):
		s.confirmed, s.namedAt = l.name, 0
	}
	r := s.rename
	if r == nil {
		if at >= 0 {
			s.takeName(s.confirmed)
		}
		return
	}
	r.conn = 0
	if at >= 0 && s.confirmed == r.name {
		s.sendRename() // whose answer nobody waits for; but the user's other windows learn of it
		s.rename = nil
	}
}

// logIsNewer tells that the log that is shown goes further than the server of a Joined
// knows, so that it has a newer word of names.
func (s *Session) logIsNewer(m *talk.Joined) bool { return s.based && !m.Reset && m.HeadSeq < s.last }

// listedAt is where the user stands in the list of a Joined; -1 if he does not, or if the list
// is older than the log.
func (s *Session) listedAt(m *talk.Joined) int {
	if m.MembersUnknown || s.logIsNewer(m) {
		return -1
	}
	return slices.IndexFunc(m.Members, func(m talk.Member) bool { return m.UUID == s.me.UUID })
}

// joinedByOldName tells that the user was given another name after he had asked for the room,
// of which the server that let him in has not heard: what he said there would be stored under
// the older one. Who wishes for a name says so himself.
func (s *Session) joinedByOldName(l *conn, m *talk.Joined) bool {
	return s.rename == nil && l.name != s.me.Username && s.listedAt(m) < 0
}

// takeName takes over what the user is called by the word of the server.
func (s *Session) takeName(name string) {
	if name, err := talk.CheckName(name); err == nil && name != s.me.Username {
		s.me.Username = name
		s.what |= StatusChanged
		s.saveDebounced()
	}
}

// onOwnPostName handles the name of a message of the user's in a room that is too large for
// a list of all.
func (s *Session) onOwnPostName(e *talk.Entry) {
	if s.rename == nil && !s.roster.whole() && e.Seq > s.roster.asOf {
		s.confirmed = e.Name
		s.takeName(e.Name)
	}
}

// onRenamed handles the word that the user has another name. It may have been
// given in another window; or long ago, as what comes behind a Joined begins before the
// list in it, which has the name already: also if it is the answer to a wish, since then
// another window has given a newer one.
func (s *Session) onRenamed(e *talk.Entry) {
	r := s.rename
	granted, old := r != nil && r.id == e.ID, e.Seq <= s.namedAt
	if !old {
		s.confirmed = e.Name
	}
	switch {
	case granted && old:
		s.rename = nil
		s.takeName(s.confirmed)
	case granted:
		s.rename = nil
		s.sameNameSpelt(e.Name)
	case old:
	case r != nil && r.name == e.Name:
		s.rename = nil
	case r == nil:
		s.takeName(e.Name)
	}
}

// onRenameGranted handles the answer to a ChangeName for which no entry comes: it needed none,
// or wrote it long ago. It has the name by which the room knows the user now, which
// another window may have given him since.
func (s *Session) onRenameGranted(l *conn, e *talk.Entry) {
	r := s.rename
	if r == nil || r.id != e.ID || e.Author != s.me.UUID || !s.isLive(l, e.RoomID) {
		return
	}
	s.confirmed, s.rename, s.namedAt = e.Name, nil, max(s.namedAt, s.roster.asOf)
	s.takeName(e.Name)
}

// onOwnJoinName handles the word that the user came to the room. If it is by the name that he
// wishes for, then where the wish was sent nothing else will say that it is granted, and
// a wish that stayed would keep the names from him that others of his windows give him.
// Who has no wish is called so: he sat here before the store let him in, and another
// of his windows was let in first. An entry that the list of members contains is old.
func (s *Session) onOwnJoinName(e *talk.Entry) {
	r := s.rename
	switch {
	case r != nil && r.name == e.Name && r.conn == s.live.id:
		s.confirmed, s.rename = e.Name, nil
	case s.roster.unknown || e.Seq <= s.roster.asOf:
	default:
		if s.confirmed = e.Name; r == nil {
			s.takeName(e.Name)
		}
	}
}

// sameNameSpelt takes over how the server writes the name that the user chose: in
// Unicode's NFKC, which a client need not know.
func (s *Session) sameNameSpelt(name string) {
	name, err := talk.CheckName(name)
	if err != nil || s.rename != nil || name == s.me.Username || talk.Skeleton(name) != talk.Skeleton(s.me.Username) {
		return
	}
	s.confirmed, s.me.Username = name, name
	s.what |= StatusChanged
	s.saveDebounced()
}

// renameRefused handles an Error about a ChangeName.
func (s *Session) renameRefused(m talk.Error) {
	if m.Retry || m.Code == talk.CodeNotJoined {
		s.rename.conn = 0
		s.rename.retryAt = s.now.Add(s.retryWait(m, 2))
		return
	}
	s.nameRefused(m)
}

// nameRefused takes the old name back, or makes one up.
func (s *Session) nameRefused(m talk.Error) {
	old := s.confirmed
	if old == "" || old == s.me.Username {
		old = s.madeUpName()
	}
	s.me.Username, s.rename = old, nil
	s.what |= StatusChanged
	s.saveDebounced()
	s.notice(m.Code, m.Message)
}
