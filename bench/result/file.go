package result

import (
	"errors"
	"fmt"
	"io"
	"slices"

	json "github.com/goccy/go-json"

	"tuitalk/bench/measure"
)

// Version is the form of a Result that this program reads and writes.
const Version = 1

// Write writes r as JSON, in the present form.
func (r *Result) Write(w io.Writer) error {
	r.Version = Version
	return write(w, "result", r)
}

// Write writes c as JSON, in the present form.
func (c *Comparison) Write(w io.Writer) error {
	c.Version = ComparisonVersion
	return write(w, "comparison", c)
}

func write(w io.Writer, what string, v any) error {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return fmt.Errorf("write the %s: %w", what, err)
	}
	return nil
}

// Read reads a Result that Write wrote.
func Read(rd io.Reader) (*Result, error) {
	var r Result
	return &r, read(rd, "result", Version, &r)
}

// ReadComparison reads a Comparison that Write wrote.
func ReadComparison(rd io.Reader) (*Comparison, error) {
	var c Comparison
	return &c, read(rd, "comparison", ComparisonVersion, &c)
}

// read looks at the version before it reads the rest, as a later form may look
// otherwise in every other respect.
func read(rd io.Reader, what string, version int, into any) error {
	var raw json.RawMessage
	err := json.NewDecoder(rd).Decode(&raw)
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("read the %s: the file is empty", what)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("read the %s: the file is cut off", what)
	case err != nil:
		return fmt.Errorf("read the %s: %w", what, err)
	}
	var form struct{ Version int }
	if err := json.Unmarshal(raw, &form); err != nil {
		return fmt.Errorf("read the %s: %w", what, err)
	}
	if form.Version != version {
		return fmt.Errorf("read the %s: the file has version %d of the form, and this program knows only version %d",
			what, form.Version, version)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read the %s: %w", what, err)
	}
	return nil
}

// Small is r without what no report shows: of each second, the distributions of
// times other than Latency and Late. Of the whole it has all.
func (r *Result) Small() *Result {
	small := *r
	small.Seconds = slices.Clone(r.Seconds)
	for i := range small.Seconds {
		s := &small.Seconds[i]
		s.Service, s.Stored, s.Joined = measure.Hist{}, measure.Hist{}, measure.Hist{}
	}
	return &small
}
