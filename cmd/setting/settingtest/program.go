// Package settingtest starts the program that a test belongs to, as somebody who has
// set something wrong does.
package settingtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// asProgram has a test's binary be the program.
const asProgram = "TUITALK_TEST_AS_PROGRAM"

// Main runs the program in place of its tests where Start has started it. It is for
// an init of the tests.
func Main(main func()) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
}

// timeout is how long a program may take that has nothing to do but to refuse. One that
// has taken its settings is killed then, and has not the code that is wanted.
const timeout = time.Minute

// Start runs the program until it ends. Its environment is this one's without all
// TUITALK_ variables, and env.
func Start(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return StartBy(t, nil, env, args...)
}

// StartBy is Start by another program with its arguments, which runs what it is given
// behind them.
func StartBy(t *testing.T, by, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	line := slices.Concat(by, []string{os.Args[0]}, args)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = t.TempDir()
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "TUITALK_") {
			cmd.Env = append(cmd.Env, pair)
		}
	}
	cmd.Env = append(append(cmd.Env, asProgram+"=1"), env...)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), wrong.String(), cmd.ProcessState.ExitCode()
}

// Wrong is a wrong setting.
type Wrong struct {
	Args string   // with spaces between them; FILE is the file
	Env  []string // NAME=value; FILE is the file
	File string   // what stands in it
	Says string   // the whole sentence, behind the program's name
}

// fileWord stands for the file; LimitNOFILE does not.
var fileWord = regexp.MustCompile(`\bFILE\b`)

// Refuses starts the program with each wrong setting: it must end with the code and say
// one sentence, the right one.
func Refuses(t *testing.T, program string, code int, table []Wrong) {
	t.Helper()
	for _, w := range table {
		file := t.TempDir() + "/settings"
		if err := os.WriteFile(file, []byte(w.File), 0o600); err != nil {
			t.Fatal(err)
		}
		named := func(text string) string { return fileWord.ReplaceAllLiteralString(text, file) }
		var env []string
		for _, pair := range w.Env {
			env = append(env, named(pair))
		}
		stdout, stderr, got := Start(t, env, strings.Fields(named(w.Args))...)
		if want := program + ": " + named(w.Says) + "\n"; stderr != want || stdout != "" || got != code {
			t.Errorf("%s %v %q: ended with %d, saying\n%s%s want %d and\n%s", w.Args, w.Env, w.File, got, stdout, stderr, code, want)
		}
	}
}
