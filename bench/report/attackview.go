package report

import (
	"fmt"
	"time"

	"tuitalk/bench/result"
)

// AttackView is how a run of attacks stands, for the terminal.
type AttackView struct {
	Attack, Attacks int // the one under way, counted from 1, and all
	Name, Phase     string
	Elapsed, Left   time.Duration
	Open, Closed    int         // connections of attackers
	Felt            result.Felt // by honest people, in this phase
}

// UpdateAttack shows s: on a terminal redrawn, elsewhere as a line for each attack, and now and then.
func (l *Live) UpdateAttack(s AttackView) { l.update(fmt.Sprint(s.Attack), s) }

// Lines are s on a terminal, as those of View are.
func (s AttackView) Lines(width, rows int, color bool) []string {
	sc := &screen{width: max(width, 1), color: color}
	sc.add(sc.paint(bold, "attack") + fmt.Sprintf("  %d of %d", s.Attack, s.Attacks))
	sc.progress(s.Elapsed, s.Elapsed+s.Left)
	sc.row("now", outside(s.Name)+", "+outside(s.Phase))
	sc.row("attackers", fmt.Sprintf("%s open, %s closed by the gateway", count(s.Open), count(s.Closed)))
	sc.row("posts", midAndTail(&s.Felt, true))
	sc.row("joins", midAndTail(&s.Felt, false))
	return sc.lines[:min(len(sc.lines), max(rows, 1))]
}

// Line is s in one line, for a log.
func (s AttackView) Line() string {
	return fmt.Sprintf("%s  %2d/%d  %s, %s: %s open, %s closed; posts %s; joins %s; about %s left", clock(s.Elapsed), s.Attack, s.Attacks,
		outside(s.Name), outside(s.Phase), count(s.Open), count(s.Closed), midAndTail(&s.Felt, true), midAndTail(&s.Felt, false), clock(s.Left))
}

func midAndTail(f *result.Felt, posts bool) string {
	h := &f.Join
	if posts {
		h = &f.Post
	}
	if h.Count() == 0 {
		return "none yet"
	}
	return "p50 " + result.Took(h.At(50)) + ", p99 " + result.Took(h.At(99))
}
