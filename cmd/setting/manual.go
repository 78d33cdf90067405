package setting

import (
	"cmp"
	"flag"
	"fmt"
	"strings"
)

// Manual is a manual page in the making: what a program's help says, in roff for man.
type Manual struct{ text strings.Builder }

// NewManual begins the page of a program. Arguments is how it is called, behind its
// name; about is the beginning of its help.
func NewManual(program string, section int, arguments, about string) *Manual {
	m := &Manual{}
	m.line(`.TH "%s" %d "" "%s" "TuiTalk"`, roff(strings.ToUpper(program)), section, roff(program+" "+Version()))
	m.Heading("Name")
	m.line(`%s \- %s`, roff(program), roff(purpose(program, about)))
	m.Heading("Synopsis")
	m.line(`\fB%s\fR %s`, roff(program), roff(arguments))
	m.Heading("Description")
	m.Text(about)
	return m
}

// Heading begins a section.
func (m *Manual) Heading(title string) { m.line(".SH %s", roff(strings.ToUpper(title))) }

// Part begins a part of a section.
func (m *Manual) Part(title string) { m.line(".SS %s", roff(title)) }

// Text adds paragraphs. Lines that begin with a space stay as they are.
func (m *Manual) Text(text string) {
	asIs := false
	m.line(".PP")
	for line := range strings.Lines(strings.Trim(text, "\n")) {
		line = strings.TrimRight(line, "\n")
		if indented := strings.HasPrefix(line, " "); line != "" && indented != asIs {
			asIs = indented
			m.line("%s", map[bool]string{true: ".nf", false: ".fi"}[asIs])
		}
		m.line("%s", cmp.Or(roff(line), ".PP"))
	}
	if asIs {
		m.line(".fi")
	}
}

// Flag adds a flag: its name and what kind of value it takes, what it does, and the
// variable and the default.
func (m *Manual) Flag(name, kind, usage, otherwise string) {
	m.line(".TP\n\\fB%s\\fR \\fI%s\\fR", roff("-"+name), roff(kind))
	for line := range strings.Lines(usage) {
		m.line("%s", roff(strings.TrimRight(line, "\n")))
	}
	if otherwise != "" {
		m.line(".br\n%s", roff(otherwise))
	}
}

func (m *Manual) line(format string, args ...any) { fmt.Fprintf(&m.text, format+"\n", args...) }

// String is the whole page.
func (m *Manual) String() string { return m.text.String() }

// manual is the page of a program without commands.
func (f *Flags) manual(about string) *Manual {
	m := NewManual(f.Name(), f.Section, "[-FLAG VALUE]...", about)
	m.Heading("Settings")
	m.Text("Each is a flag, an environment variable, and a key of the file that -config names.")
	f.VisitAll(func(one *flag.Flag) {
		kind, usage := flag.UnquoteUsage(one)
		otherwise := f.Default(one)
		if _, local := f.local[one.Name]; local {
			otherwise = f.Variable(one.Name) + "; the default is the machine's, see -h"
		}
		m.Flag(one.Name, kind, usage, otherwise)
	})
	return m
}

// purpose is a program's in a few words: the first sentence about it, without its name.
func purpose(program, about string) string {
	first, _, _ := strings.Cut(strings.TrimSpace(about), "\n\n")
	first = strings.Join(strings.Fields(first), " ")
	first = strings.TrimPrefix(strings.TrimPrefix(first, program+" "), "- ")
	first, _, _ = strings.Cut(first, ". ")
	return strings.TrimSuffix(first, ".")
}

// roffEscapes keep what roff would take for its own, or set as another character.
var roffEscapes = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`)

func roff(line string) string {
	if line = roffEscapes.Replace(line); strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}
