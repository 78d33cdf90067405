package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

var reportAgain = &command{
	name: "report",
	line: "read the JSON of a run again: summary, HTML, JUnit, Markdown",
	about: `tuitalk-bench report reads what -json has written, of a run or of a comparison, and
makes reports of it again, also against other bounds. So it does of what attack has
written; what must hold of that is said to attack.

    tuitalk-bench report run.json
    tuitalk-bench report run.json -html run.html -max-p99 20ms
    tuitalk-bench report one.json two.json -markdown -      a table, a row for each`,
	files: true,
	open:  openReport,
}

// rereading is what the flags of report say.
type rereading struct {
	html, junit, markdown string
	small                 string
	noColor               bool
	limits                result.Thresholds
}

func openReport(self *command) (*form, func(*call) error, error) {
	f, s := newForm(self), &rereading{}
	f.StringVar(&s.html, "html", "", "write a report with plots to a `FILE`, which needs nothing else")
	f.StringVar(&s.junit, "junit", "", "write what held and what did not to a `FILE`, for CI servers")
	f.StringVar(&s.markdown, "markdown", "", "write tables to a `FILE` as Markdown, - for the output instead of the summary")
	f.StringVar(&s.small, "small", "", "write the result of a run again, about half as large, to a `FILE` of which reports are the same")
	f.BoolVar(&s.noColor, "no-color", false, "no colours; nor are there any if NO_COLOR is set or the output is no terminal")
	f.thresholds(&s.limits)
	f.group("What is made", "html", "junit", "markdown", "small", "no-color")
	f.group("What must hold, or the exit status is 1", "max-p50", "max-p99", "max-latency",
		"max-blackout-p99", "min-delivered", "max-lost", "max-duplicated", "max-reordered")
	return f, s.tell, nil
}

func (s *rereading) tell(c *call) error {
	names := c.files
	switch {
	case len(names) == 0:
		return usage{errors.New("name a file that -json has written, in front of the flags")}
	case len(names) > 1 && s.markdown == "":
		return usage{errors.New("several files go into one table only: add -markdown")}
	}
	if len(names) == 1 {
		found, err := readFile(names[0], result.ReadComparison)
		if err == nil && len(found.Tables) > 0 {
			return s.tellComparison(c, found)
		}
		attacks, err := readFile(names[0], result.ReadAttacks)
		if err == nil && len(attacks.Attacks) > 0 {
			return s.tellAttacks(c, attacks)
		}
	}
	var runs []*result.Result
	for _, name := range names {
		r, err := readFile(name, result.Read)
		if err != nil {
			return err
		}
		runs = append(runs, r)
	}
	if len(runs) > 1 {
		return s.table(c, runs)
	}
	return s.tellRun(c, runs[0])
}

func readFile[R any](name string, read func(io.Reader) (*R, error)) (*R, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func (s *rereading) tellRun(c *call, r *result.Result) error {
	checks := r.Check(s.limits)
	err := writeFiles([]output{
		{s.html, func(w io.Writer) error { return report.HTML(w, r) }},
		{s.junit, func(w io.Writer) error { return r.JUnit(w, checks) }},
		{s.small, r.Small().Write},
	})
	if err != nil {
		return err
	}
	if s.markdown != "" {
		if err := s.table(c, []*result.Result{r}); err != nil {
			return err
		}
	}
	if s.markdown != "-" {
		if err := r.Summary(c.stdout, !s.noColor && colored(c.stdout)); err != nil {
			return err
		}
	}
	return judge(c.stdout, checks)
}

// table writes runs as Markdown, with their faults.
func (s *rereading) table(c *call, runs []*result.Result) error {
	write := func(w io.Writer) error {
		err := result.LoadMarkdown(w, runs...)
		for _, r := range runs {
			if len(r.Faults) > 0 {
				err = errors.Join(err, r.FaultsMarkdown(w))
			}
		}
		return err
	}
	return s.asMarkdown(c, write)
}

func (s *rereading) asMarkdown(c *call, write func(io.Writer) error) error {
	if s.markdown == "-" {
		return write(c.stdout)
	}
	return writeFile(s.markdown, write)
}

func (s *rereading) tellComparison(c *call, found *result.Comparison) error {
	if s.junit != "" || s.small != "" {
		return usage{errors.New("-junit and -small are for runs, and this is a comparison")}
	}
	if err := s.asMarkdown(c, found.Markdown); err != nil {
		return err
	}
	files := []output{{s.html, func(w io.Writer) error { return report.CompareHTML(w, found) }}}
	if s.markdown == "-" {
		return writeFiles(files)
	}
	return tellComparison(c, found, !s.noColor, files)
}

// tellAttacks reads a run of attacks again, with the checks that are always made.
func (s *rereading) tellAttacks(c *call, found *result.Attacks) error {
	if s.small != "" {
		return usage{errors.New("-small is for runs, and these are attacks")}
	}
	files := attackFiles{html: s.html, junit: s.junit, markdown: s.markdown}
	if s.markdown == "-" {
		return found.Markdown(c.stdout)
	}
	return tellAttacks(c, found, found.Check(result.AttackThresholds{}), !s.noColor, files)
}
