//go:build integration

package main

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tuitalk/bench/checker"
	"tuitalk/bench/result"
	"tuitalk/talk"
)

// scale is what one delivery is spoilt among.
type scale struct {
	oneIn  int // deliveries, at least
	turn   int // the one that is spoilt
	people int
	rate   int    // messages a second
	lasts  string // as -duration
}

// spoiltScale is a hundred thousand deliveries, with -short a twentieth of it.
func spoiltScale() scale {
	if testing.Short() {
		return scale{5_000, 2_601, 20, 250, "3s"}
	}
	return scale{100_000, 26_017, 100, 250, "5s"}
}

// spoiler is how a double breaks a promise.
type spoiler struct {
	name string
	kind checker.Kind   // that is found, once for each time
	also []checker.Kind // what comes of it besides
	last bool           // something is owed to the end
	mute bool           // the first fetch of a member is not answered, and nothing else is spoilt
	// delivery takes the place of one delivery; frame is the entry's.
	delivery func(to *seat, e talk.Entry, frame []byte)
	// message takes the place of taking the next message after that delivery.
	message func(from *seat, m talk.Entry)
}

var spoilers = []spoiler{
	{name: "loses the last entry for a member", kind: checker.Lost, last: true, delivery: func(to *seat, _ talk.Entry, frame []byte) {
		to.held, to.late = frame, true // the last one of all never comes
	}},
	{name: "loses a delivery", kind: checker.Skipped, delivery: func(*seat, talk.Entry, []byte) {}},
	{name: "doubles a delivery", kind: checker.Repeated, delivery: func(to *seat, _ talk.Entry, frame []byte) {
		to.put(slices.Concat(frame, frame))
	}},
	{name: "swaps two deliveries", kind: checker.Misplaced, delivery: func(to *seat, _ talk.Entry, frame []byte) {
		to.held = frame
	}},
	{name: "forges the sender", kind: checker.Forged, delivery: func(to *seat, e talk.Entry, _ []byte) {
		other := to.in.members[0]
		if other.user == e.Author {
			other = to.in.members[1]
		}
		e.Author, e.Name = other.user, other.name
		to.tell(e)
	}},
	{name: "changes a text", kind: checker.Forged, delivery: func(to *seat, e talk.Entry, _ []byte) {
		e.Text = e.Text[:len(e.Text)-1] + "!"
		to.tell(e)
	}},
	{name: "invents a message", kind: checker.Phantom, also: []checker.Kind{checker.Repeated}, delivery: func(to *seat, e talk.Entry, frame []byte) {
		to.put(frame)
		e.Seq++ // and again when there is such an entry
		e.ID = talk.MakeUUID(4, [16]byte{1, 2, 3})
		e.Text = "nobody said this"
		to.tell(e)
	}},
	{name: "says stored of what it drops", kind: checker.Lost, message: func(from *seat, m talk.Entry) {
		from.stored(m, from.in.head+1)
	}},
	{name: "says stored as another", kind: checker.FalseStored, message: func(from *seat, m talk.Entry) {
		from.stored(m, from.store(m)+1)
	}},
	{name: "stores a message twice", kind: checker.Duplicate, message: func(from *seat, m talk.Entry) {
		from.store(m)
		from.stored(m, from.store(m))
	}},
	{name: "stores two messages in the wrong order", kind: checker.AuthorOrder, message: func(from *seat, m talk.Entry) {
		from.wish = &m
	}},
	{name: "leaves out a seq", kind: checker.Hole, also: []checker.Kind{checker.Lost, checker.Skipped}, message: func(from *seat, m talk.Entry) {
		from.in.head++
		from.stored(m, from.store(m))
	}},
}

