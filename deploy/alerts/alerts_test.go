//go:build integration

// Package alerts has the tests of what Prometheus and Grafana are given.
package alerts

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	rules     = "tuitalk.yml"
	unitTests = "tuitalk_test.yml"
	manual    = "../README.md"
	dashboard = "../dashboards/tuitalk.json"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestRules: Prometheus takes them, and they say what they are to say.
func TestRules(t *testing.T) {
	promtool(t, "check", "rules", rules)
	promtool(t, "test", "rules", unitTests)
}

var (
	anAlert   = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	aRecord   = regexp.MustCompile(`(?m)^ +- record: ([\w:]+)$`)
	aRunbook  = regexp.MustCompile(`(?m)^ +runbook: "(.+)"$`)
	inChapter = regexp.MustCompile(`README\.md, ([^.);]+)`)
	fires     = regexp.MustCompile(`alertname: (\w+)[^\n]*\n +eval_time: \w+\n +exp_alerts: \[\{exp_labels`)
)

// TestEachRuleIsTested: each alert fires in a unit test and is silent in another, and
// says what to do; a chapter of the manual that it names is there.
func TestEachRuleIsTested(t *testing.T) {
	text, tests, readme := read(t, rules), read(t, unitTests), read(t, manual)
	tested := map[string]bool{}
	for _, m := range fires.FindAllStringSubmatch(tests, -1) {
		tested[m[1]] = true
	}
	alerts := anAlert.FindAllStringSubmatch(text, -1)
	for _, m := range alerts {
		if !tested[m[1]] || !strings.Contains(tests, "alertname: "+m[1]+", eval_time") {
			t.Errorf("no unit test has %s fire, or none has it silent", m[1])
		}
	}
	for _, m := range aRecord.FindAllStringSubmatch(text, -1) {
		if strings.Count(text, m[1]) < 2 && !strings.Contains(tests, "expr: '"+m[1]+"'") {
			t.Errorf("nothing tests %s", m[1])
		}
	}
	runbooks := aRunbook.FindAllStringSubmatch(text, -1)
	if len(runbooks) != len(alerts) || len(alerts) < 13 {
		t.Errorf("%d alerts have %d runbook lines", len(alerts), len(runbooks))
	}
	for _, m := range runbooks {
		for _, c := range inChapter.FindAllStringSubmatch(m[1], -1) {
			if !strings.Contains(readme, "\n## "+c[1]+"\n") {
				t.Errorf("README.md has no chapter %q", c[1])
			}
		}
	}
}

// TestDashboardQueries: Prometheus understands each of them. promtool checks the
// expressions of rules, so each becomes one.
func TestDashboardQueries(t *testing.T) {
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, dashboard)), &board); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$instance", ".*", "$__rate_interval", "1m", "$__interval", "1m")
	var b strings.Builder
	b.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	n := 0
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			n++
			if strings.Contains(variables.Replace(target.Expr), "$") {
				t.Errorf("%s has a variable that is not known: %s", p.Title, target.Expr)
			}
			fmt.Fprintf(&b, "      - record: query:%d\n        expr: %q\n", n, variables.Replace(target.Expr))
		}
	}
	if n < 40 {
		t.Errorf("the dashboard has %d queries only", n)
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
