package result

import (
	"fmt"
	"io"
	"slices"
	"time"

	"tuitalk/bench/measure"
)

// AttacksVersion is the form of an Attacks that this program reads and writes.
const AttacksVersion = 1

// Attacks is what a run of tuitalk-bench attack found.
type Attacks struct {
	Version    int       `json:"version"`
	Started    time.Time `json:"started"`
	Command    string    `json:"command"`
	Build      string    `json:"build"`
	Machine    Machine   `json:"machine"`
	Target     string    `json:"target"`            // URL, or the program that was started for each attack
	Quick      bool      `json:"quick,omitempty"`   // fewer connections, less time
	Setting    string    `json:"setting,omitempty"` // who is honest, in a sentence
	Attacks    []Attack  `json:"attacks"`
	LeftOut    []string  `json:"left_out,omitempty"`
	Incomplete string    `json:"incomplete,omitempty"` // why not all attacks were made
}

// Attack is one attack and what came of it.
type Attack struct {
	Name     string `json:"name"`
	What     string `json:"what"`     // what it does, in a sentence
	Weakness string `json:"weakness"` // what it looks for
	Size     string `json:"size"`     // connections, rates, time
	Failed   string `json:"failed,omitempty"`

	Before   Felt     `json:"before"`
	During   Felt     `json:"during"`
	After    Felt     `json:"after"`
	Got      Got      `json:"got"`
	Cost     Cost     `json:"cost"`
	Breaches []string `json:"breaches,omitempty"` // what must never be given to anybody, and was
	Ended    string   `json:"ended,omitempty"`    // how the gateway, if it is ours, ended when it was asked to
	Stuck    bool     `json:"stuck,omitempty"`    // it did not end, and was killed
	Stopped  string   `json:"stopped,omitempty"`  // the bound that ended the attack early
}

// Felt is what honest people felt in a phase. What was not answered to the end
// counts with the time for which it was waited, and as failed.
type Felt struct {
	Seconds     float64      `json:"seconds"`
	Post        measure.Hist `json:"post,omitzero"` // intended to shown to each of the others
	PostsFailed int          `json:"posts_failed"`
	Join        measure.Hist `json:"join,omitzero"` // of newcomers, intended to Joined
	JoinsFailed int          `json:"joins_failed"`
	Late        measure.Hist `json:"late,omitzero"`   // by which this program posted later than intended
	ReadyLies   int          `json:"ready_lies"`      // joins that failed while /readyz said ready
	NotReady    int          `json:"not_ready"`       // answers of /readyz other than 200, and none
	Lost        int          `json:"lost"`            // times an honest person's connection was lost
	OwnCPU      float64      `json:"own_cpu_seconds"` // processor time of this program, attackers included
}

// Failures are posts and joins that were not answered.
func (f *Felt) Failures() int { return f.PostsFailed + f.JoinsFailed }

// Got is what the attackers got.
type Got struct {
	Tried     int            `json:"tried"` // connections
	Opened    int            `json:"opened"`
	Peak      int            `json:"peak"` // open at once
	Held      int            `json:"held"` // open at the end of the attack
	Refused   map[string]int `json:"refused,omitempty"`
	Closed    map[string]int `json:"closed,omitempty"` // by the server, by code
	BytesIn   int64          `json:"bytes_in"`
	BytesOut  int64          `json:"bytes_out"`
	Sent      int64          `json:"sent"`              // messages
	Answers   map[string]int `json:"answers,omitempty"` // messages, by variant; errors by code
	AliveP50  float64        `json:"alive_p50"`         // seconds, over connections
	AliveMost float64        `json:"alive_most"`
}

// Total is the sum of counts.
func Total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// Cost is what an attack cost the server, if its process can be watched.
type Cost struct {
	Known   bool    `json:"known"`
	RSS     int64   `json:"rss"`      // bytes before the attack
	RSSPeak int64   `json:"rss_peak"` // during and after it
	RSSLeft int64   `json:"rss_left"` // at the end
	CPU     float64 `json:"cpu_seconds"`
	Disk    int64   `json:"disk_bytes"` // written while it was attacked
	Files   int     `json:"files_peak"`
	Kernel  int64   `json:"kernel_peak"` // bytes queued in the kernel for its connections
}

// Growth is by how much its memory grew.
func (c *Cost) Growth() int64 { return max(0, c.RSSPeak-c.RSS) }

// Write writes a as JSON, in the present form.
func (a *Attacks) Write(w io.Writer) error {
	a.Version = AttacksVersion
	return write(w, "attacks", a)
}

// ReadAttacks reads an Attacks that Write wrote.
func ReadAttacks(rd io.Reader) (*Attacks, error) {
	var a Attacks
	return &a, read(rd, "attacks", AttacksVersion, &a)
}

// Quiet is what honest people felt in all phases before an attack.
func (a *Attacks) Quiet() (q Felt) {
	for i := range a.Attacks {
		b := &a.Attacks[i].Before
		q.Seconds += b.Seconds
		q.PostsFailed += b.PostsFailed
		q.JoinsFailed += b.JoinsFailed
		q.Post.Add(&b.Post)
		q.Join.Add(&b.Join)
		q.Late.Add(&b.Late)
	}
	return q
}

// What an attack may do to people and to the gateway, where nobody asks for other
// bounds: the measure of Verdict.
const (
	usualPostRatio = 3 // of the p99 under attack to the quiet one
	usualJoinRatio = 5
	usualFloor     = 20 * time.Millisecond // of a quiet p99; less is the machine's noise
	usualGrowth    = 256 << 20             // of the gateway's memory
)

// UsualBounds tells what Verdict goes by.
const UsualBounds = "slowed: the p99 of honest posts was more than 3 times, or that of joins more than 5 times, the quiet one of this run, " +
	"which counts as 20 ms at least; memory: the gateway grew by more than 256 MiB"

// Verdict is one attack in a word or two: "held", or the worst that did not.
func (a *Attack) Verdict(quiet *Felt) string {
	above := func(h, calm *measure.Hist, ratio int64) bool {
		return h.At(99) > time.Duration(ratio)*max(calm.At(99), usualFloor)
	}
	switch {
	case a.Failed != "":
		return "not made"
	case len(a.Breaches) > 0:
		return "breach"
	case a.Stuck:
		return "stuck"
	case a.During.Failures()+a.After.Failures() > 0:
		return "people cut off"
	case above(&a.During.Post, &quiet.Post, usualPostRatio), above(&a.During.Join, &quiet.Join, usualJoinRatio):
		return "slowed"
	case a.Cost.Growth() > usualGrowth:
		return "memory"
	}
	return "held"
}

// top names the greatest of counts, "4008 ×12, 1001 ×3"; at most so many.
func top(counts map[string]int, most int) string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		if d := counts[y] - counts[x]; d != 0 {
			return d
		}
		if x < y {
			return -1
		}
		return 1
	})
	text := ""
	for i, name := range names {
		if i == most {
			return text + ", …"
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s ×%s", Line(name), Number(float64(counts[name])))
	}
	return text
}

// ClosedBy tells by what codes the server closed attackers.
func (g *Got) ClosedBy() string { return orDash(top(g.Closed, 3)) }

// RefusedBy tells how attackers were refused.
func (g *Got) RefusedBy() string { return orDash(top(g.Refused, 3)) }

// Heard tells what attackers were answered.
func (g *Got) Heard() string { return orDash(top(g.Answers, 3)) }

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}
