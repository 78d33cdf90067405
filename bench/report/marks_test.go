package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

// calm is a run of five minutes; whoever takes it copies it.
var calm = sync.OnceValue(func() *result.Result { return demo(300) })

// many is a run with so many faults, the last of which follow each other closely.
func many(n int) *result.Result {
	copied := *calm()
	r := &copied
	r.Faults = nil
	for i := range n {
		at := r.Started.Add(10*time.Second + time.Duration(i)*11*time.Second)
		if n > 4 && i > n-4 {
			at = at.Add(time.Duration(n-4-i) * 7 * time.Second)
		}
		r.Faults = append(r.Faults, result.Fault{What: fmt.Sprintf("break-part-%d", i+1), Held: true, At: at, Over: at.Add(2 * time.Second)})
	}
	return r
}

func labelsOf(d *drawing) (all []text) {
	for _, l := range d.Texts {
		if strings.HasPrefix(l.Class, "mark") {
			all = append(all, l)
		}
	}
	return all
}

func TestTheMarksOfManyFaultsCanBeRead(t *testing.T) {
	for _, n := range []int{1, 3, 26} {
		r := many(n)
		tl := newTimeline(r)
		p := tl.latency(tl.marked(r))
		for _, d := range p.Drawings() {
			labels := labelsOf(&d)
			if len(labels) < n && d.Size == wide.name {
				t.Errorf("%d faults have %d labels", n, len(labels))
			}
			for i, a := range labels {
				if a.X < 0 || a.X+textWidth(a.Text) > d.W+1 || a.Y > d.Top || a.Y < 9 {
					t.Errorf("%s: the label %q leaves its place: %+v", d.Size, a.Text, a)
				}
				for _, b := range labels[i+1:] {
					if a.Y == b.Y && a.X < b.X+textWidth(b.Text) && b.X < a.X+textWidth(a.Text) {
						t.Errorf("%s: the labels %q and %q are in each other", d.Size, a.Text, b.Text)
					}
				}
			}
		}
	}
	few := many(2)
	tl := newTimeline(few)
	p := tl.latency(tl.marked(few))
	if d := p.draw(wide); labelsOf(&d)[0].Text != "1 break-part-1" {
		t.Errorf("there is room for names, and it says %q", labelsOf(&d)[0].Text)
	}
	some := many(26)
	tl = newTimeline(some)
	for _, p := range tl.generator(tl.marked(some)) {
		if d := p.draw(small); len(labelsOf(&d)) > 0 {
			t.Errorf("a small plot has %d of 26 labels", len(labelsOf(&d)))
		}
	}
}

func TestTheKeyNamesEveryFaultOnce(t *testing.T) {
	html := render(t, "many", many(26))
	for i := range 26 {
		want := fmt.Sprintf("<b>%d</b> <span>break-part-%d</span> <time>", i+1, i+1)
		if n := strings.Count(html, want); n != 1 {
			t.Errorf("%q is there %d times", want, n)
		}
	}
	wants(t, html, `data-low="-10" data-high="305"`)
	broken := many(2)
	broken.Bottleneck = "it was busy"
	wants(t, render(t, "many-broken", broken), "<span>break-part-2</span>")
}

func TestSilenceIsMarked(t *testing.T) {
	r := demo(60)
	for i := 20; i < 30; i++ { // the run begins 10 s before the measured part
		s := &r.Seconds[i]
		s.Delivered, s.Latency = 0, measure.Hist{}
	}
	r.Seconds[45].Delivered, r.Seconds[45].Intended = 0, 0 // nothing was due
	tl := newTimeline(r)
	p := tl.latency(nil)
	if len(p.Silent) != 1 || p.Silent[0] != (stretch{10, 20}) {
		t.Errorf("silent is %v, want 10 s to 20 s", p.Silent)
	}
	wants(t, render(t, "silence", r), `class="silent"`, "none was stored and shown")
}

// While a process is gone, there is nothing to draw.
func TestAProcessThatIsGoneLeavesAGap(t *testing.T) {
	r := demo(60)
	cpu := r.Servers[0].CPU
	r.Servers[0].CPU = slices.Concat(cpu[:20], cpu[40:])
	tl := newTimeline(r)
	p := tl.servers(r, nil)[0]
	if n := len(p.X); n != 41 || !math.IsNaN(p.Series[0].Y[20]) || p.X[20] < 19 || p.X[20] > 40 || math.IsNaN(p.Series[0].Y[21]) {
		t.Errorf("%d points, x %v, y %v", n, p.X[18:23], p.Series[0].Y[18:23])
	}
}

func TestTheFloorIsTheReference(t *testing.T) {
	c := demoComparison()
	p := comparePage(c)
	values := p.Sections[0].Strips[0]
	for _, row := range values.Rows {
		if row.Group != "" && row.Level != result.Median(c.Tables[0].Cell(4, 0).Values) && row.Group == "20,000 deliveries/s" {
			t.Errorf("the level is %v", row.Level)
		}
		if row.Note != "" && (!row.Bad || !strings.HasPrefix(row.Note, "saturated at ")) {
			t.Errorf("a saturated cell is %+v", row)
		}
	}
	d := values.draw(wide)
	level, stop := 0, 0
	for _, r := range d.Rules {
		switch r.Class {
		case "level":
			level++
		case "stop":
			stop++
		}
	}
	if level != 20 || stop != 3 {
		t.Errorf("%d rows have the floor as reference, want 20; %d are marked as saturated, want 3", level, stop)
	}
	for _, c := range []struct {
		part, whole float64
		want        string
	}{{50, 100, "50%"}, {100, 100, "100%"}, {1530, 100, "15.3 ×"}, {5, 0, "–"}, {-5, 10, "–"}} {
		if got := share(c.part, c.whole); got != c.want {
			t.Errorf("share(%v, %v): %s, want %s", c.part, c.whole, got, c.want)
		}
	}
}

func TestAnIncompleteComparisonSaysSo(t *testing.T) {
	c := demoComparison()
	c.Incomplete = "interrupted in trial 3 of 40"
	var b strings.Builder
	if err := CompareHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	wants(t, kept(t, "incomplete", b.String()), "Not everything was measured", "Interrupted in trial 3 of 40.")
}
