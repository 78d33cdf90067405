package result

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestLatenciesThatClocksBlurAreSaidToBe(t *testing.T) {
	clocks := func(errs ...float64) (all []Clock) {
		for _, e := range errs {
			all = append(all, Clock{Worker: "w", Error: e})
		}
		return all
	}
	for _, c := range []struct {
		name   string
		clocks []Clock // the median of the demonstration is 1 ms
		error  float64
		says   string
	}{
		{"none", nil, 0, ""},
		{"of one kernel", clocks(0, 0), 0, ""},
		{"good enough", clocks(0.00003, 0.00004, 0.00005), 0.00009, ""},
		{"too far apart", clocks(0.0002, 0.00001, 0.00007), 0.00027, "latencies across workers are only known within ± 270 µs, as their clocks are"},
		{"one worker, of one clock", clocks(0.5), 0, ""},
	} {
		r := demo()
		r.Clocks = c.clocks
		r.Derive()
		if off := r.ClockError - c.error; off < -1e-9 || off > 1e-9 {
			t.Errorf("%s: an error of %v, want %v", c.name, r.ClockError, c.error)
		}
		text := summaryOf(t, r, false) + text(t, func(b *bytes.Buffer) error { return LoadMarkdown(b, r) })
		if got := strings.Count(text, "only known within"); c.says == "" && got != 0 || c.says != "" && strings.Count(text, c.says) != 2 {
			t.Errorf("%s: it is said %d times:\n%s", c.name, got, text)
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if is := bytes.Contains(written, []byte(`"clock_error":`)); is != (c.error > 0) {
			t.Errorf("%s: in the JSON: %v", c.name, is)
		}
	}
}

// TestClocksBlurNothingThatIsNotTold: without latencies there is
// nothing to blur, and nothing is said where latencies are left out.
func TestClocksBlurNothingThatIsNotTold(t *testing.T) {
	r := slowGenerator()
	r.Clocks = []Clock{{Error: 1}, {Error: 1}}
	r.Derive()
	if got := summaryOf(t, r, false); strings.Contains(got, "only known") {
		t.Errorf("%s", got)
	}
	if why := (&Result{ClockError: 1}).Blurred(); why != "" {
		t.Errorf("of no latency: %s", why)
	}
}
