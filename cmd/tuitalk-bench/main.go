// Command tuitalk-bench puts load on a TuiTalk fleet, measures it, and checks that
// no message is lost.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"tuitalk/cmd/setting"
)

const about = `tuitalk-bench puts load on a chat server, measures what people would notice, and
checks the history of every single client: nothing lost, nothing twice, one order.

It holds up to 15,000 connections in each of its processes, posts when it is
time to and not when the server is ready for more, counts every latency from
then, and says so when it was itself the bottleneck.

    tuitalk-gateway -limits none &
    tuitalk-bench load                            a first look, half a minute
    tuitalk-bench load -scenario rooms-100        100,000 deliveries a second
    tuitalk-bench load -clients 5000 -rate 500 -html report.html -max-p99 20ms

Against a fleet with flood control on, what is measured is flood control: start
the gateways with -limits none, or keep the rate low.`

// commands in the order of the help.
var commands = []*command{load, ramp, storm, breakThings, soak, attackTarget, compareTargets, reportAgain, work}

// Exit statuses.
const (
	exitFailed = 1 // the run could not be done, or the target did not hold what was asked
	exitUsage  = 2
)

// errUsage marks errors of whoever started the program.
var errUsage = errors.New("wrong use")

// usage is an error of whoever started the program, as one sentence.
type usage struct{ error }

func (usage) Is(target error) bool { return target == errUsage }
func (u usage) Unwrap() error      { return u.error }

// errFailed says that a run was done and something did not hold, of which
// everything is told already.
var errFailed = errors.New("something did not hold")

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns its exit status.
func run(args []string, stdout, stderr *os.File) int {
	err := dispatch(args, stdout, stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintln(stderr, "tuitalk-bench: "+oneLine(err))
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}

// oneLine joins what a library or several failures spread over lines.
func oneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

func dispatch(args []string, stdout, stderr *os.File) error {
	if len(args) == 0 {
		help(stdout)
		return usage{errors.New("a command is missing: load, for example; -h shows all")}
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		help(stdout)
		return nil
	case "-version", "--version", "version":
		fmt.Fprintln(stdout, "tuitalk-bench", setting.Version())
		return nil
	case "-man", "--man":
		return writeManual(stdout)
	case "-bash-completion", "--bash-completion":
		return writeCompletion(stdout)
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.do(&call{name: args[0], args: args[1:], stdout: stdout, stderr: stderr})
		}
	}
	return usage{fmt.Errorf("%q is none of %s; -h shows what they do", args[0], strings.Join(names(), ", "))}
}

func names() (all []string) {
	for _, c := range commands {
		all = append(all, c.name)
	}
	return all
}

func help(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nCommands:\n\n", about)
	for _, c := range commands {
		fmt.Fprintf(w, "  %-9s %s\n", c.name, c.line)
	}
	fmt.Fprintf(w, "\n\"tuitalk-bench COMMAND -h\" explains each. Every flag can also be set as an\nenvironment variable, -max-p99 as %s, or by a line of the file\nthat -config names. \"tuitalk-bench -man | man -l -\" is all of it, and bash sources\nwhat \"tuitalk-bench -bash-completion\" prints.\n", setting.BenchPrefix+"MAX_P99")
}

// call is one use of a command.
type call struct {
	name           string
	args           []string
	files          []string // those in front of the flags
	stdout, stderr *os.File
}

// line is how the program was called, without secrets.
func (c *call) line() string {
	words := []string{"tuitalk-bench", c.name}
	for i := 0; i < len(c.args); i++ {
		word := c.args[i]
		name, _, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if strings.HasPrefix(word, "-") && name == "key" {
			word = "-key=…"
			if !joined {
				i++
			}
		}
		words = append(words, withoutPassword(word))
	}
	return strings.Join(words, " ")
}
