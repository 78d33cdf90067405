package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/bench/coordinator"
	"tuitalk/bench/measure"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/cmd/setting"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
)

var breakThings = &command{
	name: "chaos",
	line: "break one part after the other under load, and measure what people notice",
	about: `tuitalk-bench chaos starts a fleet of its own on this machine (Nginx, gateways, a
Redis Cluster, PostgreSQL with a standby: real processes, as make cluster), puts
load on it, and kills, freezes, cuts off and restarts one part after the other.
For each fault it tells how long people heard nothing, how long it took to
detect, to reconnect, to resume and to catch up; and the history of everybody
must be whole.

    tuitalk-bench chaos -html failover.html
    tuitalk-bench chaos -faults gateway-kill,postgres-stop -clients 15000 -rate 200
    tuitalk-bench chaos -faults all,links -pairs 20       two faults for each of 20 seeds
    tuitalk-bench chaos -faults list                      what there is

A fleet on other machines is broken by your own commands, on a target of yours:

    tuitalk-bench chaos -target wss://chat.example/ws \
      -hook 'db 20s: ssh db systemctl stop postgresql; ssh db systemctl start postgresql'`,
	open: openChaos,
}

// hooks are faults that are commands; a flag that may be given several times.
type hooks []chaos.Fault

func (h *hooks) String() string { return "" }

func (h *hooks) Set(text string) error {
	f, err := chaos.ParseHook(text)
	if err == nil {
		*h = append(*h, f)
	}
	return err
}

// breakage is what the flags of chaos say.
type breakage struct {
	faults   string
	pairs    int
	hooks    hooks
	calm     time.Duration
	gateway  string
	gateways int
	dir      string
}

func openChaos(self *command) (*form, func(*call) error, error) {
	s, err := newSettings(self, "chaos")
	if err != nil {
		return nil, nil, err
	}
	b := &breakage{}
	f := s.form
	f.StringVar(&b.faults, "faults", "all", "what is broken, one after the other: `names` with commas; all, links (those of one gateway to one\npart are cut, silent or slow; needs root), watchdog (not with gateway-freeze, so not with all), none; list shows them")
	f.IntVar(&b.pairs, "pairs", 0, "so many times two more faults, random ones of the seeds 1, 2, …", setting.NotNegative)
	f.Var(&b.hooks, "hook", "a fault that is a `command`, as 'name 20s: break it; mend it'; may be given several times.\nWith hooks no fleet is started: -target is what they break")
	f.DurationVar(&b.calm, "calm", 8*time.Second, "how long there is calm before, between and after faults, from when everybody has everything again", setting.NotNegative)
	f.StringVar(&b.gateway, "gateway", "", "the `program` tuitalk-gateway; default: the one in the same folder as this program")
	f.IntVar(&b.gateways, "gateways", 3, "how many gateways the fleet has", setting.AtLeast(1))
	f.StringVar(&b.dir, "dir", "", "`folder` for the fleet's data and logs, which are kept; a temporary one if none is given")
	s.groups(group{"The faults", []string{"faults", "pairs", "hook", "calm", "gateways", "gateway", "dir"}})
	return f, func(c *call) error { return b.run(s, c) }, nil
}

func (b *breakage) run(s *settings, c *call) error {
	if b.faults == "list" {
		for _, f := range chaos.All() {
			fmt.Fprintf(c.stdout, "%-31s %4v  %s\n", f.Name, f.Hold, f.About)
		}
		return nil
	}
	if s.cluster != "" && len(b.hooks) == 0 {
		return usage{errors.New("-cluster: chaos starts a fleet of its own, and breaks another only with -hook")}
	}
	if strings.Contains(s.target, "wss://") && len(b.hooks) == 0 {
		return usage{errors.New("-target: chaos starts a fleet of its own, without TLS, and breaks another only with -hook")}
	}
	chosen, err := b.choose()
	if err != nil {
		return usage{err}
	}
	return s.run(c, &purpose{
		begin: func(ctx context.Context, o *coordinator.Options, show *report.Live) (func() error, error) {
			schedule := chaos.Schedule{
				Faults: chosen, Calm: b.calm, Seed: o.Scenario.Seed,
				Tell: func(format string, args ...any) { show.Print(fmt.Sprintf(format, args...)) },
			}
			o.During = schedule.During
			if len(b.hooks) > 0 {
				return func() error { return nil }, nil
			}
			return b.fleet(ctx, o, &schedule, show)
		},
		judge: func(r *result.Result) []result.Check { return []result.Check{allHeld(r, len(chosen))} },
	})
}

