package compare

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
	"tuitalk/bench/virtualuser"
)

// connectPatience is how long all clients of a trial may take to come in.
const connectPatience = 60 * time.Second

// clients are who talk to a server: a group, or a stand-in in tests.
type clients interface {
	Connect(ctx context.Context) error
	Begin(at time.Time)
	Rate(perSecond float64)
	Sample() measure.Sample
	Close() error
}

// newClients makes clients that have not connected.
func newClients(s scenario.Scenario, url string) (clients, error) {
	return virtualuser.New(virtualuser.Config{Scenario: s, Of: 1, Targets: []string{url}})
}

// trial is one target under one load, once.
type trial struct {
	target int
	load   int // idle: the idle clients
	repeat int // from 0
}

const idle = -1

// findings are what a trial found.
type findings struct {
	cut    bool      // the comparison ended in the middle of it: what is missing was not measured
	err    error     // why the rest is missing
	joins  float64   // per second
	memory float64   // bytes per connection
	stages []outcome // one for each rate of the load
}

// comparer is a comparison under way.
type comparer struct {
	Options
	newClients func(scenario.Scenario, string) (clients, error)
	pin        func(server, generator int) (restore func() error, err error)
	look       func(*Server) (moment, error)

	began  time.Time
	trials []trial
	now    int       // the trial under way
	came   time.Time // when it began
}

// runTrial makes a trial. What keeps this one from its end stands in the findings; the
// error is of what makes further ones senseless.
func (t *comparer) runTrial(ctx context.Context, v trial) (f findings, err error) {
	t.show("starting")
	dir, err := os.MkdirTemp(t.Dir, "trial-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := t.Targets[v.target].Start(ctx, dir, t.ServerCPU)
	if err != nil {
		f.err = fmt.Errorf("it does not start: %w", err)
		return f, ctx.Err()
	}
	f.err = t.load(ctx, v, server, &f)
	return f, errors.Join(ctx.Err(), server.Stop())
}

// load brings the clients to a server that runs.
func (t *comparer) load(ctx context.Context, v trial, server *Server, f *findings) (err error) {
	s := t.scenario(v)
	c, err := t.newClients(s, server.URL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	before, err := memory(server.PIDs)
	if err != nil {
		return err
	}
	t.show("connecting")
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, connectPatience)
	defer cancel()
	if err := c.Connect(limited); err != nil {
		return err
	}
	f.joins = float64(s.Clients) / time.Since(begin).Seconds()
	if v.load == idle {
		t.show("resting")
		if err := pause(ctx, t.Rest); err != nil {
			return err
		}
		after, err := memory(server.PIDs)
		f.memory = float64(after-before) / float64(s.Clients)
		return err
	}
	load := t.Loads[v.load]
	c.Begin(time.Now())
	for _, deliveries := range load.Deliveries {
		c.Rate(deliveries / float64(load.Members))
		o, err := t.stage(ctx, c, server, deliveries, load.Members)
		if err != nil {
			return err
		}
		f.stages = append(f.stages, o)
	}
	return nil
}

// scenario is what the clients of a trial do at first.
func (t *comparer) scenario(v trial) scenario.Scenario {
	s := scenario.Scenario{
		Name: "compare", FirstRoom: 1, Size: t.Size, Arrivals: scenario.Constant, Speak: t.Targets[v.target].Speak,
		WarmUp: scenario.Duration(t.WarmUp), Duration: scenario.Duration(t.Measure), Seed: uint64(v.repeat + 1),
	}
	if v.load == idle {
		s.Clients, s.Idle, s.IdleRoom = t.Idle, t.Idle, idleRoom
		return s
	}
	l := t.Loads[v.load]
	s.Clients, s.Rooms, s.Rate = l.clients(), l.Rooms, l.Deliveries[0]/float64(l.Members)
	return s
}

// idleRoom is how many sit in each room of the idle clients.
const idleRoom = 100

// stage measures one rate, which is set already.
func (t *comparer) stage(ctx context.Context, c clients, server *Server, deliveries float64, members int) (o outcome, err error) {
	t.show("settling in at " + thousands(deliveries) + "/s")
	c.Sample() // of what was before
	if err := pause(ctx, t.WarmUp); err != nil {
		return o, err
	}
	warm := c.Sample()
	t.show("measuring " + thousands(deliveries) + "/s")
	from, err := t.look(server)
	if err != nil {
		return o, err
	}
	if err := pause(ctx, t.Measure); err != nil {
		return o, err
	}
	s := c.Sample()
	to, err := t.look(server)
	if err != nil {
		return o, err
	}
	m := measured{
		asked: deliveries, members: members, span: to.at.Sub(from.at), sample: s, lost: warm.Lost + s.Lost,
		cpu: to.cpu - from.cpu, busy: to.busy - from.busy, beside: to.beside - from.beside,
	}
	return m.judge(), nil
}

// moment is how much everybody has worked until then.
type moment struct {
	at     time.Time
	cpu    time.Duration // the server
	busy   time.Duration // its processor, for whomever
	beside time.Duration // the generator's processor, for others
}

func (t *comparer) lookNow(server *Server) (m moment, err error) {
	if m.cpu, err = cpuTime(server.PIDs); err != nil {
		return m, err
	}
	if m.busy, err = measure.Busy(t.ServerCPU); err != nil {
		return m, err
	}
	all, err := measure.Busy(t.GeneratorCPU)
	if err != nil {
		return m, err
	}
	own, err := cpuTime([]int{os.Getpid()})
	m.beside, m.at = all-own, time.Now()
	return m, err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// workDir is where the trials keep what they need.
func (t *comparer) workDir() (remove func() error, err error) {
	if t.Dir != "" {
		if t.Dir, err = filepath.Abs(t.Dir); err != nil {
			return nil, err
		}
		return func() error { return nil }, os.MkdirAll(t.Dir, 0o755)
	}
	t.Dir, err = os.MkdirTemp("", "tuitalk-compare-")
	dir := t.Dir
	return func() error { return os.RemoveAll(dir) }, err
}
