// Command tuitalk-cluster starts a whole TuiTalk fleet on this machine, from the files
// that a fleet is deployed with: Nginx, gateways, a Redis Cluster, PostgreSQL and
// its standby.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

const about = `tuitalk-cluster starts a whole TuiTalk fleet on this machine, from the files that
a fleet is deployed with: Nginx, gateways, a Redis Cluster, PostgreSQL and its standby.

  tuitalk-cluster start    starts it in the background, and returns when it is ready
  tuitalk-cluster run      starts it in the foreground; Ctrl-C stops it
  tuitalk-cluster status   shows each part: process, address, role, and whether it is well
  tuitalk-cluster promote  makes PostgreSQL's standby the primary
  tuitalk-cluster stop     stops it; what was written stays in its folder

A part that dies is started again, and a gateway that hangs is killed and started
again, as systemd does in a fleet. Flags, behind the command:`

// settings are what the flags say.
type settings struct {
	dir, gateway string
	port, count  int
}

// commands by name.
var commands = map[string]func(settings, []string) error{
	"start": start, "run": run, "status": status, "promote": promote, "stop": stop,
}

func main() {
	if err := do(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "tuitalk-cluster: "+err.Error())
		os.Exit(1)
	}
}

func do(args []string) error {
	var s settings
	f := flag.NewFlagSet("tuitalk-cluster", flag.ContinueOnError)
	f.StringVar(&s.dir, "dir", ".cluster", "`folder` for all data, logs and configuration")
	f.StringVar(&s.gateway, "gateway", beside("tuitalk-gateway"), "`path` of the gateway program")
	f.IntVar(&s.port, "port", 0, "where Nginx listens on 127.0.0.1; 0 is where it was the last time, else a free one")
	f.IntVar(&s.count, "gateways", 3, "how many gateways")
	f.Usage = func() {
		fmt.Fprintln(f.Output(), about)
		f.PrintDefaults()
	}
	if len(args) == 0 || commands[args[0]] == nil {
		f.Usage()
		if len(args) > 0 && args[0] != "-h" && args[0] != "-help" && args[0] != "--help" {
			return fmt.Errorf("%q is none of start, run, status, promote, stop", args[0])
		}
		return flag.ErrHelp
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not a flag; -h lists them", f.Arg(0))
	}
	var err error
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	return commands[args[0]](s, args[1:])
}

// beside is a program in the folder of this one.
func beside(name string) string {
	me, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(me), name)
}

func (s settings) stateFile() string { return filepath.Join(s.dir, "state.json") }
func (s settings) logFile() string   { return filepath.Join(s.dir, "cluster.log") }
