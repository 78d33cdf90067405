package limits

import (
	"maps"
	"net/netip"
	"sync"
	"time"
)

// slowFor is for how long a room stays slow after it was over its budget.
const slowFor = 30 * time.Second

// Room is the budget of one room. The zero value is a full one.
type Room struct {
	mu     sync.Mutex
	budget budget
	slow   time.Duration           // slow mode until then
	spoke  map[Who]time.Duration   // in slow mode: when each spoke last
	said   map[netip.Prefix]*meter // in slow mode: what was said from an address, and a network
	purge  time.Duration           // when both are looked through again
}

// Post is a message to a room.
type Post struct {
	Room *Room
	ID   int32
	Who  Who
	// Crowd: who speaks comes by an address that stands for many others.
	Crowd bool
}

// ask takes the cost of a post, unless the author has to wait for his turn.
func (r *Room) ask(now time.Duration, cfg *Config, from *address, p *Post, c Cost) Verdict {
	set := cfg.SlowMode[p.ID]
	if cfg.Room == (Rates{}) && set == 0 {
		return Verdict{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := r.budget.wait(now, &cfg.Room, c)
	if wait > 0 && cfg.AutoSlowMin > 0 {
		r.slow = now + slowFor
	}
	every := set
	if now < r.slow {
		every = max(set, r.autoEvery(cfg))
	}
	if every > 0 {
		last, has := r.spoke[p.Who]
		turn := last + every - now
		if !has {
			turn = 0
		}
		if turn = max(turn, r.turnOf(now, cfg, from, p, every)); turn > 0 {
			return Verdict{Wait: max(turn, wait), Level: LevelSlowMode, Refuse: true}
		}
	}
	if wait > 0 { // those who wait come back one after the other
		turn := min(cfg.Room.Messages.span(1)*time.Duration(len(r.spoke)), maxTurn)
		return Verdict{Wait: max(wait, turn), Level: LevelRoom}
	}
	r.budget.take(now, &cfg.Room, c, 0)
	r.remember(now, cfg, from, p, every)
	return Verdict{}
}

// turnOf is how long those of an address, or of the network around it, have to wait in
// slow mode, whoever of them speaks: identities are free.
func (r *Room) turnOf(now time.Duration, cfg *Config, from *address, p *Post, every time.Duration) (wait time.Duration) {
	cfg.slowSpans(from, p, every, func(key netip.Prefix, span time.Duration) {
		if m := r.said[key]; m != nil {
			wait = max(wait, m.wait(now, span, every))
		}
	})
	return wait
}

// slowSpans calls f for each that shares slow mode with who speaks, with the part of
// every that a message takes of what they have together.
func (cfg *Config) slowSpans(from *address, p *Post, every time.Duration, f func(netip.Prefix, time.Duration)) {
	if cfg.SlowPerAddress == 0 || p.Crowd || from == nil || from.proxies {
		return
	}
	share := cfg.SlowPerAddress
	for a := from; a != nil; a = a.network {
		f(a.key, every/time.Duration(share))
		share *= networkShare
	}
}

// autoEvery is how seldom each may speak so that all who do have room.
func (r *Room) autoEvery(cfg *Config) time.Duration {
	enough := cfg.Room.Messages.span(1) * time.Duration(2*len(r.spoke))
	return min(max(enough, cfg.AutoSlowMin), cfg.AutoSlowMax)
}

// remember notes who spoke, as long as it matters. Those kept are bounded by what a
// room takes in that time.
func (r *Room) remember(now time.Duration, cfg *Config, from *address, p *Post, every time.Duration) {
	if every == 0 {
		r.spoke, r.said = nil, nil
		return
	}
	if r.spoke == nil {
		r.spoke, r.said = map[Who]time.Duration{}, map[netip.Prefix]*meter{}
	}
	if now >= r.purge {
		maps.DeleteFunc(r.spoke, func(_ Who, at time.Duration) bool { return at+every <= now })
		maps.DeleteFunc(r.said, func(_ netip.Prefix, m *meter) bool { return m.debt(now) == 0 })
		r.purge = now + every
	}
	r.spoke[p.Who] = now
	cfg.slowSpans(from, p, every, func(key netip.Prefix, span time.Duration) {
		if r.said[key] == nil {
			r.said[key] = &meter{}
		}
		r.said[key].take(now, span, every)
	})
}
