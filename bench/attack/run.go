package attack

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"tuitalk/bench/result"
)

// run is a run under way. It belongs to the goroutine of Run.
type run struct {
	o       *Options
	dir     string // for gateways that are started; "": none are
	history bool   // the target, or the template, has it
	began   time.Time
	out     *result.Attacks
}

// Run makes one attack after the other. What was found until an error or the end of
// ctx is returned with it.
func Run(ctx context.Context, o Options) (*result.Attacks, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &run{o: &o, began: time.Now()}
	r.out = &result.Attacks{
		Started: r.began, Command: o.Command, Build: o.Build, Machine: o.Machine,
		Target: o.targetName(), Quick: o.Quick,
	}
	if o.Program != "" {
		dir, err := os.MkdirTemp("", "tuitalk-attack-*")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		r.dir = dir
	}
	for i := range o.Attacks {
		a := &o.Attacks[i]
		found := r.attack(ctx, i, a)
		if ctx.Err() != nil {
			r.out.Incomplete = fmt.Sprintf("interrupted in attack %d of %d, %s", i+1, len(o.Attacks), a.Name)
			return r.out, nil
		}
		r.out.Attacks = append(r.out.Attacks, found)
		o.Tell(outcome(&found))
	}
	return r.out, nil
}

// outcome tells of an attack as it ends.
func outcome(a *result.Attack) string {
	if a.Failed != "" {
		return fmt.Sprintf("%-22s not made: %s", a.Name, a.Failed)
	}
	ms := func(f *result.Felt) string {
		return fmt.Sprintf("posts p99 %s, joins p99 %s", result.Took(f.Post.At(99)), result.Took(f.Join.At(99)))
	}
	return fmt.Sprintf("%-22s %s; quiet: %s; %d not answered; %d held, %d closed; %s", a.Name, ms(&a.During), ms(&a.Before),
		a.During.Failures()+a.After.Failures(), a.Got.Held, result.Total(a.Got.Closed), a.Verdict(&a.Before))
}

// scene is what one attack needs.
type scene struct {
	target  *Target
	gateway *gateway // nil: it is not ours
	gauge   *gauge
	o       Options // with the addresses for this target
}

// attack makes one attack and cleans up after it.
func (r *run) attack(ctx context.Context, number int, a *Attack) (found result.Attack) {
	found = result.Attack{Name: a.Name, What: a.What, Weakness: a.Weakness, Size: a.Size()}
	s, err := r.prepare(ctx, number, a)
	if err == nil {
		r.out.Setting = s.o.setting()
		err = r.watched(ctx, s, number, a, &found)
	}
	if err != nil {
		found.Failed = err.Error()
	}
	if s != nil && s.gateway != nil {
		how, stuck, err := s.gateway.end()
		found.Ended, found.Stuck = how, stuck
		if err != nil && !stuck && found.Failed == "" {
			found.Failed = err.Error()
		}
	}
	return found
}

// prepare finds the target, or starts it, with the history that the attack reads.
func (r *run) prepare(ctx context.Context, number int, a *Attack) (*scene, error) {
	s := &scene{o: *r.o}
	var err error
	switch {
	case r.o.Program != "":
		err = r.start(ctx, s, number, a)
	default:
		if s.target, err = FindTarget(r.o.URL, &r.o.Trust); err == nil {
			err = s.target.Allowed(r.o.Consent)
		}
		if err == nil {
			s.gauge = newGauge(r.o.PID, s.target.Addr.Port(), r.o.Admin)
		}
	}
	if err != nil {
		return s, err
	}
	attackers, honest := s.target.loopbackSources(a.From)
	if len(s.o.Sources) == 0 {
		s.o.Sources = attackers
	}
	if len(s.o.Honest) == 0 {
		s.o.Honest = honest
	}
	if a.History && !r.history && r.o.Program == "" {
		r.o.Tell("writing the history that is read by attacks")
		if err := makeHistory(ctx, &s.o, s.target); err != nil {
			return s, err
		}
		r.history = true
	}
	return s, findLargest(ctx, s.target, s.o.Honest)
}

// start starts a gateway for one attack.
func (r *run) start(ctx context.Context, s *scene, number int, a *Attack) (err error) {
	whole := filepath.Join(r.dir, "template")
	if a.History && !r.history {
		r.o.Tell("writing the history that is read by attacks")
		if err := template(ctx, r.o, whole); err != nil {
			return err
		}
		r.history = true
	}
	dir := filepath.Join(r.dir, strconv.Itoa(number))
	if a.History {
		if err := copyStore(whole, dir); err != nil {
			return err
		}
	}
	if s.gateway, err = startGateway(ctx, r.o.Program, dir, slices.Concat(a.Gateway, r.o.Args)...); err != nil {
		return err
	}
	if s.target, err = s.gateway.target(r.o); err != nil {
		return err
	}
	s.gauge = newGauge(s.gateway.program.PID(), s.target.Addr.Port(), s.gateway.admin)
	return nil
}

// findLargest finds what page attacks ask for.
func findLargest(ctx context.Context, t *Target, from []netip.Addr) error {
	addr := netip.Addr{}
	if len(from) > 0 {
		addr = from[0]
	}
	plain, tcp, err := dial(ctx, t, addr, 0)
	if err != nil {
		return fmt.Errorf("the target cannot be reached: %w", err)
	}
	defer tcp.Close()
	c := &conn{ctx: ctx, crowd: &crowd{target: t, tally: newTally(func() {})}, Conn: plain, tcp: tcp}
	c.r = bufio.NewReader(c)
	_ = c.SetDeadline(time.Now().Add(answerTime)) // a fresh connection takes it
	if body, err := c.fetchPage("/"); err == nil {
		t.Page = findPage(body)
	}
	return nil // a target without a page has nothing larger
}

// watched makes the attack while the people chat and the gateway is watched.
func (r *run) watched(ctx context.Context, s *scene, number int, a *Attack, found *result.Attack) error {
	people, err := newPeople(&s.o, s.target)
	if err != nil {
		return err
	}
	life, die := context.WithCancel(ctx)
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		s.gauge.watch(life)
	}()
	defer func() {
		die()
		people.living.Wait()
		<-watching
	}()
	people.live(life)
	if err := people.enter(ctx); err != nil {
		return err
	}
	c := newCrowd(ctx, s.target, s.o.Sources, s.o.Room)
	s.gauge.onGrowth(func() { c.tally.bound("the gateway's memory had grown by " + result.Bytes(maxGrowth)) })
	p := &play{r: r, s: s, people: people, crowd: c, attack: a, number: number, began: time.Now()}
	p.all(ctx, life)
	r.note(ctx, p, found)
	return nil
}

// note puts down what was found.
func (r *run) note(ctx context.Context, p *play, found *result.Attack) {
	felt, notReady := p.people.give(), p.s.gauge.unready()
	for ph := range felt {
		f := &felt[ph]
		f.OwnCPU, f.NotReady = p.cpu[ph].Seconds(), notReady[ph]
		if f.NotReady == 0 && p.s.gauge.admin != "" {
			f.ReadyLies = f.JoinsFailed
		}
	}
	found.Before, found.During, found.After = felt[before], felt[during], felt[after]
	p.crowd.tally.mu.Lock()
	found.Got, found.Stopped = p.crowd.tally.got, p.crowd.tally.stopped
	found.Breaches = append(slices.Clone(p.crowd.tally.breaches), p.people.forged...)
	p.crowd.tally.mu.Unlock()
	found.Cost = p.s.gauge.cost(ctx)
}
