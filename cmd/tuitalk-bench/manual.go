package main

import (
	"fmt"
	"io"
	"strings"

	"tuitalk/cmd/setting"
)

// writeManual writes what the help of all commands says as one manual page.
func writeManual(w io.Writer) error {
	m := setting.NewManual("tuitalk-bench", 1, "COMMAND [-FLAG VALUE]...", about)
	m.Heading("Commands")
	var list strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&list, "  %-9s %s\n", c.name, c.line)
	}
	m.Text(list.String())
	for _, c := range commands {
		f, _, err := c.open(c)
		if err != nil {
			return err
		}
		m.Heading("tuitalk-bench " + c.name)
		m.Text(strings.TrimSpace(c.about))
		for _, g := range f.groups {
			m.Part(g.title)
			for _, name := range g.flags {
				one := f.Lookup(name)
				kind, usage := kindOf(one)
				m.Flag(name, kind, usage, f.Default(one))
			}
		}
	}
	m.Heading("Files")
	m.Text("Each flag may also stand in a file, which -config FILE or " + setting.BenchPrefix + "CONFIG names: a flag without its dash and a value on each line.")
	_, err := io.WriteString(w, m.String())
	return err
}

// writeCompletion writes what bash completes.
func writeCompletion(w io.Writer) error {
	var all []setting.Completed
	for _, c := range commands {
		f, _, err := c.open(c)
		if err != nil {
			return err
		}
		all = append(all, setting.Completed{Command: c.name, Flags: f.Flags})
	}
	setting.WriteCompletion(w, "tuitalk-bench", all)
	return nil
}
