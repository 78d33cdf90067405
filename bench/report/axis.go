package report

import (
	"math"
	"strconv"
	"strings"

	"tuitalk/bench/result"
)

// axis maps values to a stretch of a drawing.
type axis struct {
	low, high float64 // values at its ends, low < high
	log       bool
	nines     bool    // it is 1/(1-p) of percentiles: round are 50%, 90%, 99%, …
	binary    bool    // round are the powers of two, as of bytes
	from, to  float64 // where the ends are drawn
	label     func(float64) string
}

// tick is a place on an axis with its label.
type tick struct {
	At   float64
	Text string
}

// at is where v is drawn, at an end of the axis if it is beyond.
func (a *axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		low, high, v = math.Log(low), math.Log(high), math.Log(max(v, a.low))
	}
	share := min(max((v-low)/(high-low), 0), 1)
	return a.from + share*(a.to-a.from)
}

// linear is an axis from 0 over all values, up to a round number.
func linear(values []float64, label func(float64) string) axis {
	_, high := bounds(values)
	if high <= 0 {
		high = 1
	}
	step := nice(high / 4)
	return axis{high: math.Ceil(high/step*1.0001) * step, label: label}
}

// ofBytes is an axis from 0 over all values, which are bytes.
func ofBytes(values []float64) axis {
	_, high := bounds(values)
	a := axis{binary: true, label: shortBytes}
	step := a.nice(max(high, 1) / 4)
	a.high = math.Ceil(max(high, 1)/step) * step
	return a
}

// logarithmic is an axis over all values above 0, of a decade at least.
func logarithmic(values []float64, label func(float64) string) axis {
	positive := make([]float64, 0, len(values))
	for _, v := range values {
		if v > 0 {
			positive = append(positive, v)
		}
	}
	low, high := bounds(positive)
	if len(positive) == 0 {
		low, high = 1e-3, 1
	}
	low, high = low/1.15, high*1.15
	if high/low < 10 {
		middle := math.Sqrt(low * high)
		low, high = middle/math.Sqrt(10), middle*math.Sqrt(10)
	}
	return axis{low: low, high: high, log: true, label: label}
}

// bounds are the least and the greatest of the finite values; 0, 0 if there are none.
func bounds(values []float64) (low, high float64) {
	found := false
	for _, v := range values {
		if !drawable(v) {
			continue
		}
		if !found {
			low, high, found = v, v, true
		}
		low, high = min(low, v), max(high, v)
	}
	return low, high
}

// nice is a round step on the axis, not below v.
func (a *axis) nice(v float64) float64 {
	if a.binary && v > 0 {
		return math.Pow(2, math.Ceil(math.Log2(v)))
	}
	return nice(v)
}

// nice is the next of 1, 2, 5, 10, … not below v.
func nice(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

// ticks are about so many round places on the axis.
func (a *axis) ticks(wanted int) []tick {
	var all []tick
	add := func(v float64) { all = append(all, tick{a.at(v), a.label(v)}) }
	if !a.log {
		step := a.nice((a.high - a.low) / float64(max(wanted, 1)))
		for i := math.Ceil(a.low / step); i*step <= a.high*1.0001; i++ {
			add(i * step)
		}
		return all
	}
	if a.nines {
		add(2)
	}
	decades := math.Log10(a.high / a.low)
	each := []float64{1}
	if a.nines {
		// between two nines there is nothing round
	} else if decades < float64(wanted)/3 {
		each = []float64{1, 2, 5}
	} else if decades < float64(wanted)/2 {
		each = []float64{1, 3}
	}
	stride := max(int(math.Ceil(decades/float64(max(wanted, 1)))), 1)
	for e := int(math.Floor(math.Log10(a.low))); e <= int(math.Ceil(math.Log10(a.high))); e += stride {
		for _, m := range each {
			if v := m * math.Pow(10, float64(e)); v >= a.low && v <= a.high && !(a.nines && e == 0) {
				add(v)
			}
		}
	}
	return all
}

// clockTicks are round times on an axis of seconds.
func (a *axis) clockTicks(wanted int) []tick {
	steps := []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400}
	step := steps[len(steps)-1]
	for _, s := range steps {
		if (a.high-a.low)/s <= float64(wanted) {
			step = s
			break
		}
	}
	if most := (a.high - a.low) / float64(wanted); most > step {
		step = nice(most/86400) * 86400
	}
	var all []tick
	for i := math.Ceil(a.low / step); i*step <= a.high; i++ {
		all = append(all, tick{a.at(i * step), since(i * step)})
	}
	return all
}

// since writes seconds since the measured time began, as 1:05 or −0:10.
func since(seconds float64) string {
	n := int64(math.Round(math.Abs(seconds)))
	text := strconv.FormatInt(n/60, 10) + ":" + pad(n%60)
	if n >= 3600 {
		text = strconv.FormatInt(n/3600, 10) + ":" + pad(n/60%60) + ":" + pad(n%60)
	}
	if seconds < 0 && n > 0 {
		return "−" + text
	}
	return text
}

func pad(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

// Labels of ticks: as short as they can be.

func shortTime(seconds float64) string { return trim(result.Time(seconds)) }

func shortBytes(v float64) string { return trim(result.Bytes(v)) }

func shortNumber(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size*0.9999 {
			return strconv.FormatFloat(v/u.size, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func shortShare(v float64) string { return strconv.FormatFloat(v*100, 'g', 3, 64) + "%" }

// trim drops zeros at the end of the number in "1.50 ms".
func trim(text string) string {
	number, unit, _ := strings.Cut(text, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	if unit == "" {
		return number
	}
	return number + " " + unit
}