// loaded lets the real program put some more deliveries on a double
// (see spoiltScale), and gives what came of it.
func loaded(t *testing.T, d *double, settle string) (b *bench, r *result.Result, code int) {
	t.Helper()
	sc := spoiltScale()
	out := filepath.Join(t.TempDir(), "run.json")
	b = start(t, "load", "-target", d.url(), "-clients", strconv.Itoa(sc.people), "-rooms", "1", "-rate", strconv.Itoa(sc.rate), "-arrivals", "constant", "-hops", "0", "-returns", "0", "-renames", "0", "-ends", "0", "-originals", "0", "-windows", "0",
		"-fetches", "0", "-warm-up", "0s", "-duration", sc.lasts, "-settle", settle, "-json", out)
	code = b.code(t)
	return b, readResult(t, out), code
}

func TestAFaithfulDoublePasses(t *testing.T) {
	t.Parallel()
	d := startDouble(t, spoiler{})
	b, r, code := loaded(t, d, "1m")
	expectHeld(t, b, r, code)
	if n, spoilt := d.counts(); n < spoiltScale().oneIn || r.Checked.Shown != n+d.comings || spoilt != 0 {
		t.Errorf("%d deliveries, %d shown, %d spoilt", n, r.Checked.Shown, spoilt)
	}
}

// TestOneDeliveryInAHundredThousandIsCaught: whatever a gateway does to a single
// one, the program ends with a status that says so, names it and tells its story.
func TestOneDeliveryInAHundredThousandIsCaught(t *testing.T) {
	for _, s := range spoilers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			settle := "1m"
			if s.last {
				settle = "15s"
			}
			d := startDouble(t, s)
			b, r, code := loaded(t, d, settle)
			c := r.Checked
			if code != exitFailed || c == nil {
				t.Fatalf("it ended with %d:\n%s%s", code, b.out.String(), b.err.String())
			}
			if n, spoilt := d.counts(); n < spoiltScale().oneIn || spoilt != 1 {
				t.Fatalf("%d of %d deliveries were spoilt", spoilt, n)
			}
			for k := range c.Counts {
				if k != s.kind && !slices.Contains(s.also, k) {
					t.Errorf("also found: %s", k)
				}
			}
			if c.Counts[s.kind] != 1 || len(c.Unsound) > 0 {
				t.Errorf("found: %v", c.Err())
			}
			expectStory(t, b.out.String(), c, s.kind)
			if t.Failed() {
				t.Log(b.out.String())
			}
		})
	}
}

// TestAFetchThatIsNeverAnsweredIsCaught: nobody is shown anything wrong, and somebody
// waits for ever.
func TestAFetchThatIsNeverAnsweredIsCaught(t *testing.T) {
	t.Parallel()
	d := startDouble(t, spoiler{mute: true})
	out := filepath.Join(t.TempDir(), "run.json")
	b := start(t, "load", "-target", d.url(), "-clients", "10", "-rooms", "1", "-rate", "20", "-hops", "0", "-returns", "0", "-renames", "0", "-ends", "0", "-originals", "0", "-windows", "0",
		"-fetches", "5", "-warm-up", "0s", "-duration", "20s", "-json", out)
	code := b.code(t)
	c := readResult(t, out).Checked
	if code != exitFailed || c == nil || len(c.Counts) != 1 || c.Counts[checker.NeverAnswered] != 1 {
		t.Fatalf("it ended with %d, and found %v:\n%s", code, c, b.out.String())
	}
	expectStory(t, b.out.String(), c, checker.NeverAnswered)
}

// expectStory looks for what is told of a kind of violation.
func expectStory(t *testing.T, told string, c *checker.Report, kind checker.Kind) {
	t.Helper()
	i := slices.IndexFunc(c.Violations, func(v checker.Violation) bool { return v.Kind == kind })
	if i < 0 {
		t.Errorf("%s is not among the violations", kind)
		return
	}
	v := c.Violations[i]
	if len(v.Story) == 0 || len(v.Story) > 12 {
		t.Errorf("the story has %d lines", len(v.Story))
	}
	for _, line := range append([]string{"NOT HELD: every promise was kept: ", kind.String() + ": " + v.What}, v.Story...) {
		if !strings.Contains(told, strings.TrimSpace(line)) {
			t.Errorf("it does not tell %q", line)
		}
	}
}
