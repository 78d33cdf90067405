package result

import (
	"fmt"
	"strings"
)

// What is no growth, however small a process is.
const (
	leastMemory = 16 << 20 // bytes
	leastCount  = 64       // files, and goroutines
)

// drift is how something stood in the first, the middle and the last fifth of the
// measured time, in the median: what goes up and down, as memory does with a garbage
// collector, is judged by its middle.
type drift struct{ first, middle, last float64 }

// driftOf is not known if there are too few points.
func driftOf(points []Point, measured [2]int64) (d drift, known bool) {
	var values []float64
	for _, p := range points {
		if p.At >= measured[0] && p.At < measured[1] {
			values = append(values, p.Value)
		}
	}
	fifth := len(values) / 5
	if fifth < 1 {
		return d, false
	}
	middle := (len(values) - fifth) / 2
	return drift{Median(values[:fifth]), Median(values[middle : middle+fifth]), Median(values[len(values)-fifth:])}, true
}

// text is one figure if it stayed as it was. Whether it still grows in the end is
// seen by the one in the middle.
func (d drift) text(unit func(float64) string) string {
	all := []string{unit(d.first), unit(d.middle), unit(d.last)}
	if all[0] == all[1] && all[1] == all[2] {
		return all[2]
	}
	for i := range all[:2] { // a unit once, if it is the same
		if number, of, _ := strings.Cut(all[i], " "); of != "" && strings.HasSuffix(all[2], " "+of) {
			all[i] = number
		}
	}
	return strings.Join(all, " → ")
}

// Growth holds what the target's processes have taken against a bound: the memory,
// open files and goroutines of the last fifth of the measured time against those of
// the first, and most is the share by which they may have grown.
func (r *Result) Growth(most float64) []Check {
	if len(r.Servers) == 0 {
		return []Check{{Name: "memory", Why: "no process of the target was watched (-watch or -cluster)"}}
	}
	var checks []Check
	for _, s := range r.Servers {
		checks = append(checks, r.growth("memory of "+s.Name, s.RSS, most, leastMemory, Bytes))
		if len(s.Files) > 0 {
			checks = append(checks, r.growth("open files of "+s.Name, s.Files, most, leastCount, Number))
		}
		if len(s.Goroutines) > 0 {
			checks = append(checks, r.growth("goroutines of "+s.Name, s.Goroutines, most, leastCount, Number))
		}
	}
	return checks
}

func (r *Result) growth(name string, points []Point, most, least float64, unit func(float64) string) Check {
	d, known := driftOf(points, r.Measured)
	if !known {
		return Check{Name: name, Why: "it was not seen long enough to tell"}
	}
	return Check{
		Name: name, Passed: d.last <= d.first*(1+most) || d.last-d.first <= least,
		Why: fmt.Sprintf("%s at the beginning, %s at the end; it may grow by %s%% or %s", unit(d.first), unit(d.last), Number(100*most), unit(least)),
	}
}

// processes tells what the processes of the target have taken.
func (s *summary) processes() {
	if rows := s.r.Processes(); len(rows) > 1 {
		s.title("Processes, in the first, the middle and the last fifth of the time")
		s.table(rows)
	}
}

// Processes are a table of what the processes of the target have taken, the first row
// its head: in the first, the middle and the last fifth of the measured time.
func (r *Result) Processes() [][]string {
	rows := [][]string{{"process", "CPUs", "memory", "files", "goroutines"}}
	for i := range r.Servers {
		server := &r.Servers[i]
		row := []string{Line(server.Name)}
		for _, of := range []struct {
			points []Point
			unit   func(float64) string
		}{{server.CPU, Number}, {server.RSS, Bytes}, {server.Files, Number}, {server.Goroutines, Number}} {
			text := "–"
			if d, known := driftOf(of.points, r.Measured); known {
				text = d.text(of.unit)
			}
			row = append(row, text)
		}
		rows = append(rows, row)
	}
	return rows
}
