package limits

import (
	"net/netip"
	"time"
)

// Who is a user. A UUID that proves nothing, which everybody can use, is only a
// user of its address: nobody can spend what somebody else may say.
type Who struct {
	UUID [16]byte
	From netip.Prefix // of an unproven UUID; zero for others
}

// identity is what the connections of one user share.
type identity struct {
	who  Who
	said budget

	// guarded by Table.mu
	conns   int
	penalty penalty
}

// penalty keeps somebody out for a while, each time for longer.
type penalty struct {
	until time.Duration
	times int
}

// forgetAfter is how long somebody must have behaved, in times of KeepOutMax, until
// it is forgotten how often he was kept out.
const forgetAfter = 3

// remembered tells whether it would matter to forget it.
func (p *penalty) remembered(now, forget time.Duration) bool {
	return p.times > 0 && now < p.until+forget
}

// left is for how long he is kept out from now on.
func (p *penalty) left(now time.Duration) time.Duration { return max(0, p.until-now) }

// impose keeps him out, unless he is already. It returns for how long, 0 if nothing
// has changed.
func (p *penalty) impose(now time.Duration, cfg *Config) time.Duration {
	if cfg.KeepOut <= 0 || now < p.until {
		return 0
	}
	if !p.remembered(now, forgetAfter*cfg.KeepOutMax) {
		p.times = 0
	}
	d := min(cfg.KeepOut<<min(p.times, 20), max(cfg.KeepOutMax, cfg.KeepOut))
	p.times++
	p.until = now + d
	return d
}
