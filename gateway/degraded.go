package gateway

import (
	"slices"
	"time"

	"tuitalk/fanout"
	"tuitalk/history"
)

// degradedPart is whose fault it is that something is degraded. It is also the
// metric's label.
type degradedPart string

const (
	degradedSettings degradedPart = "settings"
	degradedStore    degradedPart = "store"
	degradedBus      degradedPart = "bus"
)

// degraded says by part what does not work although this node is ready: mostly
// what is kept for an outage, and would fail in it.
func (s *Server) degraded(part degradedPart) []string {
	switch part {
	case degradedSettings:
		return slices.Concat(s.opts.Degraded, s.rules.Degraded())
	case degradedStore:
		said := append(s.dates.lately(time.Now()), s.wentBack.sentences(s.clock.Now())...)
		if s.commit.HasSpool() && !s.health.storeUp() {
			said = append(said, "the store is away, and what is said waits in the spool: nothing is stored, and there is no older history")
		}
		if store, ok := s.store.(history.Degradable); ok {
			said = append(said, store.Degraded()...)
		}
		return said
	case degradedBus:
		if bus, ok := s.bus.(fanout.Degradable); ok {
			return bus.Degraded()
		}
	}
	return nil
}

// Degraded says what does not work although this node is ready.
func (s *Server) Degraded() []string {
	return slices.Concat(s.degraded(degradedSettings), s.degraded(degradedStore), s.degraded(degradedBus))
}

// degradedLog tells the operator once of each sentence of the settings and the
// store; the bus and datedAhead log their own.
type degradedLog struct {
	srv  *Server
	said []string
}

func (d *degradedLog) look() {
	now := d.srv.degraded(degradedSettings)
	if store, ok := d.srv.store.(history.Degradable); ok {
		now = append(now, store.Degraded()...)
	}
	for _, sentence := range now {
		if !slices.Contains(d.said, sentence) {
			d.srv.log.Warn("degraded: " + sentence)
		}
	}
	for _, sentence := range d.said {
		if !slices.Contains(now, sentence) {
			d.srv.log.Info("no longer degraded: " + sentence)
		}
	}
	d.said = now
}
