package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tuitalk/talk"
)

// Kind is what was broken.
type Kind uint8

const (
	// Lost: told stored, but not in the store; stored, but never shown to
	// somebody who was there; sent, and neither stored, refused nor kept.
	Lost Kind = iota + 1
	// Duplicate: shown twice, also as pending beside stored; stored twice.
	Duplicate
	// Reordered: shown, or read from the store, behind what comes after it.
	Reordered
	// Hole: left out in the middle, of a view or of the store.
	Hole
	// Phantom: shown, and not in the store.
	Phantom
	// Forged: author, name or text are not those of the one who sent it; or
	// nobody sent it.
	Forged
	// FalseStored: told stored as a seq that the store does not have for it.
	FalseStored
	// FalseRefused: told refused for good, and stored all the same.
	FalseRefused
	// Disagreement: shown otherwise than the history has it, in seq or time; or
	// two readings of the history differ.
	Disagreement
	// Noise: joined or left lines for somebody who was there all the time.
	Noise
	// TimeBack: the time of an entry is before that of the entry before, or before
	// its author sent it.
	TimeBack
	// AuthorOrder: stored in another order than its author sent.
	AuthorOrder
	// Stuck: still in an outbox at the end.
	Stuck
	// Absent: a client that was not where it wanted to be at the end.
	Absent

	// Skipped, Repeated and Misplaced: what a server sent over one connection had a hole,
	// had an entry twice, or one behind a later one. Clients heal that: nobody need
	// have been shown anything wrong. One that hangs up at once may see a hole only
	// where the entry would have come late.
	Skipped
	Repeated
	Misplaced

	// NeverAnswered: a join or a fetch that a server neither answered nor refused
	// until the end, although the connection was good, or the client had to hang up
	// and ask again.
	NeverAnswered

	// NeverLeft: somebody who has gone for good, and whose grace is over, is a member
	// to the end.
	NeverLeft
	// OldName: a message is stored under a name that its author had been shown to have
	// given up before he sent it; or somebody has an old name to the end in one of the
	// rooms that he was in when he took another.
	OldName
	// TimeAhead: the time of an entry is after somebody knew of it.
	TimeAhead
	// Leak: an entry came on a connection that was not in its room.
	Leak
	// WrongMembers: a list or a count of members is not what the log says, or is
	// not who was there.
	WrongMembers
	// TornPage: a page by time is not the stretch of the log that was asked for: an
	// entry is left out, comes twice or in the wrong place, a second is split, or
	// there is too little or too much.
	TornPage
	// TwiceServed: two programs that show one session of one user are both let in, to the
	// end. The newer one takes over, on whichever gateway.
	TwiceServed

	lastKind = TwiceServed
)

var kindNames = [...]string{
	Lost: "lost", Duplicate: "duplicate", Reordered: "reordered", Hole: "hole", Phantom: "phantom",
	Forged: "forged", FalseStored: "false stored", FalseRefused: "false refused",
	Disagreement: "disagreement", Noise: "join/left noise", TimeBack: "time runs back",
	AuthorOrder: "author's order", Stuck: "stuck in an outbox", Absent: "absent at the end",
	Skipped: "left out on a line", Repeated: "sent twice on a line", Misplaced: "sent out of order on a line",
	NeverAnswered: "never answered", NeverLeft: "never left", OldName: "under an old name",
	TimeAhead: "dated ahead", Leak: "leaked from another room", WrongMembers: "wrong members", TornPage: "torn page",
	TwiceServed: "session served twice",
}

func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// MarshalText makes JSON say the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (k *Kind) UnmarshalText(name []byte) error {
	i := slices.Index(kindNames[:], string(name))
	if i < int(Lost) {
		return fmt.Errorf("there is no kind of violation %q", name)
	}
	*k = Kind(i)
	return nil
}

// Violation is one broken promise, about one entry or a stretch of them.
type Violation struct {
	Kind   Kind
	Client string // label; "" for the store
	Room   int32
	Seq    int64 // 0: it has none
	To     int64 // last seq of a stretch; else Seq
	Author talk.UUID
	ID     talk.UUID
	At     time.Time // of the event that shows it
	What   string    // a sentence
	Story  []string  // what happened around it, oldest first; empty beyond Options.Keep
}

