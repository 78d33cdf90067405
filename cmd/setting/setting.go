// Package setting gives every flag of the programs an environment variable, a line in
// a file, and a help text that a stranger understands.
//
// The flag -max-conns can also be set as TUITALK_MAX_CONNS, and by the line
// "max-conns 5000" of the file that -config names. The command line wins over the
// environment, the environment over the file, the file over the default.
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

// asked are flags that make no sense in the environment or in a file.
func asked(f *flag.Flag) bool { return f.Name == "version" }

// configFlag names the file of settings.
const configFlag = "config"

// Parse reads the settings of a program from its arguments, of which none but flags
// are taken, its environment, and the file that one of both names; it adds the flag
// for that. The error is one sentence for the person who started the program.
func Parse(flags *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	return ParseAs(Variable, flags, args, lookup)
}

// ParseAs is Parse for a program whose variables are named otherwise, because its
// flags would share them with another program.
func ParseAs(variable func(flag string) string, flags *flag.FlagSet, args []string, lookup func(string) (string, bool)) error {
	file := defineConfig(flags)
	out := flags.Output()
	flags.SetOutput(io.Discard) // the error says it all
	defer flags.SetOutput(out)
	if err := flags.Parse(args); err != nil {
		if arg, bad := strings.CutPrefix(err.Error(), "bad flag syntax: "); bad {
			return fmt.Errorf("%q is not how a flag is written; -h lists them", Shown(arg))
		}
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not a flag; -h lists them", Shown(flags.Arg(0)))
	}
	if err := setFromEnvironment(variable, flags, lookup); err != nil {
		return err
	}
	if file.Value.String() == "" {
		return nil
	}
	return setFromFile(flags, file.Value.String())
}

// A word that nobody knows may be an address with a password, or hold one, as
// store=postgres://user:password@host/db does. Errors are logged, so they show of it
// what comes before one of endsWord, and at most shownBytes.
const (
	endsWord   = "=:@ \t\r\n"
	shownBytes = 40
)

// Shown is what an error may show of a word that nobody knows.
func Shown(word string) string {
	end := strings.IndexAny(word, endsWord)
	if end < 0 {
		end = len(word)
	}
	if end = min(end, shownBytes); end == len(word) {
		return word
	}
	return strings.ToValidUTF8(word[:end], "") + "…"
}

// defineConfig adds the flag -config, unless it is there already.
func defineConfig(flags *flag.FlagSet) *flag.Flag {
	if flags.Lookup(configFlag) == nil {
		flags.String(configFlag, "", "`file` of settings, a flag without its dash and a value on each line; the command line and\nthe environment win over it")
	}
	return flags.Lookup(configFlag)
}

// given are the flags that have been set.
func given(flags *flag.FlagSet) map[string]bool {
	set := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	return set
}

func setFromEnvironment(variable func(flag string) string, flags *flag.FlagSet, lookup func(string) (string, bool)) (wrong error) {
	done := given(flags)
	flags.VisitAll(func(f *flag.Flag) {
		v, ok := lookup(variable(f.Name))
		if !ok || wrong != nil || asked(f) || done[f.Name] {
			return
		}
		if err := flags.Set(f.Name, v); err != nil {
			wrong = fmt.Errorf("environment variable %s: %w", variable(f.Name), err)
		}
	})
	return wrong
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
