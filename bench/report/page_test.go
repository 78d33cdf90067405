package report

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/measure"
	"tuitalk/bench/result"
)

var keep = flag.String("keep", "", "write the pages of the tests into this `directory`, to look at them")

// render makes a page, looks at its structure, and keeps it if asked to.
func render(t *testing.T, name string, r *result.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return kept(t, name, b.String())
}

func kept(t *testing.T, name, html string) string {
	t.Helper()
	if *keep != "" {
		if err := os.WriteFile(filepath.Join(*keep, name+".html"), []byte(html), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sound(t, html)
	return html
}

func wants(t *testing.T, html string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

var faultPaths = regexp.MustCompile(`class="span fault[^"]*" d="([^"]*)"`)

func TestPageHasEverything(t *testing.T) {
	html := render(t, "chaos", demo(120))
	for _, id := range []string{"latency", "percentiles", "blackouts", "posts", "deliveries", "connections", "herd", "server-0-cpu",
		"server-4-rss", "generator-late", "generator-busy", "generator-cpu", "generator-rss"} {
		wants(t, html, `id="`+id+`"`)
	}
	for _, series := range []string{"p50", "p90", "p99", "max", "service", "stored", "intended", "posted", "delivered", "dialled", "joined", "lost", "gw-1", "gw-2", "gw-3"} {
		wants(t, html, "</i>"+series+"</span>")
	}
	for _, fault := range []string{"gateway-kill", "redis-all-kill", "postgres-kill", "gateway-freeze"} {
		wants(t, html, ">"+fault+"\n5,000 clients</td>", "<span>"+fault+"</span>")
	}
	wants(t, html, "Every promise was kept", "tuitalk-bench chaos -clients 15000", "clock of 10.0.0.2:7000", "AMD EPYC", "connection reset by peer", `<td data-label="process">gateway-1</td>`)
	drawn := 0
	for _, d := range faultPaths.FindAllStringSubmatch(html, -1) {
		drawn += strings.Count(d[1], "z")
	}
	if drawn < 4*10 {
		t.Errorf("faults are marked %d times, want 4 in every plot over time", drawn)
	}
}

func TestClocksThatDifferAreSaid(t *testing.T) {
	r := demo(10)
	r.ClockError = 0.5
	wants(t, render(t, "clocks", r), "clocks blur the latencies", "500 ms")
	r.ClockError = 0
	if strings.Contains(render(t, "clocks", r), "clocks blur the latencies") {
		t.Error("clocks are said to differ that do not")
	}
}

func TestRampPage(t *testing.T) {
	wants(t, render(t, "ramp", demoRamp()), "The knee is at 4,000 posts per second", "bound not held", "is above the bound", "Histories were not recorded")
}

// A ramp bisects, so rates are not tried in their order; and where the generator was
// late, there is no latency.
func TestARampIsDrawnByRate(t *testing.T) {
	r := demoRamp()
	r.Steps[1], r.Steps[4] = r.Steps[4], r.Steps[1]
	r.Steps[5].Sample.Late.Record(time.Second, 100)
	s := ramp(r)
	if p := s.Plots[0]; !slices.IsSorted(p.X) || math.IsNaN(p.Series[0].Y[4]) || !math.IsNaN(p.Series[0].Y[5]) {
		t.Errorf("rates %v, p50 %v", p.X, p.Series[0].Y)
	}
	if last := s.Table.Rows[5].Cells; last[0] != "6,000" || last[4] != "–" {
		t.Errorf("the last row is %q", last)
	}
}

func TestBrokenRunShowsNoLatencies(t *testing.T) {
	r := demoBroken()
	html := render(t, "broken", r)
	wants(t, html, "The generator was the bottleneck", "Its busiest loop worked 97%", "Promises were broken", "c17 was never shown 812 of room 3",
		"c3 is told: stored 0f3a2b11", "did not take hold")
	for _, id := range []string{"latency", "percentiles", "blackouts"} {
		if strings.Contains(html, `id="`+id+`"`) {
			t.Errorf("the page shows %s although the generator was the bottleneck", id)
		}
	}
	for _, p := range result.Percentiles {
		told := result.Took(r.Whole.Latency.At(p))
		number, unit, _ := strings.Cut(told, " ")
		for _, form := range []string{">" + told + "<", "p50 " + told, "max " + told, ">" + number + ` <span class="unit">` + unit} {
			if strings.Contains(html, form) {
				t.Errorf("the page tells the latency %s although the generator was the bottleneck", told)
			}
		}
	}
}

func TestWhatNeverCameIsShown(t *testing.T) {
	r := demo(30)
	if strings.Contains(render(t, "delivered", r), "Not everything was delivered") {
		t.Error("nothing is missing, and the page says otherwise")
	}
	r.Behind = result.Behind{Clients: 3, Messages: 4711}
	r.Faults[0].NotBack = 1234
	wants(t, render(t, "behind", r), "Not everything was delivered", "3 clients behind, 4,711 messages", `data-label="not back">1,234</td>`)
}

func TestComparePage(t *testing.T) {
	var b bytes.Buffer
	if err := CompareHTML(&b, demoComparison()); err != nil {
		t.Fatal(err)
	}
	html := kept(t, "compare", b.String())
	wants(t, html, "saturated at 141,000", "centrifuge-redis", "200,000", "Idle connections", "server pinned to CPU 0", "Deliveries per CPU-second", "a bare epoll loop")
	n := 0
	for _, d := range regexp.MustCompile(`class="beads c1" d="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		n += strings.Count(d[1], "h0")
	}
	if n != 2*(4*3+4*3+3) {
		t.Errorf("the first target has %d dots, want one for each repetition in both sizes", n)
	}
	b.Reset()
	if err := CompareHTML(&b, &result.Comparison{Tables: []result.Table{{Columns: []string{"a", "b"}, Rows: []result.Row{{Target: "x"}}}, {}}}); err != nil {
		t.Fatal(err)
	}
	sound(t, b.String())
}

func TestExtremePages(t *testing.T) {
	many := demo(2)
	for len(many.Seconds) < 10_000 {
		s := many.Seconds[len(many.Seconds)%7]
		s.At = many.Seconds[len(many.Seconds)-1].At + 1
		many.Seconds = append(many.Seconds, s)
	}
	many.Measured[1] = many.Measured[0] + 9_990
	html := render(t, "long", many)
	if n := strings.Count(html, "<tr data-at"); n > 20*mostMoments {
		t.Errorf("%d rows: a long run is not thinned out", n)
	}
	wants(t, html, "a point of a plot is 34 seconds", "2:00:00")

	one := demo(1)
	one.Seconds, one.Faults, one.Servers = one.Seconds[10:11], one.Faults[:1], nil
	wants(t, render(t, "one", one), "<circle")

	silent := demo(20)
	for i := range silent.Seconds {
		s := &silent.Seconds[i]
		*s = measure.Sample{At: s.At}
	}
	silent.Whole = measure.Sample{}
	wants(t, render(t, "silent", silent), "nothing was delivered")

	render(t, "empty", &result.Result{})
	render(t, "empty-checked", &result.Result{Checked: &checker.Report{Unsound: []string{"a recording was cut off"}}, Faults: []result.Fault{{}}, Steps: []result.Step{{}}, Servers: []result.Server{{}}})
	render(t, "huge", huge())
}

// huge has the greatest values that can be, and some that cannot.
func huge() *result.Result {
	r := demo(5)
	for i := range r.Seconds {
		s := &r.Seconds[i]
		s.Delivered, s.Intended, s.Dialled = math.MaxInt64/20_000, 1e15, 1e12
		s.Latency.Record(time.Hour, 1e6)
		s.Self = measure.Self{CPU: 1e9, Busy: 1e3, RSS: math.MaxInt64, Files: math.MaxInt, MaxOpen: 1}
		s.Nodes = map[string]int{}
		for n := range 40 {
			s.Nodes[fmt.Sprintf("gateway-%d", n)] = 1e9
		}
	}
	r.Servers[0].CPU = []result.Point{{At: math.MaxInt32, Value: 1e300}, {At: 0, Value: -5}, {At: 1, Value: math.Inf(1)}, {At: 1, Value: math.NaN()}}
	r.Faults[0].Blackout = result.Dist{Count: 1, P50: 1e12, P99: math.Inf(1), Max: math.NaN(), Curve: []float64{0, -1, math.NaN(), 1e12}}
	r.Faults[1].At, r.Faults[1].Over = time.Unix(1<<40, 0), time.Time{}
	return r
}

func TestTextsFromOutsideAreEscaped(t *testing.T) {
	const evil = `<script>alert("x")</script><b onclick='y'>` + "\x1b[31m\u202e&"
	r := demo(5)
	r.Command, r.Kind, r.Build, r.Target, r.Scenario.Name, r.Machine.Model = evil, evil, evil, []string{evil}, evil, evil
	r.Servers[0].Name, r.Faults[0].What, r.Faults[0].Evidence, r.Faults[0].Held = evil, evil, evil, false
	r.Clocks[0].Worker = evil
	r.Whole.Errors = map[string]int64{evil: 1}
	for i := range r.Seconds {
		r.Seconds[i].Nodes = map[string]int{evil: 1}
	}
	r.Checked.Counts = map[checker.Kind]int{checker.Lost: 1}
	r.Checked.Violations = []checker.Violation{{Kind: checker.Lost, What: evil, Story: []string{evil}}}
	html := render(t, "evil", r)
	r.Bottleneck = evil
	html += render(t, "evil-bottleneck", r)
	c := demoComparison()
	c.Setting, c.Command, c.Build = evil, evil, evil
	c.Targets[0] = result.Target{Name: evil, What: evil, Build: evil}
	t0 := &c.Tables[0]
	t0.Title, t0.Unit, t0.What, t0.Columns[0], t0.Rows[0].Target = evil, evil, evil, evil, evil
	t0.Rows[1].Cells[0] = result.Cell{Note: evil}
	var b bytes.Buffer
	if err := CompareHTML(&b, c); err != nil {
		t.Fatal(err)
	}
	html += kept(t, "evil-compare", b.String())
	for _, bad := range []string{"<b onclick", "alert(\"x", "\x1b", "\u202e"} {
		if at := strings.Index(html, bad); at >= 0 {
			t.Errorf("a text from outside is in the page as it came: %q", html[max(0, at-100):at+40])
		}
	}
}
