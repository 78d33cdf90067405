package fanout

// Degradable is a bus that can tell what of it does not work, although it may
// be healthy: a way that is kept for an outage and would fail in it, say. Every
// sentence is for an operator. None means that all was tried and worked.
type Degradable interface {
	Degraded() []string
}
