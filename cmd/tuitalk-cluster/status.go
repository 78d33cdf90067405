package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"tuitalk/deploy/devcluster"
)

var errNotWell = errors.New("not all parts are well")

// status shows every part.
func status(s settings, _ []string) error {
	state, err := devcluster.LoadClusterState(s.stateFile())
	if errors.Is(err, fs.ErrNotExist) || err == nil && state.Owner.State() == devcluster.Dead {
		return errors.New("no cluster runs in " + s.dir + "; start one with: make cluster")
	} else if err != nil {
		return err
	}
	p := palette{on: coloured()}
	reports := state.Look(context.Background())
	show(os.Stdout, p, state, reports)
	for _, r := range reports {
		if !r.Well {
			return errNotWell
		}
	}
	return nil
}

// show writes the table.
func show(w io.Writer, p palette, state devcluster.ClusterState, reports []devcluster.PartReport) {
	up := time.Since(state.Started).Round(time.Second)
	fmt.Fprintf(w, "\nTuiTalk cluster, up %s, process %d\n\n", up, state.Owner.PID)
	fmt.Fprintf(w, "  browser    %s\n  terminal   bin/tuitalk -server %s\n\n", p.bold(state.Site), state.URL)
	fmt.Fprintln(w, p.dim(fmt.Sprintf("  %-11s%-8s%-18s%-9s%s", "part", "process", "address", "state", "")))
	for _, r := range reports {
		fmt.Fprintf(w, "  %-11s%-8s%-18s%s%s\n", r.Name, pid(r), r.Addr, p.state(r), r.Says)
		if r.Admin != "" {
			fmt.Fprintln(w, p.dim(fmt.Sprintf("  %-19s%s", "", "http://"+r.Admin+"/metrics")))
		}
	}
	fmt.Fprintln(w)
	for _, r := range reports {
		if !r.Well {
			fmt.Fprintf(w, "  %s: %s\n", r.Name, r.Log)
		}
	}
}

func pid(r devcluster.PartReport) string {
	if r.State == devcluster.Dead {
		return "-"
	}
	return strconv.Itoa(r.Process.PID)
}

// palette colours the words of the table, or not.
type palette struct{ on bool }

func (p palette) paint(code, text string) string {
	if !p.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p palette) bold(text string) string { return p.paint("1", text) }
func (p palette) dim(text string) string  { return p.paint("2", text) }

func (p palette) state(r devcluster.PartReport) string {
	word, code := r.State, "31" // red
	switch {
	case r.Well:
		word, code = "well", "32" // green
	case r.State == devcluster.Running:
		word, code = "unwell", "33" // yellow
	case r.State == devcluster.Stopped:
		word, code = "frozen", "35" // magenta
	}
	return p.paint(code, fmt.Sprintf("%-9s", word))
}

// coloured: on a terminal, unless its owner objects (https://no-color.org).
func coloured() bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
