package checker

// What a fault may delay, or hide for a time, is judged only where there was none.

// over is when a fault was undone, as far as that is known.
func (w *window) over() int64 { return max(w.At, w.Over) }

// calm tells whether no fault lasted at any time between two, nor had just ended.
func (c *check) calm(from, to int64) bool {
	if c.opts.Unmarked {
		return false
	}
	skew, leave := c.opts.Skew.Microseconds(), c.opts.Leave.Microseconds()
	for i := range c.faults {
		w := &c.faults[i]
		if w.At-skew <= to && from <= w.over()+leave {
			return false
		}
	}
	return true
}

// longestCalm is the longest stretch between two times in which no fault lasted.
func (c *check) longestCalm(from, to int64) (longest int64) {
	at := from
	for i := range c.faults {
		w := &c.faults[i]
		if w.over() < at || w.At > to {
			continue
		}
		longest = max(longest, w.At-at)
		at = max(at, w.over())
	}
	return max(longest, to-at)
}
