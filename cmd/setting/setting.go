// Package setting is how each program gets its settings. A setting is declared once,
// with its name, default, help and checks, and is then a flag, an environment
// variable and a key of a file.
//
// The flag -max-conns can also be set as TUITALK_MAX_CONNS, and by the line
// "max-conns 5000" of the file that -config names. The command line wins over the
// environment, the environment over the file, the file over the default. A variable
// that is empty is as one that is not set. Library ff reads the environment and the
// file; this package adds what it does not know: checks, unknown variables, and
// errors that name the setting, where its value stands and what would be right.
//
// # Whose variable
//
// The programs of one machine may share one environment, such as a file of systemd's,
// so a program passes over variables of the other programs, and refuses one that none
// of them knows. A file of settings belongs to one program, which refuses every key
// that is not its own.
package setting

import (
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// Prefix of all environment variables.
const Prefix = "TUITALK_"

// Flags are the settings of a program. Its methods are those of flag.FlagSet, and
// take checks of the value besides; a check's error is the end of a sentence that
// begins with the flag, as "must be at least 1s".
type Flags struct {
	*flag.FlagSet

	// Elsewhere are variables with the program's prefix that are no settings here.
	Elsewhere []string

	prefix  string // of the variables
	checks  map[string]func() error
	refused *refusal // the last one
}

// New makes the settings of a program whose variables begin with prefix.
func New(program, prefix string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(program, flag.ContinueOnError), prefix: prefix, checks: map[string]func() error{}}
	f.Usage = func() {} // whoever asks for help gets flag.ErrHelp
	return f
}

// Variable is the environment variable of a flag.
func (f *Flags) Variable(name string) string {
	return f.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Check adds a check to a flag that is declared already.
func (f *Flags) Check(name string, check func() error) {
	if f.Lookup(name) == nil {
		panic("setting: a check of -" + name + ", which is not declared")
	}
	f.checks[name] = check
}

func addChecks[T any](f *Flags, name string, value *T, checks []func(T) error) {
	f.Check(name, func() error {
		for _, check := range checks {
			if err := check(*value); err != nil {
				return err
			}
		}
		return nil
	})
}

// asked are flags that make no sense in the environment or in a file.
func asked(f *flag.Flag) bool { return f.Name == "version" }

// Help writes what the program is, and each flag with its default and its
// environment variable.
func (f *Flags) Help(w io.Writer, about string) {
	fmt.Fprintf(w, "%s\n\nSettings (flag, environment variable, default):\n", strings.TrimSpace(about))
	f.VisitAll(func(one *flag.Flag) {
		kind, usage := flag.UnquoteUsage(one)
		fmt.Fprintf(w, "\n  -%s %s\n      %s", one.Name, kind, strings.ReplaceAll(usage, "\n", "\n      "))
		fmt.Fprintln(w)
		if asked(one) {
			return
		}
		fmt.Fprintf(w, "      %s", f.Variable(one.Name))
		if one.DefValue != "" {
			fmt.Fprintf(w, ", default %s", one.DefValue)
		}
		fmt.Fprintln(w)
	})
}

// version is set by the Makefile.
var version = ""

// Version is the program's version, of the build or of the checkout.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
