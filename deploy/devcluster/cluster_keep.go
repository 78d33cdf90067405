package devcluster

import (
	"context"
	"sync"
	"time"
)

// Keep starts every part that has died again, however it died, after the pauses
// that deploy/systemd makes; gateways are their watchdogs' to keep. A PostgreSQL
// server comes back as what it has to be: where the other one was promoted
// meanwhile, by whomever, the old primary becomes its standby, also if it lives.
// Keep itself promotes nobody.
//
// tell is called, by one at a time, when a part was found dead and when it was
// started. Each part has a goroutine, so that a slow start holds up no other.
// Keep returns when ctx ends.
func (c *Cluster) Keep(ctx context.Context, tell func(part, what string)) {
	var telling sync.Mutex
	var keepers sync.WaitGroup
	for _, p := range c.kept() {
		p.tell = func(what string) {
			telling.Lock()
			defer telling.Unlock()
			tell(p.name, what)
		}
		keepers.Go(func() { p.run(ctx) })
	}
	keepers.Wait()
}

const (
	keepEvery   = 250 * time.Millisecond
	keepTimeout = 10 * time.Second // for one start
	// redisPause is longer than a failover takes: a master that is back before
	// it, with nothing, would empty its replica.
	redisPause    = 5 * time.Second
	nginxPause    = time.Second
	postgresPause = time.Second
)

// keptPart is a part that Keep looks after, owned by its goroutine.
type keptPart struct {
	name    string
	pause   time.Duration
	timeout time.Duration
	trouble func() string // why it is to be started, "" if it is not
	start   func(context.Context) error
	tell    func(what string)
	due     time.Time // of the next start; zero while it is well
}

const died = "died"

// diedIf makes a trouble of a state.
func diedIf(state func() string) func() string {
	return func() string {
		if state() == Dead {
			return died
		}
		return ""
	}
}

func (c *Cluster) kept() []*keptPart {
	parts := []*keptPart{{name: "nginx", pause: nginxPause, timeout: keepTimeout, trouble: diedIf(c.Nginx.State), start: c.Nginx.Start}}
	for i, p := range c.Postgres.servers {
		parts = append(parts, &keptPart{
			name: postgresName(i), pause: postgresPause, timeout: postgresTimeout,
			trouble: func() string { return c.Postgres.trouble(p) },
			start:   func(ctx context.Context) error { return c.Postgres.start(ctx, p) },
		})
	}
	for i, n := range c.Redis.nodes {
		parts = append(parts, &keptPart{name: redisName(i), pause: redisPause, timeout: keepTimeout, trouble: diedIf(n.state), start: n.start})
	}
	return parts
}

func (p *keptPart) run(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.keep(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (p *keptPart) keep(ctx context.Context) {
	trouble := p.trouble()
	switch {
	case trouble == "":
		p.due = time.Time{}
	case p.due.IsZero():
		p.due = time.Now().Add(p.pause)
		p.tell(trouble)
	case time.Now().After(p.due):
		ctx, cancel := context.WithTimeout(ctx, p.timeout)
		defer cancel()
		if err := p.start(ctx); err != nil {
			p.due = time.Now().Add(p.pause)
			p.tell(err.Error())
		} else {
			p.tell("was started again")
		}
	}
}
