// Package setting gives every flag of the programs an environment variable and
// a help text that a stranger understands.
//
// The flag -max-conns can also be set as TUITALK_MAX_CONNS. The command line
// wins over the environment, the environment over the default.
package setting

import (
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// Prefix of the environment variables.
const Prefix = "TUITALK_"

// Variable is the environment variable of a flag.
func Variable(name string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// asked are flags that make no sense in the environment.
func asked(f *flag.Flag) bool { return f.Name == "version" }

// Parse reads the settings of a program from its environment and then from its
// arguments, of which none but flags are taken. The error is one sentence for
// the person who started the program.
func Parse(flags *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	return ParseAs(Variable, flags, args, lookup)
}

// ParseAs is Parse for a program whose variables are named otherwise, because its
// flags would share them with another program.
func ParseAs(variable func(flag string) string, flags *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	out := flags.Output()
	flags.SetOutput(io.Discard) // the error says it all
	defer flags.SetOutput(out)
	var wrong error
	flags.VisitAll(func(f *flag.Flag) {
		v, ok := lookup(variable(f.Name))
		if !ok || wrong != nil || asked(f) {
			return
		}
		if err := flags.Set(f.Name, v); err != nil {
			wrong = fmt.Errorf("environment variable %s: %w", variable(f.Name), err)
		}
	})
	if wrong != nil {
		return wrong
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag; -h lists them", flags.Arg(0))
	}
	return nil
}

// Help writes what the program is, and each flag with its default and its
// environment variable.
func Help(w io.Writer, flags *flag.FlagSet, about string) {
	fmt.Fprintf(w, "%s\n\nSettings (flag, environment variable, default):\n", strings.TrimSpace(about))
	flags.VisitAll(func(f *flag.Flag) {
		kind, usage := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "\n  -%s %s\n      %s", f.Name, kind, strings.ReplaceAll(usage, "\n", "\n      "))
		fmt.Fprintln(w)
		if asked(f) {
			return
		}
		fmt.Fprintf(w, "      %s", Variable(f.Name))
		if f.DefValue != "" {
			fmt.Fprintf(w, ", default %s", f.DefValue)
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
