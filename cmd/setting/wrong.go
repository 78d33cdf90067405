package setting

import (
	"flag"
	"fmt"
	"strings"
)

// Error is one sentence for whoever has set something wrong. Programs make one of
// what they find themselves, too.
type Error struct{ Err error }

func (e Error) Error() string { return e.Err.Error() }
func (e Error) Unwrap() error { return e.Err }

// refusal is why a value was not taken.
type refusal struct {
	flag string
	why  error
	from string // the variable, or the line of a file; "" for the command line
}

func (r *refusal) Error() string {
	if r.from == "" {
		return fmt.Sprintf("-%s: %v", r.flag, r.why)
	}
	return fmt.Sprintf("-%s (%s): %v", r.flag, r.from, r.why)
}

func (r *refusal) Unwrap() error { return r.why }

// A word that nobody knows may be an address with a password, or hold one, as
// store=postgres://user:password@host/db does. Errors are logged, so they show of it
// what comes before one of endsWord, and at most shownBytes.
const (
	endsWord   = "=:@ \t\r\n"
	shownBytes = 40
)

// Shown is what an error may show of a word that nobody knows.
func Shown(word string) string {
	end := strings.IndexAny(word, endsWord)
	if end < 0 {
		end = len(word)
	}
	if end = min(end, shownBytes); end == len(word) {
		return word
	}
	return strings.ToValidUTF8(word[:end], "") + "…"
}

// suggest ends a sentence about a name that nobody knows with the nearest that is a
// setting here. Prefix is how the names are written: "-", that of variables, or "".
func (f *Flags) suggest(name, prefix string) string {
	word := strings.TrimLeft(name, "-")
	if rest, is := strings.CutPrefix(word, f.prefix); is {
		word = rest
	}
	word = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(word, Prefix)), "_", "-")
	word, _, _ = strings.Cut(word, "=")
	best, least := "", 1+len(word)/3 // more would be another word
	f.VisitAll(func(one *flag.Flag) {
		if d := distance(word, one.Name); d < least && (prefix == "-" || !Asked(one)) {
			best, least = one.Name, d
		}
	})
	switch {
	case best == "":
		return "; -h lists them"
	case prefix == f.prefix:
		best = f.Variable(best)
	default:
		best = prefix + best
	}
	return "; did you mean " + best + "? -h lists them"
}

// distance is how many bytes to add, to take out, to change, or to exchange with the
// next make b of a.
func distance(a, b string) int {
	d := make([][]int, len(a)+1) // of the first i of a and the first j of b
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := d[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			d[i][j] = min(change, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
