package history

// Degradable is a Store that can tell what of it would not hold in an outage,
// although it works now: sentences for an operator, with what to do about it.
// Degraded asks nobody and does not block.
type Degradable interface{ Degraded() []string }
