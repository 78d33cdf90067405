package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/result"
)

// Run compares. What was measured is kept, whatever comes between: if ctx ends or
// a visit fails, Incomplete of the comparison says so, and its cells say what was
// not measured. Without a comparison, the error says why none was begun; with
// one, what could not be put back as it was.
func Run(ctx context.Context, o Options) (*result.Comparison, error) {
	t := &tour{Options: o, gather: gather, pin: pin}
	t.look = t.lookNow
	return t.run(ctx)
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
	restore, err := t.pin(t.ServerCPU, t.GeneratorCPU)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, restore()) }()
	t.began, t.visits = time.Now(), t.plan()
	t.tell("%d visits of %d targets, about %v in all; server on processor %d, generator on processor %d",
		len(t.visits), len(t.Targets), t.takes(t.visits).Round(time.Second), t.ServerCPU, t.GeneratorCPU)
	found, incomplete := t.tour(ctx)
	c = t.comparison(t.began, found)
	c.Incomplete = incomplete
	return c, nil
}

// tour makes the visits, and says what is missing of them; "": nothing.
func (t *tour) tour(ctx context.Context) (found map[visit]findings, incomplete string) {
	found = map[visit]findings{}
	failed, first := 0, ""
	for i, v := range t.visits {
		t.now, t.came = i, time.Now()
		f, err := t.call(ctx, v)
		if err != nil {
			f.cut, f.err = true, nil
			found[v] = f
			return found, t.ended(ctx, err)
		}
		if found[v] = f; f.err != nil {
			if failed++; failed == 1 {
				first = fmt.Sprintf("%s: %v", t.name(v), f.err)
			}
		}
		t.tell("%s", t.told(v, &f))
	}
	if failed > 0 {
		return found, fmt.Sprintf("%d of %d visits failed; the first is %s", failed, len(t.visits), first)
	}
	return found, ""
}

// ended says why there were no more visits.
func (t *tour) ended(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("interrupted in visit %d of %d; what was not measured says so", t.now+1, len(t.visits))
	}
	return fmt.Sprintf("ended in visit %d of %d (%s): %v", t.now+1, len(t.visits), t.name(t.visits[t.now]), err)
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

func (t *tour) repeats(target int) int {
	if t.Targets[target].Aside {
		return 1
	}
	return t.Repeats
}
