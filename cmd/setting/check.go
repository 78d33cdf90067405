package setting

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// StringVar declares a text.
func (f *Flags) StringVar(p *string, name, value, usage string, checks ...func(string) error) {
	f.FlagSet.StringVar(p, name, value, usage)
	addChecks(f, name, p, checks)
}

// WordVar declares one of a few words.
func (f *Flags) WordVar(p *string, name, value, usage string, words ...string) {
	f.StringVar(p, name, value, usage, oneOf(words))
	f.Words(name, words...)
}

// Words names what a flag takes that is declared already, for the completion.
func (f *Flags) Words(name string, words ...string) { f.words[name] = words }

// IntVar declares a whole number.
func (f *Flags) IntVar(p *int, name string, value int, usage string, checks ...func(int) error) {
	f.FlagSet.IntVar(p, name, value, usage)
	addChecks(f, name, p, checks)
}

// Float64Var declares a number.
func (f *Flags) Float64Var(p *float64, name string, value float64, usage string, checks ...func(float64) error) {
	f.FlagSet.Float64Var(p, name, value, usage)
	addChecks(f, name, p, checks)
}

// DurationVar declares a time with its unit.
func (f *Flags) DurationVar(p *time.Duration, name string, value time.Duration, usage string, checks ...func(time.Duration) error) {
	f.FlagSet.DurationVar(p, name, value, usage)
	addChecks(f, name, p, checks)
}

// AtLeast is a check of a number or a time.
func AtLeast[T cmp.Ordered](least T) func(T) error {
	return func(v T) error {
		if v < least {
			return fmt.Errorf("must be at least %v, not %v", least, v)
		}
		return nil
	}
}

// AtMost is a check of a number or a time.
func AtMost[T cmp.Ordered](most T) func(T) error {
	return func(v T) error {
		if v > most {
			return fmt.Errorf("must be at most %v, not %v", most, v)
		}
		return nil
	}
}

// NotNegative checks a number or a time of which 0 is a proper one.
func NotNegative[T cmp.Ordered](v T) error {
	var zero T
	if v < zero {
		return fmt.Errorf("must not be negative, and is %v", v)
	}
	return nil
}

// oneOf is a check of a word.
func oneOf(words []string) func(string) error {
	return func(v string) error {
		if slices.Contains(words, v) {
			return nil
		}
		return fmt.Errorf("%q is none of %s", Shown(v), strings.Join(words, ", "))
	}
}

// HostPort is a check of where to listen or whom to ask.
func HostPort(example string) func(string) error {
	return func(v string) error {
		_, port, err := net.SplitHostPort(v)
		if err != nil {
			return fmt.Errorf("%q is not host:port, as %s", v, example)
		}
		if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
			return fmt.Errorf("%q has the port %d, and ports go up to 65535, as %s", v, n, example)
		}
		return nil
	}
}
