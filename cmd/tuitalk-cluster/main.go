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
	"strings"

	"tuitalk/cmd/setting"
)

const about = `tuitalk-cluster starts a whole TuiTalk fleet on this machine, from the files that
a fleet is deployed with: Nginx, gateways, a Redis Cluster, PostgreSQL and its standby.

  tuitalk-cluster start    starts it in the background, and returns when it is ready
  tuitalk-cluster run      starts it in the foreground; Ctrl-C stops it
  tuitalk-cluster status   shows each part: process, address, role, and whether it is well
  tuitalk-cluster promote  makes PostgreSQL's standby the primary
  tuitalk-cluster stop     stops it; what was written stays in its folder

A part that dies is started again, and a gateway that hangs is killed and started
again, as systemd does in a fleet. Flags stand behind the command.`

// settings are what the flags say.
type settings struct {
	dir, gateway string
	port, count  int
	version      bool
}

// commands by name.
var commands = map[string]func(settings, []string) error{
	"start": start, "run": run, "status": status, "promote": promote, "stop": stop,
}

func main() {
	err := do(os.Args[1:])
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "tuitalk-cluster: "+err.Error())
	if errors.As(err, new(setting.Error)) {
		os.Exit(exitSettings)
	}
	os.Exit(exitFailed)
}

// Exit statuses.
const (
	exitFailed   = 1
	exitSettings = 2 // something is set wrong
)

// declare makes the flags. Their variables have a prefix of their own: the gateways
// get this program's environment.
func (s *settings) declare() *setting.Flags {
	f := setting.New("tuitalk-cluster", setting.ClusterPrefix)
	f.StringVar(&s.dir, "dir", ".cluster", "`folder` for all data, logs and configuration")
	f.StringVar(&s.gateway, "gateway", beside("tuitalk-gateway"), "`path` of the gateway program")
	f.IntVar(&s.port, "port", 0, "where Nginx listens on 127.0.0.1; 0 is where it was the last time, else a free one", setting.NotNegative, setting.AtMost(65535))
	f.IntVar(&s.count, "gateways", 3, "how many gateways", setting.AtLeast(1))
	f.BoolVar(&s.version, "version", false, "show the version and end")
	return f
}

// do is the program: the command comes first, and its settings behind it.
func do(args []string) error {
	var s settings
	f := s.declare()
	name := ""
	if len(args) == 0 {
		args = []string{"-h"}
	} else if !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	command := commands[name]
	if command == nil && name != "" {
		return setting.Error{Err: fmt.Errorf("%q is none of start, run, status, promote, stop; -h explains them", setting.Shown(name))}
	}
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.Help(os.Stdout, about)
		return err
	case err != nil:
		return err
	case s.version:
		fmt.Println("tuitalk-cluster", setting.Version())
		return nil
	case command == nil:
		return setting.Error{Err: errors.New("a command is missing in front of the flags: start, for example; -h explains them")}
	}
	if s.dir, err = filepath.Abs(s.dir); err != nil {
		return err
	}
	return command(s, args)
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
