// Command tuitalk-gateway is one gateway of TuiTalk.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"tuitalk/cmd/setting"
)

func main() { os.Exit(start()) }

// start runs the program with outputs that nobody has to read, and returns its
// exit code.
func start() int {
	signal.Ignore(syscall.SIGPIPE) // a reader of the log that has gone ends nobody's chat
	stdout := newLineWriter(neverBlocking(os.Stdout), lineBuffer)
	stderr := newLineWriter(neverBlocking(os.Stderr), lineBuffer)
	defer stdout.close(flushTimeout)
	defer stderr.close(flushTimeout)
	err := run(os.Args[1:], os.LookupEnv, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "tuitalk-gateway: "+oneLine(err))
	return 1
}

// oneLine joins what a library or several failures spread over lines.
func oneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// password finds an address with one.
var password = regexp.MustCompile(`://[^/@\s]*:[^/@\s]+@|://\S*[?&](ssl)?password=`)

// run is the program: parse, construct, serve, drain.
func run(args []string, env func(string) (string, bool), stdout, stderr *lineWriter) error {
	c, flags := newConfig()
	if err := setting.Parse(flags, args, env); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			setting.Help(stdout, flags, about)
		}
		return err
	}
	if c.version {
		fmt.Fprintln(stdout, "tuitalk-gateway", setting.Version())
		return nil
	}
	if err := c.check(); err != nil {
		return err
	}
	c.exposed = slices.ContainsFunc(args, password.MatchString)
	if c.mendRoom != "" {
		return mend(c, stdout)
	}
	return serve(c, stdout, stderr)
}
