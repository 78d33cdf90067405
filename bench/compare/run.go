package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/result"
)

// Run compares. What was measured is kept, whatever comes between: if ctx ends or
// a trial fails, Incomplete of the comparison says so, and its cells say what was
// not measured. Without a comparison, the error says why none was begun; with
// one, what could not be put back as it was.
func Run(ctx context.Context, o Options) (*result.Comparison, error) {
	t := &comparer{Options: o, newClients: newClients, pin: pin}
	t.look = t.lookNow
	return t.run(ctx)
}

func (t *comparer) run(ctx context.Context) (c *result.Comparison, err error) {
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
	t.began, t.trials = time.Now(), t.plan()
	t.tell("%d trials of %d targets, about %v in all; server on processor %d, generator on processor %d",
		len(t.trials), len(t.Targets), t.takes(t.trials).Round(time.Second), t.ServerCPU, t.GeneratorCPU)
	found, incomplete := t.runTrials(ctx)
	c = t.comparison(t.began, found)
	c.Incomplete = incomplete
	return c, nil
}

// runTrials makes the trials, and says what is missing of them; "": nothing.
func (t *comparer) runTrials(ctx context.Context) (found map[trial]findings, incomplete string) {
	found = map[trial]findings{}
	failed, first := 0, ""
	for i, v := range t.trials {
		t.now, t.came = i, time.Now()
		f, err := t.runTrial(ctx, v)
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
		return found, fmt.Sprintf("%d of %d trials failed; the first is %s", failed, len(t.trials), first)
	}
	return found, ""
}

// ended says why there were no more trials.
func (t *comparer) ended(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return fmt.Sprintf("interrupted in trial %d of %d; what was not measured says so", t.now+1, len(t.trials))
	}
	return fmt.Sprintf("ended in trial %d of %d (%s): %v", t.now+1, len(t.trials), t.name(t.trials[t.now]), err)
}

// plan is who is tried when: A B A B.
func (t *comparer) plan() (trials []trial) {
	for repeat := range t.Repeats {
		for load := range t.Loads {
			trials = append(trials, t.round(load, repeat)...)
		}
		if t.Idle > 0 {
			trials = append(trials, t.round(idle, repeat)...)
		}
	}
	return trials
}

// round tries every target once.
func (t *comparer) round(load, repeat int) (trials []trial) {
	for target := range t.Targets {
		if !t.Targets[target].Aside || load == 0 && repeat == 0 {
			trials = append(trials, trial{target, load, repeat})
		}
	}
	return trials
}

func (t *comparer) repeats(target int) int {
	if t.Targets[target].Aside {
		return 1
	}
	return t.Repeats
}
