package checker

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tuitalk/talk"
)

// How much of what happened around a violation its story tells.
const (
	linesBefore = 4
	linesAfter  = 1
	lookAround  = 50_000 // events, to find those of the client
)

// line is one line of a story.
type line struct {
	at   int64
	text string
}

// tell writes the stories of the violations that were kept.
func (c *check) tell() {
	for k := Lost; k <= lastKind; k++ {
		for _, f := range c.kept[k] {
			f.Story = c.story(&f)
			c.report.Violations = append(c.report.Violations, f.Violation)
		}
	}
}

// story tells what the author said and heard of the entry, what the client did
// around the event, and which fault was nearest.
func (c *check) story(f *finding) []string {
	seen := map[place]bool{}
	var lines []line
	add := func(p place) {
		if p.event >= 0 && !seen[p] {
			seen[p] = true
			lines = append(lines, c.line(p))
		}
	}
	if f.send >= 0 {
		add(c.sends[f.send].place)
		add(c.sends[f.send].turned)
		add(c.sends[f.send].answered)
	}
	c.around(f.at, add)
	if r := c.room(f.Room); f.Seq > 0 {
		for seq := f.Seq - 1; seq <= f.Seq+1; seq++ {
			if i, ok := r.find(seq); ok && f.Client == "" {
				add(r.places[i])
			}
		}
	}
	at := c.event(f.at).At + c.recordings[f.at.recording].Offset.Microseconds()
	if l, ok := c.nearestFault(at); ok {
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	story := make([]string, len(lines))
	for i, l := range lines {
		story[i] = c.clock(l.at) + "  " + l.text
	}
	return story
}

// around adds the events of the same client next to p, and p.
func (c *check) around(p place, add func(place)) {
	client := c.event(p).Client
	if client < 0 {
		add(p)
		return
	}
	events := c.recordings[p.recording].Events
	before := []place{}
	for i := int(p.event) - 1; i >= max(0, int(p.event)-lookAround) && len(before) < linesBefore; i-- {
		if events[i].Client == client {
			before = append(before, place{p.recording, int32(i)})
		}
	}
	slices.Reverse(before)
	for _, b := range before {
		add(b)
	}
	add(p)
	after := 0
	for i := int(p.event) + 1; i < min(len(events), int(p.event)+lookAround) && after < linesAfter; i++ {
		if events[i].Client == client {
			add(place{p.recording, int32(i)})
			after++
		}
	}
}

// flagged is what the flag of an event adds to its words.
var flagged = map[Verb]string{
	Refused:   " for good",
	Restarted: ", since the server leaves entries out",
	Asked:     ", for its history",
	Dropped:   ": it hung up",
	Heard:     ", on its way to another room",
	Leaked:    ", or rather to none",
	Listed:    ", as it shows them",
}

// line tells one event.
func (c *check) line(p place) line {
	e := c.event(p)
	says := verbs[e.Verb].says
	entry := ""
	if strings.Contains(says, "%e") {
		entry = entryText(c.entry(p))
	}
	says = strings.NewReplacer(
		"%e", entry, "%i", shortID(e.ID), "%r", strconv.Itoa(int(e.Room)), "%s", strconv.FormatInt(e.Seq, 10),
		"%n", strconv.Itoa(e.Number()), "%u", strconv.FormatUint(e.UnixTime(), 10),
	).Replace(says)
	switch {
	case e.Verb == Down:
		says += fmt.Sprintf(", on which nothing had come for %v", time.Duration(e.Seq)*time.Microsecond)
	case e.Verb == Ended && !e.Flag:
		says += ", not where it wants to be"
	case e.Flag:
		says += flagged[e.Verb]
	}
	if s := c.seat(p); s != nil {
		says = s.label + " " + says
	}
	return line{e.At + c.recordings[p.recording].Offset.Microseconds(), talk.CleanText(says)}
}

// entryText tells an entry in a few words.
func entryText(e *Entry) string {
	what := map[talk.Kind]string{
		talk.KindJoined: "joined", talk.KindLeft: "left", talk.KindRenamed: "renamed", talk.KindPosted: "message",
	}[e.Kind]
	which, id := fmt.Sprint(e.Seq), " "+shortID(e.ID)
	if e.Seq == 0 && e.ID.IsZero() {
		which, id = "something", "" // it is known by its content
	}
	return fmt.Sprintf("%s of room %d (%s%s by %s, text %08x, name %08x, time %d)",
		which, e.Room, what, id, shortID(e.Author), e.Text>>32, e.Name>>32, e.UnixTime)
}

// shortID is enough of an id to find it.
func shortID(id talk.UUID) string { return id.String()[:8] }

// nearestFault is the last fault that began before, else the first one.
func (c *check) nearestFault(at int64) (line, bool) {
	if len(c.faults) == 0 {
		return line{}, false
	}
	near := 0
	for i := range c.faults {
		if c.faults[i].from <= at {
			near = i
		}
	}
	w := &c.faults[near]
	text := fmt.Sprintf("FAULT %d: %s (held: %t, %s)", near+1, w.What, w.Held, w.Evidence)
	if w.Over != 0 {
		text += ", over at " + c.clock(w.Over)
	}
	return line{w.from, talk.CleanText(text)}, true
}

// clock is a time since the first thing that was recorded.
func (c *check) clock(at int64) string {
	return fmt.Sprintf("%+12.6f s", float64(at-c.began)/1e6)
}
