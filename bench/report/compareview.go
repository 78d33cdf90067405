package report

import (
	"fmt"
	"time"
)

// CompareView is how a comparison stands, for the terminal.
type CompareView struct {
	Trial, Trials int    // the one under way, counted from 1, and all
	What          string // the trial: target, load, repetition
	Doing         string // its step: "connecting", "measuring 50k/s"
	Elapsed, Left time.Duration
}

// Lines are t on a terminal, as those of View are.
func (t CompareView) Lines(width, rows int, color bool) []string {
	s := &screen{width: max(width, 1), color: color}
	s.add(s.paint(bold, "compare") + fmt.Sprintf("  trial %d of %d", t.Trial, t.Trials))
	s.progress(t.Elapsed, t.Elapsed+t.Left)
	s.row("now", outside(t.What))
	s.row("", outside(t.Doing))
	return s.lines[:min(len(s.lines), max(rows, 1))]
}

// Line is t in one line, for a log.
func (t CompareView) Line() string {
	return fmt.Sprintf("%s  %2d/%d  %s: %s; about %s left", clock(t.Elapsed), t.Trial, t.Trials, outside(t.What), outside(t.Doing), clock(t.Left))
}
