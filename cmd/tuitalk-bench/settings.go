package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/cmd/setting"
)

// settings are those of all commands that put load on something.
type settings struct {
	form   *form
	choice *scenario.Choice
	limits result.Thresholds

	target, workers, key, sources string
	ca                            string
	insecure                      bool
	processes                     int
	watch, cluster, recordings    string
	grace                         time.Duration
	json, html, junit             string
	quiet                         bool
	noColor                       bool
}

// newSettings makes the flags of a command, with a scenario that is its default.
func newSettings(c *command, preset string) (*settings, error) {
	s := &settings{form: newForm(c)}
	f := s.form
	f.StringVar(&s.target, "target", "ws://127.0.0.1:8080/ws", "`URL` of the chat server, or several: ws://a/ws,ws://b/ws; wss:// is with TLS")
	f.StringVar(&s.ca, "ca", "", "`FILE` of certificates (PEM) of authorities that are trusted besides the machine's own, for wss://")
	f.BoolVar(&s.insecure, "insecure", false, "do not check the certificates of wss:// targets: for a test fleet only")
	f.StringVar(&s.cluster, "cluster", "", "`folder` of a running \"make cluster\", as .cluster: it is the target, its processes\nare watched, and its database is what histories are held against")
	f.StringVar(&s.watch, "watch", "", "processes of the target on this machine whose CPU, memory and open files are sampled:\n`PID`[=name][@host:port],… with the -admin of a gateway, its goroutines too")
	var err error
	if s.choice, err = scenario.Flags(f.FlagSet, preset); err != nil {
		return nil, err
	}
	f.IntVar(&s.processes, "processes", 0, fmt.Sprintf("worker processes to start here; 0: one for each %d connections", coordinator.PerProcess), setting.NotNegative)
	f.StringVar(&s.workers, "workers", "", "workers elsewhere, instead of processes here: `host:port`,… (see tuitalk-bench worker -h)")
	f.StringVar(&s.key, "key", "", "the `key` that these workers were given; better set as "+coordinator.KeyVariable)
	f.StringVar(&s.sources, "sources", "", "`addresses` to connect from, in turn; a target on 127.x gets one for each process anyway")
	f.StringVar(&s.json, "json", "", "write everything that was found to a `FILE`, for tuitalk-bench report")
	f.StringVar(&s.html, "html", "", "write a report with plots to a `FILE`, which needs nothing else")
	f.StringVar(&s.junit, "junit", "", "write what held and what did not to a `FILE`, for CI servers")
	f.StringVar(&s.recordings, "recordings", "", "keep the recorded histories in a `folder`")
	f.DurationVar(&s.grace, "grace", 30*time.Second, "the gateways' own -grace: who comes back within it has not left", setting.NotNegative)
	f.BoolVar(&s.quiet, "quiet", false, "show nothing while it runs")
	f.BoolVar(&s.noColor, "no-color", false, "no colours; nor are there any if NO_COLOR is set or the output is no terminal")
	f.thresholds(&s.limits)
	return s, nil
}

// thresholds makes the flags of what must hold.
func (f *form) thresholds(t *result.Thresholds) {
	t.Flags(f.FlagSet)
	for name, of := range map[string]*time.Duration{
		"max-p50": &t.MaxP50, "max-p99": &t.MaxP99, "max-latency": &t.MaxLatency, "max-blackout-p99": &t.MaxBlackout,
	} {
		f.Check(name, func() error { return setting.NotNegative(*of) })
	}
	f.Check("min-delivered", func() error { return setting.NotNegative(t.MinDelivered) })
}

// ofScenario are the flags of the scenario by what they are about.
var ofScenario = []group{
	{"Who is there", []string{"scenario", "clients", "rooms", "first-room", "zipf", "idle", "idle-room", "slow", "slow-bytes"}},
	{"What they do", []string{"rate", "size", "arrivals", "hops", "renames", "returns", "fetches", "fetch-limit", "ends", "originals", "windows", "speak", "form", "check", "seed"}},
	{"Time", []string{"connects", "warm-up", "duration", "settle"}},
}

// groups puts the flags into the order of the help; own are those of the command.
func (s *settings) groups(own ...group) {
	f := s.form
	f.group("The target", "target", "ca", "insecure", "cluster", "watch")
	f.groups = append(f.groups, own...)
	f.groups = append(f.groups, ofScenario...)
	f.group("The generator", "processes", "workers", "key", "sources")
	f.group("What comes of it", "json", "html", "junit", "recordings", "grace", "quiet", "no-color")
	f.group("What must hold, or the exit status is 1 (as it is if a promise was broken)", "max-p50", "max-p99", "max-latency",
		"max-blackout-p99", "min-delivered", "max-lost", "max-duplicated", "max-reordered")
}

// options is what the flags say, as of a run.
func (s *settings) options(c *call, kind string) (o coordinator.Options, err error) {
	if o.Scenario, err = s.choice.Scenario(); err != nil {
		return o, usage{err}
	}
	o.Kind, o.Command, o.Build = kind, c.line(), build()
	o.Targets, o.Workers, o.Processes = fields(s.target), fields(s.workers), s.processes
	o.Key, o.Recordings, o.Grace = s.key, s.recordings, s.grace
	for _, f := range []func(*coordinator.Options) error{s.checkWorkers, s.checkSources, s.checkOutputs, s.checkWatch, s.checkTrust} {
		if err := f(&o); err != nil {
			return o, usage{err}
		}
	}
	for _, t := range o.Targets {
		if err := coordinator.CheckTarget(t); err != nil {
			return o, usage{fmt.Errorf("-target: %w", err)}
		}
	}
	if len(o.Targets) == 0 {
		return o, usage{errors.New("-target needs an address, as ws://127.0.0.1:8080/ws")}
	}
	return o, nil
}

func (s *settings) checkWorkers(o *coordinator.Options) error {
	switch {
	case s.processes > 0 && len(o.Workers) > 0:
		return errors.New("-processes is for workers that are started here: leave out it or -workers")
	}
	for _, w := range o.Workers {
		host, _, err := net.SplitHostPort(w)
		if err != nil || host == "" {
			return fmt.Errorf("-workers: %q is not host:port, as 10.0.0.7:%d", w, workerPort)
		}
		if s.key == "" && !loopback(host) {
			return fmt.Errorf("-workers: %s is not on this machine, so it has a -key (%s), which must be given here too", w, coordinator.KeyVariable)
		}
	}
	return nil
}

func (s *settings) checkSources(o *coordinator.Options) error {
	for _, a := range fields(s.sources) {
		addr, err := netip.ParseAddr(a)
		if err != nil {
			return fmt.Errorf("-sources: %q is no address, as 127.0.0.2", a)
		}
		o.Sources = append(o.Sources, addr)
	}
	return nil
}

// checkOutputs finds out before the run that a file cannot be written, not after it.
func (s *settings) checkOutputs(*coordinator.Options) error {
	for _, file := range []struct{ flag, name string }{{"json", s.json}, {"html", s.html}, {"junit", s.junit}} {
		if file.name == "" {
			continue
		}
		if err := writable(file.name); err != nil {
			return fmt.Errorf("-%s: %w", file.flag, err)
		}
	}
	return nil
}

// writable leaves a file as it was, also if it was not there.
func writable(name string) error {
	_, err := os.Stat(name)
	isNew := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil || !isNew {
		return err
	}
	return os.Remove(name)
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}
