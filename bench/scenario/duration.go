package scenario

import (
	"fmt"
	"time"
)

// Std is d as the standard library has it.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String is the form that people enter, as in "1m30s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText makes JSON say it as text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what people enter.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration, as 30s or 1m30s", text)
	}
	*d = Duration(v)
	return nil
}
