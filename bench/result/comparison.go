package result

import (
	"slices"
	"time"
)

// ComparisonVersion is the form of a Comparison that this program reads and writes.
const ComparisonVersion = 1

// Comparison is what several targets did under the same loads, one after the
// other and again (A B A B), so that what else the machine does hits them all.
type Comparison struct {
	Version int       `json:"version"` // of this form: ComparisonVersion
	Command string    `json:"command"` // as entered, without secrets
	Build   string    `json:"build"`   // of the generator: version and commit
	Machine Machine   `json:"machine"`
	Started time.Time `json:"started"`
	Setting string    `json:"setting,omitempty"` // what went where: "server pinned to CPU 0, generator to CPU 1"

	Incomplete string `json:"incomplete,omitempty"` // a sentence: what kept it from its end; "": it came there

	Targets []Target `json:"targets,omitempty"` // in the order in which they are shown
	Tables  []Table  `json:"tables"`
}

// Floor is the name of the target that is the reference: it does the least that
// any server must do.
const Floor = "floor"

// Target is a server that was compared.
type Target struct {
	Name  string `json:"name"`
	What  string `json:"what"` // a sentence: what it is, and how it is set
	Build string `json:"build,omitempty"`
}

// Table is one question, asked of every target under every load.
type Table struct {
	Title   string   `json:"title"`
	Unit    string   `json:"unit"`           // of Cell.Values, as in "deliveries per CPU-second"
	What    string   `json:"what,omitempty"` // a sentence: how it was measured
	Better  Better   `json:"better,omitempty"`
	Columns []string `json:"columns"` // loads
	Rows    []Row    `json:"rows"`    // one per target
}

// Better says which way is good.
type Better string

const (
	More Better = "more"
	Less Better = "less"
)

// Row is what one target did under each of the loads.
type Row struct {
	Target string `json:"target"`
	Cells  []Cell `json:"cells"` // one per column
}

// Cell is one target under one load. Its slices have one value per repetition.
type Cell struct {
	Values []float64 `json:"values,omitempty"` // in the table's unit
	// Saturated is more than 0 if the load was not reached: so much was, in the
	// unit of the load. The other figures are then not those of the load, and
	// are not shown as such.
	Saturated float64   `json:"saturated,omitempty"`
	Note      string    `json:"note,omitempty"` // why there is no value, or what to know about it
	P50       []float64 `json:"p50,omitempty"`  // latency, seconds
	P99       []float64 `json:"p99,omitempty"`
}

// Median is the middle of the values, 0 if there are none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Timed reports whether any cell has latencies.
func (t *Table) Timed() bool {
	for _, r := range t.Rows {
		for _, c := range r.Cells {
			if len(c.P50) > 0 || len(c.P99) > 0 {
				return true
			}
		}
	}
	return false
}

// Cell is that of a row under a column; the zero Cell if there is none.
func (t *Table) Cell(row, column int) Cell {
	if row < len(t.Rows) && column < len(t.Rows[row].Cells) {
		return t.Rows[row].Cells[column]
	}
	return Cell{}
}
