package crew

import (
	"fmt"

	"tuitalk/bench/result"
)

// leastGrowth is how many bytes are no growth, however small a process is.
const leastGrowth = 16 << 20

// Growth holds the memory of the target's processes against a bound: the median
// of the last fifth of the measured time against that of the first, and most is
// the share by which it may have grown. A process whose memory goes up and down
// with its garbage collector is judged by its middle.
func Growth(r *result.Result, most float64) []result.Check {
	if len(r.Servers) == 0 {
		return []result.Check{{Name: "memory", Why: "no process of the target was watched (-watch or -cluster)"}}
	}
	var checks []result.Check
	for _, s := range r.Servers {
		checks = append(checks, growthOf(s, r.Measured, most))
	}
	return checks
}

func growthOf(s result.Server, measured [2]int64, most float64) result.Check {
	c := result.Check{Name: "memory of " + s.Name}
	var values []float64
	for _, p := range s.RSS {
		if p.At >= measured[0] && p.At < measured[1] {
			values = append(values, p.Value)
		}
	}
	fifth := len(values) / 5
	if fifth < 1 {
		c.Why = "it was not seen long enough to tell"
		return c
	}
	first, last := result.Median(values[:fifth]), result.Median(values[len(values)-fifth:])
	c.Passed = last <= first*(1+most) || last-first <= leastGrowth
	c.Why = fmt.Sprintf("%s at the beginning, %s at the end; it may grow by %.0f%% or %s",
		result.Bytes(first), result.Bytes(last), 100*most, result.Bytes(leastGrowth))
	return c
}
