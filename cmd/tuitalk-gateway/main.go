// Command tuitalk-gateway is one gateway of TuiTalk.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
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
	// Neither a reader of the log that has gone nor a terminal that has ends anybody's
	// chat; once it serves, SIGHUP reloads.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	stdout := newLineWriter(neverBlocking(os.Stdout), lineBuffer)
	stderr := newLineWriter(neverBlocking(os.Stderr), lineBuffer)
	defer stdout.close(flushTimeout)
	defer stderr.close(flushTimeout)
	err := run(os.Args[1:], stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, "tuitalk-gateway: "+oneLine(err))
	if errors.As(err, new(setting.Error)) && !errors.Is(err, fs.ErrNotExist) {
		return exitSettings
	}
	return exitFailed // a file that is not there, such as a certificate, may come later while a machine boots
}

// Exit statuses. With settings that are wrong another start is of no use, and
// deploy/systemd makes none; 78 is what sysexits.h calls EX_CONFIG.
const (
	exitFailed   = 1
	exitSettings = 78
)

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
func run(args []string, stdout, stderr *lineWriter) error {
	c, flags := newConfig()
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			flags.Help(stdout, about)
		}
		return err
	}
	if c.version {
		fmt.Fprintln(stdout, "tuitalk-gateway", setting.Version())
		return nil
	}
	if err := c.check(); err != nil {
		return setting.Error{Err: err}
	}
	c.exposed = slices.ContainsFunc(args, password.MatchString)
	switch {
	case c.checkOnly:
		return checkReach(c, stdout)
	case c.mendRoom != "":
		return mend(c, stdout)
	}
	return serve(c, newReloader(c, flags, args), stdout, stderr)
}
