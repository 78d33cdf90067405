package setting

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// Completed is a program, or a command of one, whose flags a shell completes.
type Completed struct {
	Command string // "": the program itself
	Flags   *Flags
}

// WriteCompletion writes what bash sources to complete a program's command line: its
// commands, flags, and the words that a flag takes. Everything else may be a file.
func WriteCompletion(w io.Writer, program string, all []Completed) {
	name := "_" + strings.ReplaceAll(program, "-", "_")
	fmt.Fprintf(w, "# What bash completes for %s.\n%s() {\n", program, name)
	fmt.Fprintf(w, "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n\tCOMPREPLY=()\n")
	if all[0].Command == "" {
		all[0].Flags.writeWords(w)
	} else {
		fmt.Fprintf(w, "\tcase $COMP_CWORD:${COMP_WORDS[1]} in\n\t1:*) words='%s' ;;\n", commands(all))
		for _, c := range all {
			fmt.Fprintf(w, "\t*:%s)\n", c.Command)
			c.Flags.writeWords(w)
			fmt.Fprintf(w, "\t;;\n")
		}
		fmt.Fprintf(w, "\tesac\n")
	}
	fmt.Fprintf(w, "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\ncomplete -o default -F %s %s\n", name, program)
}

// writeCompletion is that of a program without commands.
func (f *Flags) writeCompletion(w io.Writer) {
	WriteCompletion(w, f.Name(), []Completed{{Flags: f}})
}

// writeWords writes what may come behind the word before.
func (f *Flags) writeWords(w io.Writer) {
	f.declareCommon()
	var flags, values []string
	fmt.Fprintf(w, "\tcase $before in\n")
	f.VisitAll(func(one *flag.Flag) {
		name := "-" + one.Name
		flags = append(flags, name)
		switch b, is := one.Value.(interface{ IsBoolFlag() bool }); {
		case is && b.IsBoolFlag():
		case f.words[one.Name] != nil:
			fmt.Fprintf(w, "\t%s) words='%s' ;;\n", name, strings.Join(f.words[one.Name], " "))
		default:
			values = append(values, name)
		}
	})
	if len(values) > 0 {
		fmt.Fprintf(w, "\t%s) ;;\n", strings.Join(values, "|"))
	}
	fmt.Fprintf(w, "\t*) words='%s' ;;\n\tesac\n", strings.Join(flags, " "))
}

func commands(all []Completed) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Command
	}
	return strings.Join(names, " ")
}
