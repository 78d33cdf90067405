package virtualuser

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tuitalk/talk"
)

// lastFrameWait is how long a connection stays open behind the last word on it: one that is
// closed with something unread in it may lose what was said.
const lastFrameWait = 2 * time.Second

// endOne lets somebody go for good, by saying so or by being killed, and somebody new
// come in the same place.
func (l *loop) endOne(p *user) {
	if !p.inside || p.live == nil || p.protocol.outbox() > 0 {
		return
	}
	p.ended = true
	p.protocol.quit(l.rng.IntN(2) == 0)
	if p.inside {
		p.inside = false
		l.inside--
	}
	p.serves("")
	if len(p.conns) > 0 {
		p.wakeAt(l.now.Add(lastFrameWait))
	} else {
		p.wakeAt(time.Time{})
	}
	if err := l.succeed(p); err != nil {
		l.fault("nobody can come in somebody's place: " + err.Error())
	}
}

// succeed puts somebody new in the place of somebody who has ended.
func (l *loop) succeed(old *user) error {
	p := &user{
		loop: l, index: old.index, slow: old.slow, room: old.room, generation: old.generation + 1, posts: old.posts, arrived: true,
		outages: old.outages,
	}
	if err := l.group.equip(p); err != nil {
		return err
	}
	for _, list := range [][]*user{l.users, l.talkers} {
		for i := range list {
			if list[i] == old {
				list[i] = p
			}
		}
	}
	p.protocol.start()
	return nil
}

// hangUpLate ends the connections of somebody who has ended.
func (p *user) hangUpLate() {
	for len(p.conns) > 0 {
		p.conns[0].drop(false)
	}
}

// secretOf is the identity of somebody who has several windows, which may be in several
// processes. It is that of this run's rooms, and no secret.
func (s *Group) secretOf(owner int) talk.Secret {
	var b [8 + 4 + 8]byte
	binary.LittleEndian.PutUint64(b[:], s.cfg.Scenario.Seed)
	binary.LittleEndian.PutUint32(b[8:], uint32(s.cfg.Scenario.FirstRoom))
	binary.LittleEndian.PutUint64(b[12:], uint64(owner))
	return talk.Secret(sha256.Sum256(b[:]))
}

// entryAt is an entry of a room as one of the loop's clients shows it; nil: none does.
func (l *loop) entryAt(room int32, seq int64) *talk.Entry {
	for _, p := range l.users {
		s, ok := p.protocol.(*session)
		if !ok || p.room != room || p.last < seq || seq <= 0 {
			continue
		}
		log := s.session.Log()
		for i := log.Len() - 1; i >= 0 && log.At(i).Seq >= seq; i-- {
			if log.At(i).Seq == seq {
				return log.At(i)
			}
		}
	}
	return nil
}
