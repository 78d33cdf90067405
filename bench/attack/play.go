package attack

import (
	"context"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

// play is one attack in its phases.
type play struct {
	r      *run
	s      *scene
	people *people
	crowd  *crowd
	attack *Attack
	number int
	began  time.Time
	cpu    [phases]time.Duration // of this process
}

// all plays the three phases.
func (p *play) all(ctx, life context.Context) {
	load, quiet := context.WithCancel(ctx)
	busy := make(chan struct{})
	p.people.living.Go(func() {
		defer close(busy)
		p.people.busy(load, life)
	})
	p.phase(ctx, before, func() { p.pass(ctx, p.s.o.Before) })
	p.phase(ctx, during, func() {
		p.crowd.victim = p.people.someone()
		p.crowd.attack(p.attack.Groups, p.lasts())
	})
	p.phase(ctx, after, func() { p.pass(ctx, p.s.o.After) })
	quiet()
	p.show("waiting for what is under way")
	p.people.settled(ctx, settleTime)
	p.felt(ctx, busy)
}

// felt waits for the newcomers: those who are under way count as failed, and give up.
func (p *play) felt(ctx context.Context, busy <-chan struct{}) {
	p.s.gauge.look(ctx)
	select {
	case <-busy:
	case <-time.After(joinPatience + lingering):
	}
}

// lingering is what a driver takes at most to close.
const lingering = 3 * time.Second

func (p *play) lasts() time.Duration {
	if p.attack.Lasts > 0 {
		return p.attack.Lasts
	}
	return p.s.o.During
}

// phase plays one phase while it is shown how it goes.
func (p *play) phase(ctx context.Context, ph phase, do func()) {
	p.people.enterPhase(ph, 0)
	p.s.gauge.enter(ctx, ph)
	begun, cpu := time.Now(), measure.ProcessCPU()
	done, shown := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(shown)
		t := time.NewTicker(500 * time.Millisecond)
		defer t.Stop()
		for {
			p.show([phases]string{"before", "during", "after"}[ph])
			select {
			case <-t.C:
			case <-done:
				return
			}
		}
	}()
	do()
	close(done)
	<-shown
	p.people.enterPhase(ph, time.Since(begun))
	p.cpu[ph] = measure.ProcessCPU() - cpu
}

// show tells how it goes.
func (p *play) show(what string) {
	o := p.r.o
	now := report.AttackView{Attack: p.number + 1, Attacks: len(o.Attacks), Name: p.attack.Name, Phase: what, Elapsed: time.Since(p.r.began)}
	for _, a := range o.Attacks[p.number+1:] {
		now.Left += o.Before + o.After + time.Second
		if a.Lasts > 0 {
			now.Left += a.Lasts
		} else {
			now.Left += o.During
		}
	}
	now.Left += max(0, o.Before+p.lasts()+o.After-time.Since(p.began))
	p.crowd.tally.mu.Lock()
	now.Open, now.Closed = int(p.crowd.tally.now.Load()), result.Total(p.crowd.tally.got.Closed)
	p.crowd.tally.mu.Unlock()
	p.people.mu.Lock()
	now.Felt.Post.Add(&p.people.felt[p.people.phase].Post)
	now.Felt.Join.Add(&p.people.felt[p.people.phase].Join)
	p.people.mu.Unlock()
	o.Show(now)
}

// pass lets time pass.
func (p *play) pass(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
