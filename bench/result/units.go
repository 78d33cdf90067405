package result

import (
	"math"
	"strconv"
	"strings"
	"time"

	"tuitalk/talk"
)

// Line makes text from outside fit to stand in a line of a terminal or a table.
func Line(text string) string {
	return strings.ReplaceAll(talk.CleanText(text), "\n", " ")
}

// Time writes seconds with three digits and a unit: "1.25 ms", "12.5 s", "3.2 min".
func Time(seconds float64) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "−", -seconds
	}
	switch {
	case math.IsNaN(seconds) || math.IsInf(seconds, 0):
		return "–"
	case seconds == 0:
		return "0 ms"
	case seconds < 999.5e-6:
		return sign + strconv.FormatFloat(seconds*1e6, 'f', 0, 64) + " µs"
	case seconds < 0.9995:
		return sign + digits(seconds*1e3) + " ms"
	case seconds < 120:
		return sign + digits(seconds) + " s"
	case seconds < 7200:
		return sign + digits(seconds/60) + " min"
	}
	return sign + digits(seconds/3600) + " h"
}

// Times writes several with a unit only where it changes: "31.0 / 93.0 ms / 1.20 s".
func Times(seconds ...float64) string {
	text, next := "", ""
	for i := len(seconds) - 1; i >= 0; i-- {
		one := Time(seconds[i])
		number, unit, _ := strings.Cut(one, " ")
		switch {
		case text == "":
			text = one
		case unit == next:
			text = number + " / " + text
		default:
			text = one + " / " + text
		}
		next = unit
	}
	return text
}

// Took is Time of a time.Duration.
func Took(d time.Duration) string { return Time(d.Seconds()) }

// digits writes v with three digits, more only before the point.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}

// Number writes v to the nearest integer with a comma at every thousand, or
// with three digits if it is small.
func Number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v != math.Trunc(v) && math.Abs(v) < 99.95:
		return strings.Replace(sign(v)+digits(math.Abs(v)), "-", "−", 1)
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign(v) + s
}

func sign(v float64) string {
	if v < 0 {
		return "−"
	}
	return ""
}

// Bytes writes a size: "512 B", "23.1 KiB", "1.20 GiB".
func Bytes(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for ; math.Abs(v) >= 1000 && i < len(units)-1; i++ {
		v /= 1024
	}
	if i == 0 {
		return Number(math.Round(v)) + " B"
	}
	return sign(v) + digits(math.Abs(v)) + " " + units[i]
}
