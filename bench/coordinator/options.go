package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/bench/report"
	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
	"tuitalk/history"
)

// PerProcess is how many connections one process holds, unless told otherwise.
const PerProcess = 15_000

// spareFiles are those that a process needs beside its connections.
const spareFiles = 200

// Store is read at the end: what it has is the truth. A history.Store is one.
type Store interface {
	recorder.Source
	// Heads returns the newest entry of each room.
	Heads(ctx context.Context, rooms []int32) ([]history.Head, error)
}

// Options of a Run. Kind, Command and Build go into the result as they are.
type Options struct {
	Kind, Command, Build string

	Scenario scenario.Scenario
	Targets  []string         // ws:// or wss:// URLs
	Trust    tlsconfig.Policy // which certificates of wss:// targets are good

	Workers   []string     // host:port of workers elsewhere; nil: they are started here
	Key       string       // that those elsewhere were given
	Processes int          // how many are started here; 0: as many as the connections need
	Program   []string     // that is started, with its first arguments; nil: this one, with "worker"
	Sources   []netip.Addr // to connect from; nil: loopback ones for a target there, else as the kernel chooses

	Recordings string        // folder in which the recordings are kept; "": they are not
	Grace      time.Duration // of the gateways, for the checker; 0: its default
	Skew       time.Duration // by how much the target's clocks may be wrong, for the checker; 0: not more than usual
	Store      Store         // nil: the target is asked for its history
	Watch      func() []Process
	During     func(ctx context.Context, c *Coordinator) error // while the load is measured, which goes on until it returns
	Live       func(report.View)                               // once a second
	Tell       func(line string)                               // for people
}

func (o *Options) fill() error {
	if err := o.Scenario.Validate(); err != nil {
		return err
	}
	o.Scenario.Locate(time.Now())
	if len(o.Targets) == 0 {
		return errors.New("no target is given, as ws://127.0.0.1:8080/ws")
	}
	for _, t := range o.Targets {
		if err := CheckTarget(t); err != nil {
			return err
		}
	}
	if o.Live == nil {
		o.Live = func(report.View) {}
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.Watch == nil {
		o.Watch = func() []Process { return nil }
	}
	if len(o.Workers) > 0 {
		return o.fillElsewhere()
	}
	return o.fillHere()
}

// CheckTarget says what is wrong with a target.
func CheckTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "ws" && u.Scheme != "wss" || u.Host == "" {
		return fmt.Errorf("the target %q is no address as ws://127.0.0.1:8080/ws or wss://chat.example/ws", target)
	}
	return nil
}

func (o *Options) fillElsewhere() error {
	if o.Processes > 0 {
		return errors.New("-processes is for workers that are started here: leave it out with -workers, or leave out -workers")
	}
	if n := o.Scenario.Clients; n < len(o.Workers) {
		return fmt.Errorf("there are %d workers for %d clients", len(o.Workers), n)
	}
	return nil
}

// clientMemory is less than what a client takes in a process that holds many: 26 KiB of
// 4,000, without what the kernel keeps for its connection.
const clientMemory = 20 << 10

// checkMemory refuses clients that this machine cannot hold.
func (o *Options) checkMemory() error {
	has := HostInfo().Memory
	if most := has / clientMemory; has > 0 && int64(o.Scenario.Clients) > most {
		return fmt.Errorf("-clients %d: they need %d KiB of memory each, and this machine has room for at most %d: use fewer, or -workers on more machines",
			o.Scenario.Clients, clientMemory>>10, most)
	}
	return nil
}

// fillHere finds how many processes hold the connections.
func (o *Options) fillHere() error {
	files := int(min(mostFiles(), 1<<30))
	most := min(PerProcess, max(files-spareFiles, 1))
	if o.Processes == 0 {
		o.Processes = (o.Scenario.Clients + most - 1) / most
	}
	if o.Processes < 0 || o.Processes > o.Scenario.Clients {
		return fmt.Errorf("-processes %d: there must be 1 to as many as there are clients", o.Processes)
	}
	if each := (o.Scenario.Clients + o.Processes - 1) / o.Processes; each+spareFiles > files {
		return fmt.Errorf("too few open files: %d connections in a process need %d, and the limit is %d; raise it (ulimit -Hn), or use -processes %d",
			each, each+spareFiles, files, (o.Scenario.Clients+most-1)/most)
	}
	if err := o.checkMemory(); err != nil {
		return err
	}
	if len(o.Program) == 0 {
		me, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program, to start workers: %w", err)
		}
		o.Program = []string{me, "worker"}
	}
	if len(o.Sources) == 0 {
		o.Sources = loopback(o.Targets, o.Processes)
	}
	return nil
}

// loopback gives each process an address of its own if all targets are on
// 127.0.0.0/8, so that ports do not run out.
func loopback(targets []string, processes int) (all []netip.Addr) {
	for _, t := range targets {
		u, err := url.Parse(t)
		if err != nil {
			return nil
		}
		addr, err := netip.ParseAddr(u.Hostname())
		if err != nil || !addr.Is4() || !addr.IsLoopback() {
			return nil
		}
	}
	for i := range processes {
		all = append(all, netip.AddrFrom4([4]byte{127, 0, byte(i >> 8), byte(i + 1)}))
	}
	return all
}

// sourcesOf are those of one worker: its share, or all if there are fewer than
// workers.
func sourcesOf(all []netip.Addr, share, of int) (mine []netip.Addr) {
	if len(all) < of {
		return all
	}
	for i := share; i < len(all); i += of {
		mine = append(mine, all[i])
	}
	return mine
}

// patience is how long connecting may take.
func (o *Options) patience() time.Duration {
	s := &o.Scenario
	d := 30*time.Second + time.Duration(s.Clients)*time.Second/100
	if s.Connects > 0 {
		d += time.Duration(float64(s.Clients) / s.Connects * float64(time.Second))
	}
	return d
}

// public is a target without a password.
func public(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return strings.SplitN(target, "?", 2)[0]
	}
	return u.Redacted()
}
