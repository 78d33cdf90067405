package limits

import (
	"sync"
	"time"
)

// slowFor is for how long a room stays slow after it was over its budget.
const slowFor = 30 * time.Second

// Room is the budget of one room. The zero value is a full one.
type Room struct {
	mu     sync.Mutex
	budget budget
	slow   time.Duration         // slow mode until then
	spoke  map[Who]time.Duration // in slow mode: when each spoke last
	purge  time.Duration         // when spoke is looked through again
}

// Post is a message to a room.
type Post struct {
	Room *Room
	ID   int32
	Who  Who
}

// ask takes the cost of a post, unless the author has to wait for his turn.
func (r *Room) ask(now time.Duration, cfg *Config, p *Post, c Cost) Verdict {
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
		if turn := last + every - now; has && turn > 0 {
			return Verdict{Wait: max(turn, wait), Level: LevelSlowMode, Refuse: true}
		}
	}
	if wait > 0 { // those who wait come back one after the other
		turn := min(cfg.Room.Messages.span(1)*time.Duration(len(r.spoke)), maxTurn)
		return Verdict{Wait: max(wait, turn), Level: LevelRoom}
	}
	r.budget.take(now, &cfg.Room, c, 0)
	r.remember(now, p.Who, every)
	return Verdict{}
}

// autoEvery is how seldom each may speak so that all who do have room.
func (r *Room) autoEvery(cfg *Config) time.Duration {
	enough := cfg.Room.Messages.span(1) * time.Duration(2*len(r.spoke))
	return min(max(enough, cfg.AutoSlowMin), cfg.AutoSlowMax)
}

// remember notes who spoke, as long as it matters. Those kept are bounded by what a
// room takes in that time.
func (r *Room) remember(now time.Duration, who Who, every time.Duration) {
	if every == 0 {
		r.spoke = nil
		return
	}
	if r.spoke == nil {
		r.spoke = map[Who]time.Duration{}
	}
	if now >= r.purge {
		for w, at := range r.spoke {
			if at+every <= now {
				delete(r.spoke, w)
			}
		}
		r.purge = now + every
	}
	r.spoke[who] = now
}
