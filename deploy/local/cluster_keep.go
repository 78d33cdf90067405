package local

import (
	"context"
	"time"
)

// Keep starts every part that has died again, however it died, after the pauses
// that deploy/systemd makes; gateways are their watchdogs' to keep. tell is called, from one goroutine, when a part was found dead and when
// it was started. Keep returns when ctx ends.
func (c *Cluster) Keep(ctx context.Context, tell func(part, what string)) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	parts := c.kept()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		for _, p := range parts {
			p.keep(ctx, tell)
		}
	}
}

const (
	keepEvery    = 250 * time.Millisecond
	keepPatience = 10 * time.Second // for one start
	// redisPause is longer than a failover takes: a master that is back before
	// it, with nothing, would empty its replica.
	redisPause    = 5 * time.Second
	nginxPause    = time.Second
	postgresPause = time.Second
)

// keptPart is a part that Keep looks after, owned by its goroutine.
type keptPart struct {
	name  string
	pause time.Duration
	state func() string
	start func(context.Context) error
	due   time.Time // of the next start; zero while it lives
}

func (c *Cluster) kept() []*keptPart {
	parts := []*keptPart{
		{name: "nginx", pause: nginxPause, state: c.Nginx.State, start: c.Nginx.Start},
		{name: "postgres", pause: postgresPause, state: func() string { return c.Postgres.process().state() }, start: c.Postgres.Start},
	}
	for i, n := range c.Redis.nodes {
		parts = append(parts, &keptPart{name: redisName(i), pause: redisPause, state: n.state, start: n.start})
	}
	return parts
}

func (p *keptPart) keep(ctx context.Context, tell func(part, what string)) {
	switch {
	case p.state() != Dead:
		p.due = time.Time{}
	case p.due.IsZero():
		p.due = time.Now().Add(p.pause)
		tell(p.name, "died")
	case time.Now().After(p.due):
		ctx, cancel := context.WithTimeout(ctx, keepPatience)
		defer cancel()
		if err := p.start(ctx); err != nil {
			p.due = time.Now().Add(p.pause)
			tell(p.name, err.Error())
		} else {
			tell(p.name, "was started again")
		}
	}
}
