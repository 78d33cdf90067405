package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"tuitalk/bench/result"
)

//go:embed page.gohtml
var pageSource string

//go:embed page.css
var style string

//go:embed page.js
var script string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"coordinate": coordinate}).Parse(pageSource))

// page is what the template shows. Every text in it may come from outside: the
// template escapes them all, and only style and script are taken as they are.
type page struct {
	Title, Kicker string
	Lead          []string
	Style         template.CSS
	Script        template.JS
	Policy        string
	Banners       []banner
	Tiles         []tile
	Sections      []section
}

// banner is a sentence that must not be overlooked.
type banner struct{ Class, Head, Text string }

// tile is a figure at the top.
type tile struct {
	Name, Value, Unit string
	Note              string
	Class             string
}

// section is a part of the page.
type section struct {
	ID, Title, Lead string
	Plots           []plot
	Strips          []strip
	Table           *grid
	Facts           [][2]string
	Stories         []story
}

// story is what happened around a violation.
type story struct {
	Head  string
	Lines []string
}

// HTML writes r as one page that needs nothing else.
func HTML(w io.Writer, r *result.Result) error {
	return write(w, resultPage(r))
}

// CompareHTML writes c as one page that needs nothing else.
func CompareHTML(w io.Writer, c *result.Comparison) error {
	return write(w, comparePage(c))
}

func write(w io.Writer, p *page) error {
	p.Style, p.Script = template.CSS(style), template.JS(script)
	p.Policy = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src " + hash(style) + "; script-src " + hash(script)
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		return fmt.Errorf("make the report: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// hash lets the policy allow exactly one text.
func hash(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func resultPage(r *result.Result) *page {
	t := newTimeline(r)
	spans := t.marked(r)
	name := capital(result.Line(r.Kind))
	if r.Scenario.Name != "" && r.Scenario.Name != r.Kind {
		name += ": " + result.Line(r.Scenario.Name)
	}
	p := &page{
		Title: name, Kicker: "tuitalk-bench",
		Lead: []string{
			r.Started.UTC().Format("2 January 2006, 15:04 UTC"), result.Time(r.Length()) + " measured",
			result.Line(strings.Join(r.Target, ", ")),
		},
		Banners: banners(r), Tiles: tiles(r),
	}
	if t.seconds > 1 {
		p.Lead = append(p.Lead, fmt.Sprintf("a point of a plot is %d seconds", t.seconds))
	}
	for _, s := range sections(r, t, spans) {
		if !s.empty() {
			p.Sections = append(p.Sections, s)
		}
	}
	if len(r.Faults) > 0 {
		p.explain(keys(spans))
	}
	return p
}

// explain puts the key to the numbers of the faults below the first plot that has
// them.
func (p *page) explain(all []key) {
	for i := range p.Sections {
		for j := range p.Sections[i].Plots {
			if one := &p.Sections[i].Plots[j]; one.clock {
				one.Key = all
				return
			}
		}
	}
}

// sections are all parts of the page, in order, also those with nothing in them.
func sections(r *result.Result, t *timeline, spans []span) (all []section) {
	if len(r.Steps) > 0 {
		all = append(all, ramp(r))
	}
	if r.Bottleneck == "" {
		all = append(all, section{ID: "latencies", Title: "Latency", Plots: latencies(r, t, spans)})
	}
	if len(r.Faults) > 0 {
		all = append(all, faults(r))
	}
	if len(t.moments) > 0 {
		all = append(all,
			section{ID: "throughput", Title: "Throughput", Plots: t.throughput(spans)},
			section{ID: "lines", Title: "Connections", Plots: append(t.connections(spans), t.herd(spans))})
	}
	all = append(all, section{ID: "servers", Title: "Servers", Plots: t.servers(r, spans), Table: processes(r),
		Lead: "Watched from outside; CPU and memory each have one scale. The table has the median of the first, the middle and the last fifth of the measured time."})
	if len(t.moments) > 0 {
		all = append(all, section{ID: "generator", Title: "The generator itself", Plots: t.generator(spans),
			Lead: "A generator that lags measures itself. A loop that is busy most of the time, or a lag near the latencies above, would cast doubt on them."})
	}
	return append(all, troubles(r), verdict(r), conditions(r))
}

func (s *section) empty() bool {
	return len(s.Plots)+len(s.Strips)+len(s.Facts)+len(s.Stories) == 0 && (s.Table == nil || len(s.Table.Rows) == 0)
}

func latencies(r *result.Result, t *timeline, spans []span) (plots []plot) {
	if len(t.moments) > 0 {
		plots = append(plots, t.latency(spans))
	}
	if r.Whole.Latency.Count()+r.Whole.Service.Count()+r.Whole.Stored.Count() > 0 {
		plots = append(plots, curve(r))
	}
	return plots
}

// capital makes the first letter of a heading a capital one.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
