package fleetsim

import (
	"testing"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
)

// The simulated parts keep the contracts of the real ones. The store is
// historytest.Memory, which has its own.

func openBus(_ *testing.T, handlers ...fanout.Handler) (all []fanout.Bus) {
	b := newBus(fanouttest.SpoolCap)
	for _, h := range handlers {
		all = append(all, b.join(nil, h))
	}
	return all
}

func TestBus(t *testing.T) { fanouttest.Run(t, openBus) }

func TestSpool(t *testing.T) {
	fanouttest.RunSpool(t, func(*testing.T) fanout.Spool {
		bus := newBus(fanouttest.SpoolCap).join(nil, fanouttest.NewRecorder())
		t.Cleanup(func() { _ = bus.Close() }) // it cannot fail
		return bus
	})
}
