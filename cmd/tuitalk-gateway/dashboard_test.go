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
	"github.com/prometheus/client_golang/prometheus/collectors"

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
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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

// TestDashboardAndManualNameWhatThereIs: every metric, and every label value, that
// the dashboard, the alerts and the operators' manual name is there.
func TestDashboardAndManualNameWhatThereIs(t *testing.T) {
	registry := fullRegistry(t)
	names := namesOf(registry)
	for file, least := range map[string]int{"../../deploy/dashboards/tuitalk.json": 20, "../../deploy/README.md": 20, "../../deploy/alerts/tuitalk.yml": 12} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, watch, _ := strings.Cut(string(text), "## What to watch") // the manual's chapter
		watch, _, _ = strings.Cut(watch, "\n## ")
		if !strings.HasSuffix(file, ".md") {
			watch = string(text)
		}
		found := metricName.FindAllString(watch, -1)
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
	text, err := os.ReadFile("../../deploy/dashboards/tuitalk.json")
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
