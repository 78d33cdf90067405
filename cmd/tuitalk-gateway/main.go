// Command tuitalk-gateway is one gateway of TuiTalk.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"tuitalk/cmd/setting"
)

func main() {
	err := run(os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "tuitalk-gateway: "+oneLine(err))
	os.Exit(1)
}

// oneLine joins what a library or several failures spread over lines.
func oneLine(err error) string {
	lines := strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// run is the program: parse, construct, serve, drain.
func run(args []string, env func(string) (string, bool), stdout, stderr *os.File) error {
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
	return serve(c, stdout, stderr)
}
