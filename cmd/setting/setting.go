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
	// Section is that of the program's manual page: 1 for a command, 8 for a server's
	// program; 0: it has none, nor a completion.
	Section int

	prefix  string // of the variables
	checks  map[string]func() error
	words   map[string][]string // that a flag takes, where they are few
	local   map[string]string   // what the help says of flags whose default is of this machine
	refused *refusal            // the last one
}

// New makes the settings of a program whose variables begin with prefix.
func New(program, prefix string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(program, flag.ContinueOnError), prefix: prefix, checks: map[string]func() error{}, words: map[string][]string{}, local: map[string]string{}}
	f.Usage = func() {} // whoever asks for help gets flag.ErrHelp
	return f
}

// Variable is the environment variable of a flag.
func (f *Flags) Variable(name string) string {
	return f.prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Local says of a flag that is declared that its default is of this machine: the manual
// page, which may be made on another one, does not tell it. The help does, and adds said.
func (f *Flags) Local(name, said string) { f.local[name] = said }

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

// Flags that ask a program for something else than its work.
const (
	versionFlag    = "version"
	checkFlag      = "check"
	manFlag        = "man"
	completionFlag = "bash-completion"
)

// Asked tells of a flag that makes no sense in the environment or in a file.
func Asked(f *flag.Flag) bool {
	switch f.Name {
	case versionFlag, checkFlag, manFlag, completionFlag:
		return true
	}
	return false
}

// asks tells whether such a flag was given.
func (f *Flags) asks(name string) bool {
	one := f.Lookup(name)
	return one != nil && one.Value.String() == "true"
}

// Differing names the flags that have other values than those of another reading.
func (f *Flags) Differing(before *Flags) (names []string) {
	f.VisitAll(func(one *flag.Flag) {
		if was := before.Lookup(one.Name); was == nil || was.Value.String() != one.Value.String() {
			names = append(names, one.Name)
		}
	})
	return names
}

// Help writes what was asked for when Parse returned flag.ErrHelp: the help, the
// manual page, or the completion.
func (f *Flags) Help(w io.Writer, about string) {
	switch {
	case f.asks(manFlag):
		fmt.Fprint(w, f.manual(about))
	case f.asks(completionFlag):
		f.writeCompletion(w)
	default:
		f.writeHelp(w, about)
	}
}

// writeHelp writes what the program is, and each flag with its default and its
// environment variable.
func (f *Flags) writeHelp(w io.Writer, about string) {
	fmt.Fprintf(w, "%s\n\nSettings (flag, environment variable, default):\n", strings.TrimSpace(about))
	f.VisitAll(func(one *flag.Flag) {
		kind, usage := flag.UnquoteUsage(one)
		fmt.Fprintf(w, "\n  -%s %s\n      %s\n", one.Name, kind, strings.ReplaceAll(usage, "\n", "\n      "))
		for _, said := range []string{f.local[one.Name], f.Default(one)} {
			if said != "" {
				fmt.Fprintf(w, "      %s\n", said)
			}
		}
	})
}

// Default names the environment variable of a flag and its default; "" for one that
// is asked.
func (f *Flags) Default(of *flag.Flag) string {
	switch {
	case Asked(of):
		return ""
	case of.DefValue == "":
		return f.Variable(of.Name)
	}
	return f.Variable(of.Name) + ", default " + of.DefValue
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
