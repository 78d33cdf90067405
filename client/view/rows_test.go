package view

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

// fakeLog is a log that grows at both ends.
type fakeLog []talk.Entry

func (l fakeLog) Len() int                 { return len(l) }
func (l fakeLog) At(i int) *talk.Entry     { return &l[i] }
func (l fakeLog) between(a, b int) fakeLog { return l[a:b] }

const noon = 1740830400 // Saturday, 1 March 2025, 12:00 UTC

var (
	ada = talk.Member{UUID: talk.UUID{0xa}, Username: "ada"}
	bob = talk.Member{UUID: talk.UUID{0xb}, Username: "bob"}
	cy  = talk.Member{UUID: talk.UUID{0xc}, Username: "cy"}
)

// entry makes the entry seq; at is in seconds after noon.
func entry(seq int64, at int, kind talk.Kind, who talk.Member, text string) talk.Entry {
	id := talk.UUID{0xee, byte(seq), byte(seq >> 8), byte(seq >> 16)}
	return talk.Entry{Kind: kind, Author: who.UUID, Name: who.Username, Text: text, UnixTime: uint64(noon + at), ID: id, Seq: seq}
}

// draw writes rows down, one line each.
func draw(r *Rows) string {
	var b strings.Builder
	for i := range r.Len() {
		row := r.At(i)
		switch row.Kind {
		case RowHead:
			b.WriteString("^")
		case RowDay:
			b.WriteString("-- " + DayLabel(row.Day))
		case RowGap:
			fmt.Fprintf(&b, "%d missing", row.Count)
		case RowUnread:
			b.WriteString("== unread")
		case RowEntry:
			fmt.Fprintf(&b, "%d %s: %s", row.Key.Seq, row.Entry.Name, row.Entry.Text)
		case RowFold:
			fmt.Fprintf(&b, "%d ", row.Key.Seq)
			for _, s := range r.Fold(row) {
				b.WriteString(s.Text)
			}
		case RowPending:
			fmt.Fprintf(&b, "? %s: %s", row.Entry.Name, row.Entry.Text)
		case RowUnsent:
			fmt.Fprintf(&b, "! %d: %s", row.Number, row.Outgoing.Text)
		}
		if row.Own && row.Kind == RowEntry {
			b.WriteString(" (own)")
		}
		if row.Follows {
			b.WriteString(" (follows)")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const day = 24 * 3600

func sampleLog() fakeLog {
	return fakeLog{
		entry(1, -day, talk.KindJoined, ada, ""),
		entry(2, -day+5, talk.KindPosted, ada, "anyone?"),
		entry(3, 0, talk.KindJoined, bob, ""),
		entry(4, 1, talk.KindJoined, cy, ""),
		entry(5, 2, talk.KindLeft, cy, ""),
		entry(6, 9, talk.KindPosted, bob, "hello"),
		entry(7, 10, talk.KindPosted, bob, "how are you?"),
		entry(8, 400, talk.KindPosted, bob, "still there?"),
		entry(9, 401, talk.KindRenamed, talk.Member{UUID: bob.UUID, Username: "bobby"}, "bob"),
		entry(12, 500, talk.KindPosted, ada, "yes"),
	}
}

func TestRows(t *testing.T) {
	r := NewRows(time.UTC)
	r.SetUnread(7)
	pending := []talk.Entry{entry(0, 501, talk.KindPosted, cy, "soon")}
	outbox := []client.Outgoing{{ID: talk.UUID{1}, Text: "later"}}
	r.update(sampleLog(), pending, outbox, ada, client.Reset)
	want := `^
-- Friday, 28 February 2025
1 ada joined
2 ada: anyone? (own)
-- Saturday, 1 March 2025
3 bob joined; cy joined and left
6 bob: hello
7 bob: how are you? (follows)
== unread
8 bob: still there?
9 bob is now bobby
2 missing
12 ada: yes (own)
? cy: soon
! 1: later
`
	if got := draw(r); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, line := r.Unread(); r.Index(line) != 8 {
		t.Errorf("the unread line is row %d", r.Index(line))
	}
	r.SetUnread(0)
	if strings.Contains(draw(r), "unread") {
		t.Error("the unread line stays")
	}
	if _, line := r.Unread(); line != (RowKey{}) {
		t.Error("the key of the unread line stays")
	}
}

// TestRowsInSteps grows a log at both ends in random steps: the rows must be
// those of one look at the whole.
func TestRowsInSteps(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		log := randomLog(rnd, 1+rnd.IntN(400))
		unread := int64(rnd.IntN(len(log) + 1))
		whole := NewRows(time.UTC)
		whole.SetUnread(unread)

		steps := NewRows(time.UTC)
		lo := rnd.IntN(len(log) + 1)
		hi := lo
		steps.update(log.between(lo, hi), nil, nil, ada, client.Reset)
		steps.SetUnread(unread)
		for lo > 0 || hi < len(log) {
			lo = max(0, lo-rnd.IntN(20))
			hi = min(len(log), hi+rnd.IntN(20))
			steps.update(log.between(lo, hi), nil, nil, ada, client.Appended|client.Prepended)
			checkKeys(t, steps)
		}
		whole.update(log, nil, nil, ada, client.Reset)
		if got, want := draw(steps), draw(whole); got != want {
			t.Fatalf("seed %d: in steps\n%s\nat once\n%s", seed, got, want)
		}
	}
}

// TestRowsOfABoundedLog drops entries at the front while others come at the end.
func TestRowsOfABoundedLog(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		log := randomLog(rnd, 300)
		for i := range log {
			log[i].Seq = int64(i + 1)
		}
		r := NewRows(time.UTC)
		lo, hi := 0, 20
		r.update(log[lo:hi], nil, nil, ada, client.Reset)
		r.SetUnread(int64(rnd.IntN(300)))
		unread, _ := r.Unread()
		for hi < len(log) {
			hi = min(len(log), hi+rnd.IntN(10))
			lo = min(hi-1, lo+rnd.IntN(10))
			r.update(log[lo:hi], nil, nil, ada, client.Appended)
			whole := NewRows(time.UTC)
			whole.SetUnread(unread)
			whole.update(log[lo:hi], nil, nil, ada, client.Reset)
			if got, want := draw(r), draw(whole); got != want {
				t.Fatalf("seed %d, entries %d to %d: in steps\n%s\nat once\n%s", seed, lo+1, hi, got, want)
			}
			checkKeys(t, r)
		}
	}
}

// randomLog has no folds of maxFold: they are cut elsewhere when they grow at
// the front.
func randomLog(rnd *rand.Rand, n int) fakeLog {
	var log fakeLog
	seq, at := int64(0), 0
	folded := 0
	for range n {
		seq++
		if rnd.IntN(30) == 0 {
			seq += int64(rnd.IntN(5))
		}
		at += rnd.IntN(3 * 3600)
		kind := []talk.Kind{talk.KindJoined, talk.KindLeft, talk.KindRenamed, talk.KindPosted}[rnd.IntN(4)]
		if folded++; kind == talk.KindPosted || folded == maxFold {
			kind, folded = talk.KindPosted, 0
		}
		log = append(log, entry(seq, at, kind, []talk.Member{ada, bob, cy}[rnd.IntN(3)], fmt.Sprint("t", seq)))
	}
	return log
}

// checkKeys holds that keys are unique and lead to their rows.
func checkKeys(t *testing.T, r *Rows) {
	t.Helper()
	seen := map[RowKey]bool{}
	for i := range r.Len() {
		k := r.At(i).Key
		if seen[k] {
			t.Fatalf("two rows have the key %+v", k)
		}
		seen[k] = true
		if got := r.Index(k); got != i {
			t.Fatalf("the key %+v of row %d leads to row %d", k, i, got)
		}
	}
}

func TestRowsKeysThatMoved(t *testing.T) {
	log := sampleLog()
	r := NewRows(time.UTC)
	r.update(log.between(4, 6), nil, nil, ada, client.Reset)
	headDay, fold := r.At(1).Key, r.At(2).Key
	r.update(log.between(2, 6), nil, nil, ada, client.Prepended)
	if got, want := draw(r), "^\n-- Saturday, 1 March 2025\n3 bob joined; cy joined and left\n6 bob: hello\n"; got != want {
		t.Fatalf("got\n%s", got)
	}
	if i := r.Index(headDay); i != 2 {
		t.Errorf("the day line that went leads to row %d, want its entry's", i)
	}
	if i := r.Index(fold); i != 2 {
		t.Errorf("the fold that was swallowed leads to row %d", i)
	}

	out := client.Outgoing{ID: log[9].ID, Text: "yes"}
	r.update(log[:9], nil, []client.Outgoing{out}, ada, client.Reset)
	key := r.At(r.Len() - 1).Key
	r.update(log, nil, nil, ada, client.Appended|client.OutboxChanged)
	if i := r.Index(key); i != r.Len()-1 || r.At(i).Kind != RowEntry {
		t.Errorf("the entry that was unsent leads to row %d", i)
	}
	if i := r.Index(RowKey{Kind: RowUnsent, ID: talk.UUID{99}}); i != -1 {
		t.Errorf("an unknown id leads to row %d", i)
	}
	if i := r.Index(RowKey{Kind: RowEntry, Seq: 11}); i != -1 {
		t.Errorf("a missing entry leads to row %d", i)
	}
}

func TestRowsOfAnotherLog(t *testing.T) {
	r := NewRows(time.UTC)
	log := sampleLog()
	r.update(log, nil, nil, ada, client.Reset)
	for name, next := range map[string]fakeLog{
		"cleared":        nil,
		"cut in front":   log[3:],
		"cut at the end": log[:5],
		"filled a hole":  slices.Insert(slices.Clone(log), 9, entry(10, 450, talk.KindPosted, cy, "in between")),
	} {
		r.update(log, nil, nil, ada, client.Reset)
		r.update(next, nil, nil, ada, client.Appended) // even without Reset
		whole := NewRows(time.UTC)
		whole.update(next, nil, nil, ada, client.Reset)
		if got, want := draw(r), draw(whole); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestUnsentFollowsLikeTheStored(t *testing.T) {
	r := NewRows(time.UTC)
	for _, c := range []struct {
		after time.Duration
		me    talk.Member
		want  bool
	}{
		{5 * time.Second, bob, true},
		{400 * time.Second, bob, false},
		{5 * time.Second, ada, false},
	} {
		log := sampleLog()[:8]
		at := time.Unix(noon+400, 0).Add(c.after)
		r.update(log, nil, []client.Outgoing{{ID: talk.UUID{1}, At: at}}, c.me, client.Reset)
		if got := r.At(r.Len() - 1).Follows; got != c.want {
			t.Errorf("%+v: unsent follows: %v", c, got)
		}
		log = append(log, entry(9, 400+int(c.after.Seconds()), talk.KindPosted, c.me, "x"))
		r.update(log, nil, nil, c.me, client.Appended)
		if got := r.At(r.Len() - 1).Follows; got != c.want {
			t.Errorf("%+v: stored follows: %v", c, got)
		}
	}
}

func TestFold(t *testing.T) {
	who := func(i int) talk.Member { return talk.Member{UUID: talk.UUID{byte(i)}, Username: fmt.Sprint("u", i)} }
	type e struct {
		kind talk.Kind
		who  talk.Member
		old  string
	}
	var many, renames []e
	for i := range 11 {
		many = append(many, e{talk.KindLeft, who(i), ""})
		renames = append(renames, e{talk.KindRenamed, who(i), "old"})
	}
	for _, c := range []struct {
		entries []e
		want    string
	}{
		{[]e{{talk.KindLeft, ada, ""}, {talk.KindJoined, ada, ""}}, "ada left and came back"},
		{[]e{{talk.KindJoined, ada, ""}, {talk.KindLeft, ada, ""}, {talk.KindJoined, ada, ""}}, "ada joined"},
		{[]e{{talk.KindRenamed, bob, "b"}, {talk.KindRenamed, cy, "c"}, {talk.KindRenamed, talk.Member{UUID: bob.UUID, Username: "rob"}, "bob"}}, "b is now rob; c is now cy"},
		{[]e{{talk.KindRenamed, bob, "bob"}}, "a name changed and changed back"},
		{many, "u0, u1, u2, u3, u4, u5, u6, u7 and 3 more left"},
		{renames, "old is now u0; old is now u1; old is now u2; old is now u3; old is now u4; old is now u5; old is now u6; old is now u7; 3 more changed their names"},
		{[]e{{talk.KindJoined, talk.Member{UUID: ada.UUID, Username: "\u202e\x1b]0;x"}, ""}}, "]0;x joined"},
		{[]e{{talk.KindJoined, talk.Member{UUID: ada.UUID, Username: " \u200b"}, ""}}, "nobody-0a00 joined"},
		{[]e{{talk.KindJoined, talk.Member{UUID: ada.UUID, Username: strings.Repeat("ä", 60)}, ""}}, strings.Repeat("ä", 32) + " joined"},
	} {
		var log fakeLog
		for i, x := range c.entries {
			log = append(log, entry(int64(i+1), i, x.kind, x.who, x.old))
		}
		r := NewRows(time.UTC)
		r.update(log, nil, nil, ada, client.Reset)
		var b strings.Builder
		for _, s := range r.Fold(r.At(2)) {
			b.WriteString(s.Text)
		}
		if b.String() != c.want || r.Len() != 3 {
			t.Errorf("got %q in %d rows, want %q", b.String(), r.Len(), c.want)
		}
	}
}

func TestRowsSurviveOddTimes(t *testing.T) {
	log := sampleLog()
	for i, at := range []uint64{0, math.MaxUint64, 1 << 63, maxUnix, maxUnix + 1, noon, math.MaxUint64, 5, 0, noon} {
		log[i].UnixTime = at
	}
	for _, loc := range []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)} {
		r := NewRows(loc)
		r.update(log, nil, nil, ada, client.Reset)
		draw(r)
		checkKeys(t, r)
	}
	if got := entryTime(math.MaxUint64, time.UTC).Format(time.RFC3339); got != "9999-12-31T23:59:59Z" {
		t.Errorf("the last time is %s", got)
	}
}

func TestDaysAreLocal(t *testing.T) {
	log := fakeLog{
		entry(1, -12*3600, talk.KindPosted, ada, "midnight in Greenwich"),
		entry(2, 11*3600, talk.KindPosted, ada, "an hour before the next"),
	}
	for _, c := range []struct {
		zone int
		days int
	}{{0, 1}, {2 * 3600, 2}, {-3600, 2}} {
		r := NewRows(time.FixedZone("", c.zone))
		r.update(log, nil, nil, ada, client.Reset)
		if got := strings.Count(draw(r), "-- "); got != c.days {
			t.Errorf("%d days at %d s east", got, c.zone)
		}
	}
}

func BenchmarkRowsAppend(b *testing.B) {
	log := make(fakeLog, 200_000)
	for i := range log {
		log[i] = entry(int64(i+1), i, talk.KindPosted, ada, "")
	}
	r := NewRows(time.UTC)
	n := 100_000
	r.update(log[:n], nil, nil, ada, client.Reset)
	b.ReportAllocs()
	for b.Loop() {
		if n++; n > len(log) {
			n = 100_000
			r.update(log[:n], nil, nil, ada, client.Reset)
		}
		r.update(log[:n], nil, nil, ada, client.Appended)
	}
}

func BenchmarkRowsBounded(b *testing.B) {
	log := make(fakeLog, 300_000)
	for i := range log {
		log[i] = entry(int64(i+1), i, talk.KindPosted, ada, "")
	}
	r := NewRows(time.UTC)
	n := 100_000
	r.update(log[:n], nil, nil, ada, client.Reset)
	b.ReportAllocs()
	for b.Loop() {
		if n++; n > len(log) {
			n = 100_000
			r.update(log[:n], nil, nil, ada, client.Reset)
		}
		r.update(log[n-100_000:n], nil, nil, ada, client.Appended)
	}
}
