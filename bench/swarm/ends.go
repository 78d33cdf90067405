package swarm

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"tuitalk/talk"
)

// lastWord is how long a connection stays open behind the last word on it: one that is
// closed with something unread in it may lose what was said.
const lastWord = 2 * time.Second

// endOne lets somebody go for good, by saying so or by being killed, and somebody new
// come in the same place.
func (l *loop) endOne(p *person) {
	if !p.inside || p.live == nil || p.speaker.outbox() > 0 {
		return
	}
	p.ended = true
	p.speaker.quit(l.rng.IntN(2) == 0)
	if p.inside {
		p.inside = false
		l.inside--
	}
	p.serves("")
	if len(p.lines) > 0 {
		p.wakeAt(l.now.Add(lastWord))
	} else {
		p.wakeAt(time.Time{})
	}
	if err := l.succeed(p); err != nil {
		l.fault("nobody can come in somebody's place: " + err.Error())
	}
}

// succeed puts somebody new in the place of somebody who has ended.
func (l *loop) succeed(old *person) error {
	p := &person{
		loop: l, index: old.index, slow: old.slow, room: old.room, generation: old.generation + 1, posts: old.posts, arrived: true,
		outages: old.outages,
	}
	if err := l.swarm.equip(p); err != nil {
		return err
	}
	for _, list := range [][]*person{l.people, l.talkers} {
		for i := range list {
			if list[i] == old {
				list[i] = p
			}
		}
	}
	p.speaker.start()
	return nil
}

// hangUpLate ends the connections of somebody who has ended.
func (p *person) hangUpLate() {
	for len(p.lines) > 0 {
		p.lines[0].drop(false)
	}
}

// secretOf is the identity of somebody who has several windows, which may be in several
// processes. It is that of this run's rooms, and no secret.
func (s *Swarm) secretOf(owner int) talk.Secret {
	var b [8 + 4 + 8]byte
	binary.LittleEndian.PutUint64(b[:], s.cfg.Scenario.Seed)
	binary.LittleEndian.PutUint32(b[8:], uint32(s.cfg.Scenario.FirstRoom))
	binary.LittleEndian.PutUint64(b[12:], uint64(owner))
	return talk.Secret(sha256.Sum256(b[:]))
}

// entryAt is an entry of a room as one of the loop's clients shows it; nil: none does.
func (l *loop) entryAt(room int32, seq int64) *talk.Entry {
	for _, p := range l.people {
		s, ok := p.speaker.(*session)
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
