package gateway_test

import (
	"testing"
	"time"
)

// TestAStoreThatIsColdIsGivenTime: the first call on each new connection takes long, and
// a call that is given up takes its connection with it. A gateway that gave up in the
// same time always would never see an answer of such a store.
func TestAStoreThatIsColdIsGivenTime(t *testing.T) {
	t.Parallel()
	f := newSpoolFleet(t)
	n := f.gateway(nil)
	a, w := hello(t, n.addr), hello(t, n.addr)
	a.join(5, "ada")
	w.join(5, "witness")
	f.cut(n)
	waiting := a.accept(5, "in the outage")
	n.way.cold.Store(int64(1500 * time.Millisecond))
	f.mend(n)
	w.wantShown(waiting...)
	a.postStored(5, "after")
	f.wantLog(5, waiting[0], "after")
}
