package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tuitalk/cmd/setting"
)

// command is one of the things that the program does.
type command struct {
	name, line string // for the list of commands
	about      string // for its own help, examples included
	files      bool   // it takes files, in front of its flags
	// open makes the flags, and what is done once they are read.
	open func(self *command) (f *form, do func(*call) error, err error)
}

// do reads the settings and does it.
func (c *command) do(call *call) error {
	f, do, err := c.open(c)
	if err != nil {
		return err
	}
	args := call.args
	for c.files && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		call.files, args = append(call.files, args[0]), args[1:]
	}
	if err := f.parse(call, args); err != nil {
		return err
	}
	return do(call)
}

// group is a part of the help.
type group struct {
	title string
	flags []string
}

// form is the flags of a command, in groups.
type form struct {
	*setting.Flags
	command *command
	groups  []group
}

func newForm(c *command) *form {
	return &form{Flags: setting.New(c.name, setting.BenchPrefix), command: c}
}

// group puts flags that are defined into a part of the help.
func (f *form) group(title string, flags ...string) {
	f.groups = append(f.groups, group{title, flags})
}

// parse reads the settings. The error is a usage.
func (f *form) parse(c *call, args []string) error {
	var err error
	if f.Elsewhere, err = allVariables(); err != nil {
		return err
	}
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.help(c.stdout)
		return err
	case err != nil:
		return usage{fmt.Errorf("%w (tuitalk-bench %s -h explains the flags)", err, f.command.name)}
	}
	return nil
}

// allVariables are those of all commands: the environment is the same for each.
func allVariables() (all []string, err error) {
	for _, c := range commands {
		f, _, err := c.open(c)
		if err != nil {
			return nil, err
		}
		f.VisitAll(func(one *flag.Flag) { all = append(all, f.Variable(one.Name)) })
	}
	return append(all, consentVariable), nil
}

// help writes what the command does, and each flag with its default.
func (f *form) help(w io.Writer) {
	fmt.Fprintln(w, strings.TrimSpace(f.command.about))
	groups := append(slices.Clip(f.groups), group{"Settings from a file", []string{"config"}})
	for _, g := range groups {
		fmt.Fprintf(w, "\n%s\n\n", g.title)
		for _, name := range g.flags {
			f.explain(w, f.Lookup(name))
		}
	}
	fmt.Fprintf(w, "\nEach flag is also an environment variable, as %s; the flag wins,\nand then the variable.\n", f.Variable(f.groups[0].flags[0]))
}

// column is where the explanations begin, and width where they end.
const (
	column = 26
	width  = 80
)

func (f *form) explain(w io.Writer, of *flag.Flag) {
	kind, text := kindOf(of)
	head := strings.TrimRight("  -"+of.Name+" "+kind, " ")
	if d := of.DefValue; d != "" && d != "false" && d != "0s" && !strings.Contains(text, "default") {
		text += " (" + d + ")"
	}
	if len(head) > column-2 {
		fmt.Fprintln(w, head)
		head = ""
	}
	for _, line := range wrapped(text, width-column) {
		fmt.Fprintf(w, "%-*s%s\n", column, head, line)
		head = ""
	}
}

// kindOf is what a flag takes, and what it does.
func kindOf(f *flag.Flag) (kind, usage string) {
	kind, usage = flag.UnquoteUsage(f)
	switch kind {
	case "int", "uint", "float":
		return "N", usage
	case "duration":
		return "TIME", usage
	case "string":
		return "TEXT", usage
	case "value":
		if _, err := strconv.ParseFloat(f.DefValue, 64); err == nil {
			return "N", usage
		}
		if _, err := time.ParseDuration(f.DefValue); err == nil {
			return "TIME", usage
		}
		return "WORD", usage
	}
	return kind, usage
}

// wrapped breaks a text into lines between words.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// withoutPassword is a word of a command line in which a URL may have a password.
func withoutPassword(word string) string {
	parts := strings.Split(word, ",")
	for i, part := range parts {
		lead, address := "", part
		if name, value, ok := strings.Cut(part, "="); ok && strings.HasPrefix(part, "-") {
			lead, address = name+"=", value
		}
		if u, err := url.Parse(address); err == nil && u.User != nil {
			parts[i] = lead + u.Redacted()
		}
	}
	return strings.Join(parts, ",")
}