// Dist is a distribution of times over clients.
type Dist struct {
	Count            int
	Median, P99, Max time.Duration
}

// FaultFigures tell what one fault did to people.
type FaultFigures struct {
	Fault
	// Blackout is for each client that was there the longest time in which it was
	// kept from news. That is, where the connection held, for each message that was sent
	// in the fault's window, or was under way when the fault came, from its sending,
	// at the earliest the fault, until it was first shown, be it as pending; to its author,
	// until he was told "accepted" if that was before. Where
	// the connection was lost in the window, it is from when something had last come on
	// it, at the earliest the fault, or, if the first message after was sent before,
	// from that sending; until that first live message was shown; or, if nobody had
	// said anything in the room from the loss on, until the connection was live again. Time
	// in which nobody says anything to a connection that holds is no blackout, and a client
	// that was told nothing and lost no connection is not in the distribution.
	Blackout  Dist
	Blackouts []time.Duration `json:"-"` // the times of Blackout, ascending
	NotBack   int             // clients whose connection never came back
	Unheard   int             // clients with a connection, to whom nothing came any more of what was said
	// Delay is for each client the longest time from sending to showing, of what
	// was sent in the fault's window.
	Delay Dist
	// Sent and Shown count the messages of the window, Quiet... the longest time
	// of it in which nobody sent, nobody was shown anything.
	Sent, Shown           int
	QuietSent, QuietShown time.Duration
}

// Report is what a check found.
type Report struct {
	Counts     map[Kind]int // violations; a stretch counts each entry
	Violations []Violation  // the first of each kind, in the order of kinds
	// Unsound are reasons why the run proves nothing, violations or not: a fault
	// that did not take hold, a recording cut off.
	Unsound []string

	Events, Clients, Rooms int
	Entries                int // in the store
	Sent                   int
	Shown                  int // times that an entry was shown
	Gaps                   int // times that a server openly left entries out
	Faults                 []FaultFigures
}

// Err is nil if all promises were kept and the run proves it.
func (r *Report) Err() error {
	if len(r.Counts) == 0 && len(r.Unsound) == 0 {
		return nil
	}
	return fmt.Errorf("%s", r.verdict())
}

func (r *Report) verdict() string {
	var parts []string
	for k := Lost; k <= lastKind; k++ {
		if n := r.Counts[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", k, n))
		}
	}
	parts = append(parts, r.Unsound...)
	return strings.Join(parts, "; ")
}

// String is the whole report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d clients in %d rooms sent %d messages; %d entries are stored and were shown %d times (%d events).\n",
		r.Clients, r.Rooms, r.Sent, r.Entries, r.Shown, r.Events)
	for i := range r.Faults {
		r.Faults[i].print(&b, i)
	}
	for _, why := range r.Unsound {
		fmt.Fprintf(&b, "This proves nothing: %s.\n", why)
	}
	if len(r.Counts) == 0 {
		b.WriteString("Every promise was kept.\n")
		return b.String()
	}
	fmt.Fprintf(&b, "BROKEN: %s\n", r.verdict())
	for i := range r.Violations {
		v := &r.Violations[i]
		fmt.Fprintf(&b, "\n%s: %s\n", v.Kind, v.What)
		for _, line := range v.Story {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

func (f *FaultFigures) print(b *strings.Builder, i int) {
	held := "took hold"
	if !f.Held {
		held = "DID NOT TAKE HOLD"
	}
	fmt.Fprintf(b, "Fault %d: %s (%s: %s)\n", i+1, talk.CleanText(f.What), held, talk.CleanText(f.Evidence))
	fmt.Fprintf(b, "  blackout  %s\n", f.Blackout)
	if f.NotBack+f.Unheard > 0 {
		fmt.Fprintf(b, "            %d never came back, %d heard nothing more\n", f.NotBack, f.Unheard)
	}
	fmt.Fprintf(b, "  delay     %s\n", f.Delay)
	fmt.Fprintf(b, "  flow      %d sent, %d shown; longest without: %v, %v\n", f.Sent, f.Shown, f.QuietSent, f.QuietShown)
}

func (d Dist) String() string {
	round := func(t time.Duration) time.Duration { return t.Round(100 * time.Microsecond) }
	return fmt.Sprintf("p50 %v  p99 %v  max %v  of %d clients", round(d.Median), round(d.P99), round(d.Max), d.Count)
}
