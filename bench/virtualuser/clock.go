package virtualuser

import "time"

// clock counts from base by the monotonic clock, so that it does not jump when
// somebody sets the time.
type clock struct {
	base   time.Time
	offset time.Duration // to be added to get the coordinator's time
}

func (c *clock) now() time.Time { return c.base.Add(time.Since(c.base)) }

// shared is t as the coordinator's clock has it.
func (c *clock) shared(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(c.offset).Round(0)
}

// own is the coordinator's t by this clock.
func (c *clock) own(t time.Time) time.Time {
	return c.base.Add(t.Round(0).Sub(c.base.Round(0)) - c.offset)
}

// micro is t as a stamp has it: microseconds of the coordinator's clock.
func (c *clock) micro(t time.Time) int64 { return t.Add(c.offset).UnixMicro() }
