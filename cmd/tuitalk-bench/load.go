package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"tuitalk/bench/coordinator"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/cmd/setting"
)

var load = &command{
	name: "load",
	line: "steady load: latencies, rates, and a check of every history",
	about: `tuitalk-bench load connects everybody, lets them talk at a steady rate, measures
for a while, waits until everybody has everything, and tells what it found.

    tuitalk-bench load                                         1,000 people, 20 s
    tuitalk-bench load -scenario list                          the presets
    tuitalk-bench load -scenario hall -rate 60                 one of them, changed
    tuitalk-bench load -target wss://chat.example/ws -html report.html
    tuitalk-bench load -max-p99 20ms -max-lost 0 -junit ci.xml

Ctrl-C ends a run in order, and what was measured until then is told.`,
	open: openLoad,
}

func openLoad(self *command) (*form, func(*call) error, error) {
	s, err := newSettings(self, "small")
	if err != nil {
		return nil, nil, err
	}
	s.groups()
	return s.form, func(c *call) error { return s.run(c, nil) }, nil
}

// purpose is what makes a run more than load. It may change the options, and
// adds what must hold.
type purpose struct {
	prepare func(o *coordinator.Options, show *report.Live) error
	// begin starts what the run needs, and done ends it.
	begin func(ctx context.Context, o *coordinator.Options, show *report.Live) (done func() error, err error)
	judge func(r *result.Result) []result.Check
}

// newLive is what shows how a run goes on.
func newLive(c *call, quiet, noColor bool) *report.Live {
	if quiet {
		return report.NewLive(io.Discard, report.LiveOptions{})
	}
	return report.NewLive(c.stderr, report.LiveOptions{NoColor: noColor})
}

// run does a run, and tells what came of it.
func (s *settings) run(c *call, p *purpose) error {
	if s.choice.Name() == "list" {
		return listScenarios(c.stdout)
	}
	o, err := s.options(c, c.name)
	if err != nil {
		return err
	}
	if o.Trust.Insecure {
		fmt.Fprint(c.stderr, warning)
	}
	show := newLive(c, s.quiet, s.noColor)
	if p != nil && p.prepare != nil {
		if err := p.prepare(&o, show); err != nil {
			return usage{err}
		}
	}
	ctx, stop := interruptible()
	defer stop()
	done, err := s.store(ctx, &o)
	if err != nil {
		return err
	}
	defer done()
	o.Live, o.Tell = show.Update, show.Print
	r, err := s.runLoad(ctx, o, p, show)
	err = errors.Join(err, show.Close())
	if err != nil {
		return err
	}
	checks := r.Check(s.limits)
	if p != nil && p.judge != nil {
		checks = append(checks, p.judge(r)...)
	}
	return s.tell(c, r, checks)
}

// runLoad is the run itself, between the beginning and the end of what it needs.
func (s *settings) runLoad(ctx context.Context, o coordinator.Options, p *purpose, show *report.Live) (*result.Result, error) {
	if p == nil || p.begin == nil {
		return coordinator.Run(ctx, o)
	}
	done, err := p.begin(ctx, &o, show)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, coordinator.ErrInterrupted // whatever broke off because of it
	case err != nil:
		return nil, err
	}
	r, err := coordinator.Run(ctx, o)
	return r, errors.Join(err, done())
}

// interruptible ends with the first Ctrl-C; a second one ends the program.
func interruptible() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// tell writes the summary and the files. The error says whether all checks
// passed.
func (s *settings) tell(c *call, r *result.Result, checks []result.Check) error {
	if err := r.Summary(c.stdout, !s.noColor && colored(c.stdout)); err != nil {
		return err
	}
	err := writeFiles([]output{
		{s.json, r.Write},
		{s.html, func(w io.Writer) error { return report.HTML(w, r) }},
		{s.junit, func(w io.Writer) error { return r.JUnit(w, checks) }},
	})
	if err != nil {
		return err
	}
	return judge(c.stdout, checks)
}

// output is a file that is written in the end; "": it is not.
type output struct {
	name  string
	write func(io.Writer) error
}

func writeFiles(files []output) error {
	for _, file := range files {
		if err := writeFile(file.name, file.write); err != nil {
			return err
		}
	}
	return nil
}

// judge tells which checks did not pass.
func judge(w io.Writer, checks []result.Check) error {
	if result.Passed(checks) {
		return nil
	}
	fmt.Fprintln(w)
	for _, check := range checks {
		if !check.Passed {
			fmt.Fprintf(w, "NOT HELD: %s: %s\n", check.Name, check.Why)
		}
	}
	return errFailed
}

// writeFile writes a file, whole or not at all; "" is none.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	aside := name + ".new"
	f, err := os.Create(aside)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(aside, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(aside))
	}
	return nil
}

// colored says whether a file is a terminal that wants colours.
func colored(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func listScenarios(w io.Writer) error {
	all, err := scenario.Presets()
	if err != nil {
		return err
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(w, "%-10s %s\n", s.Name, s.About); err != nil {
			return err
		}
	}
	return nil
}

// build says from what the program was made.
func build() string {
	text := "tuitalk-bench " + setting.Version()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, kv := range info.Settings {
			if kv.Key == "vcs.revision" {
				text += " " + kv.Value
			}
		}
	}
	return text
}
