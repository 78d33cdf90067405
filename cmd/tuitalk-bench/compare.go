package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tuitalk/bench/compare"
	"tuitalk/bench/coordinator"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

var compareTargets = &command{
	name: "compare",
	line: "the same load on several servers: TuiTalk, its peers and the floor",
	about: `tuitalk-bench compare starts several chat servers one after the other, again and
again (A B A B), puts the same rooms, bytes and rates on each, and makes tables of
what it cost: deliveries per CPU-second, latencies, joins per second, memory of
an idle connection. The server is pinned to one processor, the generator to
another. A rate that a server does not reach is said to be so. Ctrl-C ends it in
order: what was measured until then is told, and the exit status is 1.

    make bench                                              all of it
    tuitalk-bench compare -targets tuitalk,floor -loads 10x100@20000 -repeats 1
    tuitalk-bench compare -html comparison.html -markdown tables.md`,
	open: openCompare,
}

// comparison is what the flags of compare say.
type comparison struct {
	gateway, peers, targets, loads string
	json, html, markdown           string
	quiet, noColor                 bool
	compare.Options
}

func openCompare(self *command) (*form, func(*call) error, error) {
	f, s := newForm(self), &comparison{Options: compare.Defaults()}
	f.StringVar(&s.targets, "targets", "", "the `names` of those that are compared, with commas, in their order; all are: "+strings.Join(targetNames(s.all()), "; "))
	f.StringVar(&s.gateway, "gateway", "", "`path` of the gateway's program; default: in the folder of this one")
	f.StringVar(&s.peers, "peers", "", "`path` of the program of bench/peers; default: peers in the folder of this one")
	f.StringVar(&s.loads, "loads", loadsText(s.Loads), "`ROOMSxMEMBERS@deliveries,…` per second, rising; several loads with ; between them")
	f.IntVar(&s.Size, "size", s.Size, "`bytes` of each text")
	f.IntVar(&s.Idle, "idle", s.Idle, "connections at which the memory of an idle one is measured; 0: it is not")
	f.IntVar(&s.Repeats, "repeats", s.Repeats, "how often each target is tried under each load")
	f.DurationVar(&s.WarmUp, "warm-up", s.WarmUp, "how long each rate is there before it is measured")
	f.DurationVar(&s.Measure, "measure", s.Measure, "how long each rate is measured")
	f.DurationVar(&s.Rest, "rest", s.Rest, "how long the idle crowd rests before its memory is measured")
	f.IntVar(&s.ServerCPU, "server-cpu", s.ServerCPU, "`processor` of the server, counted from 0")
	f.IntVar(&s.GeneratorCPU, "generator-cpu", s.GeneratorCPU, "`processor` of the generator")
	f.StringVar(&s.json, "json", "", "write everything that was found to a `FILE`, for tuitalk-bench report")
	f.StringVar(&s.html, "html", "", "write a report with plots to a `FILE`, which needs nothing else")
	f.StringVar(&s.markdown, "markdown", "", "write the tables to a `FILE` as Markdown")
	f.BoolVar(&s.quiet, "quiet", false, "show nothing while it runs")
	f.BoolVar(&s.noColor, "no-color", false, "no colours; nor are there any if NO_COLOR is set or the output is no terminal")
	f.group("Who is compared", "targets", "gateway", "peers")
	f.group("The loads", "loads", "size", "idle", "repeats", "warm-up", "measure", "rest")
	f.group("The machine", "server-cpu", "generator-cpu")
	f.group("What comes of it", "json", "html", "markdown", "quiet", "no-color")
	return f, s.run, nil
}

func (s *comparison) all() []compare.Target { return compare.Targets(s.gateway, s.peers) }

func targetNames(targets []compare.Target) (all []string) {
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return all
}

