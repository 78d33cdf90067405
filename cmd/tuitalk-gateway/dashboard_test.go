package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/fanout/fanouttest"
	"tuitalk/fanout/redisbus"
	"tuitalk/gateway"
	"tuitalk/talk"
)

var (
	metricName  = regexp.MustCompile(`\b(?:tuitalk|process|go)_[a-z_]+\b`)
	fqName      = regexp.MustCompile(`fqName: "([^"]+)"`)
	labelValue  = regexp.MustCompile(`\b(tuitalk_[a-z_]+)\{[^}]*\b(how|result|kind|source|level|who)="([a-z_]+)"`)
	histogramOf = strings.NewReplacer("_bucket", "", "_sum", "", "_count", "")
)

// fullRegistry has the metrics of a gateway in a fleet. Nothing of it is connected.
func fullRegistry(t *testing.T) *prometheus.Registry {
	t.Helper()
	registry := newRegistry()
	out, limiter, was := newLineWriter(io.Discard, lineBuffer), newLogLimiter(), slog.Default()
	newLogger(&config{}, out, limiter, registry)
	t.Cleanup(func() {
		slog.SetDefault(was)
		limiter.stop()
		out.close(time.Minute)
	})
	o := gateway.Defaults()
	o.ID, o.Metrics = talk.UUID{1}, registry
	if _, err := gateway.New(o, nil); err != nil {
		t.Fatal(err)
	}
	b, err := redisbus.ParseURL("redis://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	b.Registerer, b.StartWait = registry, time.Millisecond
	bus, err := redisbus.Open(t.Context(), b, fanouttest.NewRecorder())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bus.Close(); err != nil {
			t.Error(err)
		}
	})
	return registry
}

func namesOf(registry *prometheus.Registry) map[string]bool {
	descs := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(descs)
		close(descs)
	}()
	names := map[string]bool{}
	for d := range descs {
		if m := fqName.FindStringSubmatch(d.String()); m != nil {
			names[m[1]] = true
		}
	}
	return names
}

const (
	dashboard = "../../deploy/dashboards/tuitalk.json"
	manual    = "../../deploy/README.md"
	alerts    = "../../deploy/alerts/tuitalk.yml"
)

// leftOut are our metrics that a file does not name, and why not.
var leftOut = map[string]map[string]string{
	manual: {
		"tuitalk_bus_spool_depth": "tuitalk_spool_entries is the same, as the gateway heard it",
	},
	dashboard: {
		"tuitalk_bus_spool_depth":            "tuitalk_spool_entries is the same, as the gateway heard it",
		"tuitalk_heads_behind_entries_total": "the panel shows the gauge: what was behind at each comparison",
	},
}

// namedIn returns the metrics that a file names: the manual in its chapter of them.
func namedIn(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if file == manual {
		_, chapter, found := strings.Cut(text, "## What to watch")
		if !found {
			t.Fatalf("%s has no such chapter", file)
		}
		text, _, _ = strings.Cut(chapter, "\n## ")
	}
	return metricName.FindAllString(text, -1)
}

// TestDashboardAndManualNameWhatThereIs: every metric that the dashboard, the alerts
// and the operators' manual name is there.
func TestDashboardAndManualNameWhatThereIs(t *testing.T) {
	names := namesOf(fullRegistry(t))
	for file, least := range map[string]int{dashboard: 20, manual: 20, alerts: 12} {
		found := namedIn(t, file)
		if len(found) < least {
			t.Errorf("%s names %d metrics only", file, len(found))
		}
		for _, name := range found {
			if !names[name] && !names[histogramOf.Replace(name)] {
				t.Errorf("%s names %s, which is not there", file, name)
			}
		}
	}
}

// TestDashboardAndManualNameAllThereIs: every metric of ours is in both, but for
// those that are left out for a reason.
func TestDashboardAndManualNameAllThereIs(t *testing.T) {
	names := namesOf(fullRegistry(t))
	for _, file := range []string{dashboard, manual} {
		found := map[string]bool{}
		for _, name := range namedIn(t, file) {
			found[name], found[histogramOf.Replace(name)] = true, true
		}
		for name := range names {
			why := leftOut[file][name]
			switch ours := strings.HasPrefix(name, "tuitalk_"); {
			case ours && !found[name] && why == "":
				t.Errorf("%s does not name %s", file, name)
			case found[name] && why != "":
				t.Errorf("%s names %s, which is said to be left out", file, name)
			}
		}
		for name := range leftOut[file] {
			if !names[name] {
				t.Errorf("%s is said to be left out of %s, and is not there", name, file)
			}
		}
	}
}

// TestDashboardLabels: a label value that is never there makes an empty panel.
func TestDashboardLabels(t *testing.T) {
	registry := fullRegistry(t)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				there[f.GetName()+" "+l.GetName()+" "+l.GetValue()] = true
			}
		}
	}
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, m := range labelValue.FindAllStringSubmatch(target.Expr, -1) {
				checked++
				if !there[m[1]+" "+m[2]+" "+m[3]] {
					t.Errorf("panel %q asks for %s of %s, which is not there", p.Title, m[3], m[1])
				}
			}
		}
	}
	if checked < 3 {
		t.Errorf("%d label values were checked only", checked)
	}
}
