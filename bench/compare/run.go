package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/result"
)

// Run compares. When ctx ends, what was found until then is lost.
func Run(ctx context.Context, o Options) (*result.Comparison, error) {
	return (&tour{Options: o, gather: gather}).run(ctx)
}

func (t *tour) run(ctx context.Context) (c *result.Comparison, err error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	remove, err := t.workDir()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	restore, err := pin(t.GeneratorCPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, restore()) }()
	began := time.Now()
	visits := t.plan()
	t.tell("%d visits of %d targets, about %v in all; server on processor %d, generator on processor %d",
		len(visits), len(t.Targets), t.takes(visits).Round(time.Second), t.ServerCPU, t.GeneratorCPU)
	found := map[visit]findings{}
	for i, v := range visits {
		t.tell("%2d/%d  %s, %s, %d of %d; %v to go", i+1, len(visits), t.Targets[v.target].Name, t.loadName(v.load),
			v.repeat+1, t.repeats(v), t.left(visits, i, time.Since(began)).Round(time.Second))
		f, err := t.call(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", t.Targets[v.target].Name, err)
		}
		if f.err != nil {
			t.tell("       %v", f.err)
		}
		found[v] = f
	}
	return t.comparison(began, found), nil
}

// plan is who is visited when: A B A B.
func (t *tour) plan() (visits []visit) {
	for repeat := range t.Repeats {
		for load := range t.Loads {
			visits = append(visits, t.round(load, repeat)...)
		}
		if t.Idle > 0 {
			visits = append(visits, t.round(idle, repeat)...)
		}
	}
	return visits
}

// round visits every target once.
func (t *tour) round(load, repeat int) (visits []visit) {
	for target := range t.Targets {
		if !t.Targets[target].Aside || load == 0 && repeat == 0 {
			visits = append(visits, visit{target, load, repeat})
		}
	}
	return visits
}

func (t *tour) repeats(v visit) int {
	if t.Targets[v.target].Aside {
		return 1
	}
	return t.Repeats
}

func (t *tour) loadName(load int) string {
	if load == idle {
		return fmt.Sprintf("%d idle", t.Idle)
	}
	return t.Loads[load].Name
}

// What a visit takes beside its rates, roughly.
const (
	startTakes   = 1500 * time.Millisecond // with stopping
	connectTakes = 250 * time.Microsecond  // each
)

// takes estimates how long visits take.
func (t *tour) takes(visits []visit) (sum time.Duration) {
	for _, v := range visits {
		sum += startTakes
		if v.load == idle {
			sum += time.Duration(t.Idle)*connectTakes + t.Rest
			continue
		}
		l := t.Loads[v.load]
		sum += time.Duration(l.clients())*connectTakes + time.Duration(len(l.Deliveries))*(t.WarmUp+t.Measure)
	}
	return sum
}

// left is the estimate of what is to come, corrected by how long the first
// visits took.
func (t *tour) left(visits []visit, done int, took time.Duration) time.Duration {
	left := t.takes(visits[done:])
	if done == 0 {
		return left
	}
	return time.Duration(float64(left) * float64(took) / float64(t.takes(visits[:done])))
}
