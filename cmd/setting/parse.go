package setting

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/peterbourgon/ff/v3"
)

// configFlag names the file of settings.
const configFlag = "config"

// Parse reads the settings of a program from its arguments, of which none but flags
// are taken, its environment, and the file that one of both names; it adds the flag
// for that. The error is flag.ErrHelp (see Help), or an Error: one sentence for the person who
// started the program. Whoever asks for the version gets it, whatever else is wrong.
func (f *Flags) Parse(args []string) error {
	f.declareCommon()
	f.mustBeListed()
	defer f.watchValues()()
	out := f.Output()
	f.SetOutput(io.Discard) // the error says it all
	defer f.SetOutput(out)
	err := f.parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return Error{err}
}

func (f *Flags) parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return f.wrongArgument(err)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q is not a flag%s", Shown(f.Arg(0)), f.suggest(f.Arg(0), "-"))
	}
	if f.asks(versionFlag) {
		return nil
	}
	if f.asks(manFlag) || f.asks(completionFlag) {
		return flag.ErrHelp
	}
	if err := f.checkEnvironment(os.Environ()); err != nil {
		return err
	}
	err := ff.Parse(f.FlagSet, nil, ff.WithEnvVarPrefix(strings.TrimSuffix(f.prefix, "_")),
		ff.WithConfigFileFlag(configFlag), ff.WithConfigFileParser(f.readFile))
	switch path := (*os.PathError)(nil); {
	case err == nil:
		return nil
	case f.refused != nil && f.refused.from == "":
		f.refused.from = f.Variable(f.refused.flag)
		return f.refused
	case errors.As(err, &path):
		return fmt.Errorf("-%s: %w", configFlag, err)
	}
	return err
}

// declareCommon adds the flags of every program, unless they are there already.
func (f *Flags) declareCommon() {
	if f.Lookup(configFlag) != nil {
		return
	}
	f.String(configFlag, "", "`file` of settings, a flag without its dash and a value on each line; the command line and\nthe environment win over it")
	if f.Section > 0 {
		f.Bool(manFlag, false, "print the manual page and end: "+f.Name()+" -man | man -l -")
		f.Bool(completionFlag, false, "print what bash sources to complete these flags, and end")
	}
}

// wrongArgument makes a sentence of what package flag says of the arguments.
func (f *Flags) wrongArgument(err error) error {
	text := err.Error()
	if arg, is := strings.CutPrefix(text, "bad flag syntax: "); is {
		return fmt.Errorf("%q is not how a flag is written; -h lists them", Shown(arg))
	}
	if name, is := strings.CutPrefix(text, "flag provided but not defined: "); is {
		return fmt.Errorf("%s is not a flag%s", Shown(name), f.suggest(name, "-"))
	}
	if name, is := strings.CutPrefix(text, "flag needs an argument: "); is {
		return fmt.Errorf("%s: its value is missing", name)
	}
	if f.refused != nil {
		return f.refused
	}
	return err
}

// checkEnvironment refuses a variable that no program knows.
func (f *Flags) checkEnvironment(environ []string) error {
	own := slices.Clone(f.Elsewhere)
	f.VisitAll(func(one *flag.Flag) {
		if !Asked(one) {
			own = append(own, f.Variable(one.Name))
		}
	})
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, Prefix) || slices.Contains(own, name) || f.isAnothers(name) || isServiceLink(name, value) {
			continue
		}
		return fmt.Errorf("the environment variable %s is no setting of any program%s", Shown(name), f.suggest(name, f.prefix))
	}
	return nil
}

// isServiceLink tells whether a variable says where a service called tuitalk… is, as
// Kubernetes and Docker put it into every container beside it.
func isServiceLink(name, value string) bool {
	return strings.HasSuffix(name, "_SERVICE_HOST") || strings.Contains(name, "_SERVICE_PORT") ||
		strings.Contains(name, "_PORT") && (strings.HasPrefix(value, "tcp://") || strings.HasPrefix(value, "udp://")) ||
		linkPart.MatchString(name)
}

// linkPart is the rest of what a link tells of one port.
var linkPart = regexp.MustCompile(`_PORT_\d+_(TCP|UDP)_(ADDR|PORT|PROTO)$`)

// watched is the value of a flag while settings are read. It keeps why one was refused.
type watched struct {
	flag.Value
	flags *Flags
	of    *flag.Flag
}

// watchValues puts itself before the values of all flags, until restore.
func (f *Flags) watchValues() (restore func()) {
	f.refused = nil
	f.VisitAll(func(one *flag.Flag) { one.Value = &watched{one.Value, f, one} })
	return func() {
		f.VisitAll(func(one *flag.Flag) { one.Value = one.Value.(*watched).Value })
	}
}

// IsBoolFlag lets a flag stand alone.
func (w *watched) IsBoolFlag() bool {
	b, ok := w.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// Set takes a value that is right.
func (w *watched) Set(text string) error {
	err := w.Value.Set(text)
	if getter, ok := w.Value.(flag.Getter); ok {
		if n, is := getter.Get().(float64); err != nil || is && (math.IsNaN(n) || math.IsInf(n, 0)) {
			err = fmt.Errorf("%q is not %s", Shown(text), wanted(getter.Get(), w.of.DefValue))
		}
	}
	if check := w.flags.checks[w.of.Name]; err == nil && check != nil {
		err = check()
	}
	if err != nil {
		w.flags.refused = &refusal{flag: w.of.Name, why: err}
		return w.flags.refused
	}
	return nil
}

// wanted says what kind of value a flag takes, with its default as the example.
func wanted(value any, example string) string {
	pick := func(other string) string {
		if example == "" || example == "0" || example == "0s" {
			return other
		}
		return example
	}
	switch value.(type) {
	case time.Duration:
		return "a time with its unit, as " + pick("30s")
	case bool:
		return "true or false"
	case float64:
		return "a number, as " + pick("5")
	}
	return "a whole number that fits, as " + pick("5")
}
