package result

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"tuitalk/talk"
)

// The form that CI servers read.
type (
	junitSuites struct {
		XMLName xml.Name   `xml:"testsuites"`
		Suite   junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      float64     `xml:"time,attr"` // seconds
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string    `xml:"classname,attr"`
		Name    string    `xml:"name,attr"`
		Time    float64   `xml:"time,attr"` // seconds
		Failure *junitWhy `xml:"failure"`
		Skipped *junitWhy `xml:"skipped"`
		Out     string    `xml:"system-out,omitempty"`
	}
	junitWhy struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes checks as the XML that CI servers read, one testcase for each.
func (r *Result) JUnit(w io.Writer, checks []Check) error {
	return writeJUnit(w, "tuitalk-bench "+r.Kind, r.Started, r.Length(), checks, r.story)
}

// writeJUnit writes one suite; story is what there is to tell of a failed check.
func writeJUnit(w io.Writer, name string, started time.Time, seconds float64, checks []Check, story func(Check) string) error {
	suite := junitSuite{Name: name, Tests: len(checks), Time: seconds, Timestamp: started.UTC().Format(time.RFC3339)}
	for _, c := range checks {
		one := junitCase{Class: suite.Name, Name: c.Name}
		switch {
		case c.Skipped:
			suite.Skipped++
			one.Skipped = &junitWhy{Message: c.Why}
		case c.Passed:
			one.Out = c.Why
		default:
			suite.Failures++
			one.Failure = &junitWhy{Message: c.Why, Text: story(c)}
		}
		suite.Cases = append(suite.Cases, one)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(junitSuites{Suite: suite}); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit: %w", err)
	}
	return nil
}

// story is what there is to tell beyond the sentence of a failed check.
func (r *Result) story(c Check) string {
	if c.Name != r.kept().Name || r.Checked == nil {
		return c.Why
	}
	lines := strings.Split(strings.TrimSpace(r.Checked.String()), "\n")
	for i := range lines {
		lines[i] = talk.CleanText(lines[i])
	}
	return strings.Join(lines, "\n")
}