// check finds what is wrong, and takes lists apart.
func (s *comparison) check() (err error) {
	if s.gateway == "" {
		s.gateway = beside("tuitalk-gateway")
	}
	if s.peers == "" {
		s.peers = beside("peers")
	}
	if s.Options.Targets, err = s.chosen(); err != nil {
		return err
	}
	if s.Loads, err = parseLoads(s.loads); err != nil {
		return err
	}
	for _, program := range []struct{ flag, path string }{{"gateway", s.gateway}, {"peers", s.peers}} {
		if _, err := os.Stat(program.path); err != nil {
			return fmt.Errorf("-%s: there is no %s; make bench builds it", program.flag, program.path)
		}
	}
	for _, file := range []struct{ flag, name string }{{"json", s.json}, {"html", s.html}, {"markdown", s.markdown}} {
		if file.name == "" {
			continue
		}
		if err := writable(file.name); err != nil {
			return fmt.Errorf("-%s: %w", file.flag, err)
		}
	}
	return s.Validate()
}

func (s *comparison) chosen() (chosen []compare.Target, err error) {
	all := s.all()
	if s.targets == "" {
		return all, nil
	}
	for rest := s.targets; rest != ""; {
		// a name may have a comma in it, and may begin with another name
		best := -1
		for i, t := range all {
			behind, is := strings.CutPrefix(rest, t.Name)
			if is && (behind == "" || behind[0] == ',') && (best < 0 || len(t.Name) > len(all[best].Name)) {
				best = i
			}
		}
		if best < 0 {
			return nil, fmt.Errorf("-targets: %q is none of: %s", rest, strings.Join(targetNames(all), "; "))
		}
		chosen = append(chosen, all[best])
		rest = strings.TrimPrefix(rest[len(all[best].Name):], ",")
	}
	return chosen, nil
}

func (s *comparison) run(c *call) error {
	if err := s.check(); err != nil {
		return usage{err}
	}
	show := newLive(c, s.quiet, s.noColor)
	s.Command, s.Build, s.Machine, s.Tell = c.line(), build(), coordinator.HostInfo(), show.Print
	s.Show = show.UpdateCompare
	ctx, stop := interruptible()
	defer stop()
	found, err := compare.Run(ctx, s.Options)
	err = errors.Join(err, show.Close())
	if found == nil {
		return err
	}
	err = errors.Join(err, tellComparison(c, found, !s.noColor, []output{
		{s.json, found.Write},
		{s.html, func(w io.Writer) error { return report.CompareHTML(w, found) }},
		{s.markdown, found.Markdown},
	}))
	if found.Incomplete != "" {
		err = errors.Join(err, errors.New(found.Incomplete))
	}
	return err
}

func tellComparison(c *call, found *result.Comparison, color bool, files []output) error {
	return errors.Join(writeFiles(files), found.Summary(c.stdout, color && colored(c.stdout)))
}

// beside is a program in the folder of this one.
func beside(name string) string {
	me, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(me), name)
}

// loadsText is what parseLoads reads.
func loadsText(loads []compare.Load) string {
	var all []string
	for _, l := range loads {
		var rates []string
		for _, d := range l.Deliveries {
			rates = append(rates, strconv.FormatFloat(d, 'f', -1, 64))
		}
		all = append(all, fmt.Sprintf("%dx%d@%s", l.Rooms, l.Members, strings.Join(rates, ",")))
	}
	return strings.Join(all, ";")
}

// parseLoads reads loads as the flag has them.
func parseLoads(text string) (all []compare.Load, err error) {
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' }) {
		part = strings.TrimSpace(part)
		wrong := fmt.Errorf("-loads: %q is no load, as 100x100@20000,50000", part)
		crowd, rates, ok := strings.Cut(part, "@")
		rooms, members, ok2 := strings.Cut(crowd, "x")
		if !ok || !ok2 {
			return nil, wrong
		}
		l := compare.Load{}
		if l.Rooms, err = strconv.Atoi(rooms); err != nil {
			return nil, wrong
		}
		if l.Members, err = strconv.Atoi(members); err != nil {
			return nil, wrong
		}
		for _, r := range strings.Split(rates, ",") {
			v, err := strconv.ParseFloat(r, 64)
			if err != nil {
				return nil, wrong
			}
			l.Deliveries = append(l.Deliveries, v)
		}
		l.Name = crowdName(l.Rooms, l.Members)
		all = append(all, l)
	}
	return all, nil
}

func crowdName(rooms, members int) string {
	if rooms == 1 {
		return "a room of " + result.Number(float64(members))
	}
	return result.Number(float64(rooms)) + " rooms of " + result.Number(float64(members))
}
