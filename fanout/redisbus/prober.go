package redisbus

import (
	"math/rand/v2"
	"slices"
	"time"
)

// The prober is one goroutine. It sends a probe through every master in turn of
// its partitions, judges the bus's health by their return, tells the other
// nodes of rooms whose notes may not have reached them, and forgets silent peers.

// suspectWindow is the span of time of a list of suspect rooms: between one and two of these
// after a note was published, a change of its master makes it doubtful. It
// covers the time in which a master that is cut off does not know it.
const suspectWindow = 2 * time.Second

func (b *Bus) runProber() {
	ticker := time.NewTicker(b.opts.ProbeInterval)
	defer ticker.Stop()
	turned := time.Now()
	for {
		due := false
		select {
		case <-b.ctx.Done():
			return
		case <-ticker.C:
			due = true
		case <-b.tick:
		}
		now := time.Now()
		b.probe(now, due)
		b.announceSuspects()
		b.orderTrials(now)
		b.updateHealth(now)
		if now.Sub(turned) >= suspectWindow {
			turned = now
			for _, p := range b.parts {
				p.rotateSuspects()
			}
			b.peers.forget(now)
			b.conds.keep(b.masters()) // a link that ended may have had a last word
		}
	}
}

// probe sends a probe through each session that has none under way, and gives
// up those whose probe has been out for too long. If none is due, only sessions
// that have never had one are probed.
func (b *Bus) probe(now time.Time, due bool) {
	for _, s := range b.sessions() {
		out, well, dead := s.probing.look(now, b.opts.ProbeDeadline)
		switch {
		case dead:
			s.fail(errSilent)
		case !out && (due || !well):
			b.sendProbe(s, now)
		}
	}
}

// sendProbe sends one through the next of the session's partitions.
func (b *Bus) sendProbe(s *session, now time.Time) {
	for range partitions {
		p := b.parts[s.probing.next.Add(1)%partitions]
		if on, live := p.where(); on != s || !live {
			continue
		}
		number := rand.Uint64() | 1
		data := appendHeader(make([]byte, 0, headerSize+probeSize), kindProbe, b.id)
		data = appendProbe(data, b.peers.own(number))
		s.probing.begin(number, now)
		if !s.offer(outgoing{part: p, kind: kindProbe, channel: b.names[p.index].control, data: data}) {
			s.probing.cancel(number)
		}
		return
	}
}

// onEcho takes one of this node's probes that has come back.
func (b *Bus) onEcho(number uint64) {
	now := time.Now()
	for _, s := range b.sessions() {
		if took, ok := s.probing.echo(number, now); ok {
			b.metrics.probe.Observe(took.Seconds())
			if now.UnixNano() > s.refusedUntil.Load() {
				b.conds.works(wayNotes, s.addr)
			}
			if !b.healthy.Load() {
				b.tick.raise()
			}
			return
		}
	}
}

// updateHealth decides whether the bus is healthy.
func (b *Bus) updateHealth(now time.Time) {
	live := 0
	var used []*session
	for _, p := range b.parts {
		s, alive := p.where()
		if !alive {
			continue
		}
		live++
		if !slices.Contains(used, s) {
			used = append(used, s)
		}
	}
	b.metrics.live.Set(float64(live))
	well := live == partitions
	for _, s := range used {
		if _, fine, _ := s.probing.look(now, b.opts.ProbeDeadline); !fine {
			well = false
		}
	}
	switch {
	case !well:
		if b.healthy.Swap(false) {
			b.metrics.healthy.Set(0)
			b.log.Warn("the bus is not healthy")
		}
	case b.ctx.Err() == nil && !b.healthy.Swap(true):
		b.metrics.healthy.Set(1)
		b.log.Info("the bus is healthy")
		b.begin.Do(func() { close(b.ready) })
	}
}

// announceSuspects has the other nodes look in the store for rooms whose notes may
// not have reached them.
func (b *Bus) announceSuspects() {
	for _, p := range b.parts {
		doubt, s := p.takeSuspects()
		if s == nil {
			continue
		}
		if doubt.all {
			m := outgoing{part: p, kind: kindLookAll, channel: b.names[p.index].control, data: appendHeader(nil, kindLookAll, b.id)}
			if !s.offer(m) {
				b.undelivered(&m)
			}
		}
		for room := range doubt.rooms {
			m := outgoing{part: p, room: room, kind: kindLook, channel: b.names.channel(room), data: appendHeader(nil, kindLook, b.id)}
			if !s.offer(m) {
				b.undelivered(&m)
			}
		}
	}
}
