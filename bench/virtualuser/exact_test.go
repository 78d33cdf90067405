package virtualuser

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/scenario"
	"tuitalk/websocket"
)

// TestKnownTimesAreMeasured: what is measured of messages that are read at known
// times, which no clock of this machine has a part in: all percentiles are true
// within 1%, however busy it is.
func TestKnownTimesAreMeasured(t *testing.T) {
	const messages = 5000
	for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
		l := roomful(t, 2, speak)
		l.mu.Lock()
		base := l.now.Truncate(time.Microsecond)
		rng := rand.New(rand.NewPCG(1, 9))
		var whole measure.Sample
		var latency, service []time.Duration
		for seq := range int64(messages) {
			// from 20 µs to 20 s, each magnitude as often as the others
			took := time.Duration(20e3 * math.Pow(10, 6*rng.Float64())).Truncate(time.Microsecond)
			late := time.Duration(rng.Int64N(int64(took))).Truncate(time.Microsecond)
			st := stamp{client: 1 << 20, number: seq, intended: l.clock.micro(base), real: l.clock.micro(base.Add(late))}
			frame := serverFrame(true, websocket.OpBinary, entryFrame(t, seq+1, st.text(64)))
			for _, p := range l.users {
				l.at(base.Add(took))
				p.conns[0].received(frame)
				latency, service = append(latency, took), append(service, took-late)
			}
		}
		whole.Follow(&l.sample)
		l.mu.Unlock()
		slices.Sort(latency)
		slices.Sort(service)
		for what, h := range map[string]struct {
			hist  *measure.Hist
			truth []time.Duration
		}{"latency": {&whole.Latency, latency}, "service": {&whole.Service, service}} {
			if err := compare(h.hist, h.truth, 1, 10, 50, 90, 99, 99.9, 100); err != nil {
				t.Errorf("%s, %s: %v", speak, what, err)
			}
		}
	}
}