// allHeld is the check that every fault was made, and took hold.
func allHeld(r *result.Result, planned int) result.Check {
	held := 0
	for _, f := range r.Faults {
		if f.Held {
			held++
		}
	}
	return result.Check{
		Name: "every fault took hold", Passed: held == planned, Why: fmt.Sprintf("%d of %d did", held, planned),
	}
}

// choose is the faults in their order.
func (b *breakage) choose() (chosen []chaos.Fault, err error) {
	switch {
	case b.calm < time.Second:
		return nil, fmt.Errorf("-calm %v: it must be at least 1s, or nothing tells the faults apart", b.calm)
	case b.pairs < 0:
		return nil, fmt.Errorf("-pairs %d must not be negative", b.pairs)
	case b.gateways < 3:
		return nil, fmt.Errorf("-gateways %d: there must be at least 3, since faults take two away", b.gateways)
	case len(b.hooks) > 0:
		return b.hooks, nil
	}
	if b.faults != "none" {
		if chosen, err = chaos.Choose(b.faults); err != nil {
			return nil, fmt.Errorf("-faults: %w", err)
		}
	}
	for seed := range b.pairs {
		for i, f := range chaos.Pair(uint64(seed + 1)) {
			f.Name = fmt.Sprintf("%s (seed %d, %d of 2)", f.Name, seed+1, i+1)
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return nil, errors.New("-faults none leaves nothing to break without -pairs")
	}
	return chosen, nil
}

// perWorker is how many clients a worker of Nginx carries at most: each takes
// two of its files.
const perWorker = 4000

// linked is how many gateways are behind links that can be broken: all, or one of
// them if the proxy that stands for links cannot carry so many clients. Each takes
// two files of this process, which needs some besides.
func linked(clients, gateways int, faults []chaos.Fault) (behind int, err error) {
	files, err := measure.RaiseFiles()
	if err != nil {
		return 0, err
	}
	most := (files - 1000) / 2
	if clients <= most {
		return devcluster.EveryGateway, nil
	}
	// another gateway may be away meanwhile, and its clients with the rest; where two
	// are, all clients may be with one
	crowded := slices.ContainsFunc(faults, func(f chaos.Fault) bool {
		return strings.HasPrefix(f.Name, "gateway-kill-two") || strings.Contains(f.Name, " of 2)")
	})
	if bound := most * (gateways - 1); clients > bound || crowded {
		return 0, usage{fmt.Errorf("-clients %d: faults of links lead connections through this process, whose open files suffice for %d; "+
			"for %d, if no fault takes two gateways away", clients, most, bound)}
	}
	return 1, nil
}

// fleet starts a fleet and makes it the target.
func (b *breakage) fleet(ctx context.Context, o *coordinator.Options, schedule *chaos.Schedule, show *report.Live) (done func() error, err error) {
	if b.gateway == "" {
		b.gateway = beside("tuitalk-gateway")
	}
	show.Print("starting a fleet")
	opts := devcluster.ClusterOptions{
		Program: b.gateway, Dir: b.dir, Gateways: b.gateways, Workers: 2 + o.Scenario.Clients/perWorker,
		GatewayArgs: []string{"-limits", "none", "-grace", o.Grace.String()},
	}
	if err := chaos.Fleet(&opts, schedule.Faults); err != nil {
		return nil, usage{fmt.Errorf("-faults: %w", err)}
	}
	if opts.Isolated > 0 {
		if opts.Isolated, err = linked(o.Scenario.Clients, b.gateways, schedule.Faults); err != nil {
			return nil, err
		}
	}
	cluster, err := devcluster.StartCluster(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("start a fleet: %w", err)
	}
	store, err := pgstore.Open(ctx, cluster.Postgres.DSN(), pgstore.Options{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the fleet's database: %w", err), cluster.Close())
	}
	schedule.Cluster, o.Skew = cluster, chaos.Skew(schedule.Faults)
	o.Targets, o.Store = []string{cluster.URL()}, store
	o.Watch = func() []coordinator.Process { return processes(cluster.State()) }
	return func() error { return errors.Join(store.Close(), cluster.Close()) }, nil
}
