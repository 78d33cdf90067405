package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// TestClientThatNeverReads: it is closed with a code, and nobody waits for it.
func TestClientThatNeverReads(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.SlowAfter, o.SendBuffer = 2*time.Second, 8<<10 })
	lazy := member(t, n, 1, "lazy", 1)
	a := hello(t, n.addr)
	a.join(1, "ada")
	text := strings.Repeat("z", talk.MaxTextBytes)
	until(t, "the end of the client that does not read", func() bool {
		a.post(1, text)
		a.heardText(text)
		return n.metric(t, "tuitalk_closed_total", "slow") > 0
	})
	if err := lazy.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		op, payload, err := lazy.readFrame()
		if err != nil {
			return // the close frame did not fit any more
		}
		if op == 8 {
			if code := int(payload[0])<<8 | int(payload[1]); code != talk.CloseSlowConsumer {
				t.Errorf("closed with %d", code)
			}
			return
		}
	}
}

// TestSlowReaderCatchesUp: a ring that overflows costs nothing but time.
func TestSlowReaderCatchesUp(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.RingPackets, o.RecentCount, o.SlowAfter = 8, 16, time.Hour
	})
	slow, a := hello(t, n.addr), hello(t, n.addr)
	slow.join(1, "slow")
	a.join(1, "ada")
	const count = 3000
	text := strings.Repeat("z", 3000)
	for i := range count {
		a.post(1, fmt.Sprintf("%d %s", i, text))
		if i%200 == 199 {
			a.heardText(fmt.Sprintf("%d %s", i, text))
		}
	}
	next := 0
	for next < count {
		e := expect[talk.Entry](slow)
		if e.Kind != talk.KindPosted {
			continue
		}
		if want := fmt.Sprintf("%d ", next); !strings.HasPrefix(e.Text, want) {
			t.Fatalf("heard %.10q, want %q", e.Text, want)
		}
		next++
	}
	if n.metric(t, "tuitalk_ring_overflows_total", "") == 0 {
		t.Error("the ring never overflowed, so nothing was tested")
	}
}

func TestFloodIsDelayedThenRefused(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits.Connection.Messages, o.Limits.Backlog = limits.Rate{PerSecond: 4, Burst: 5}, 10
	})
	a := hello(t, n.addr)
	a.join(1, "ada")
	ids := map[talk.UUID]int{}
	const count = 40
	for i := range count {
		ids[a.post(1, fmt.Sprint(i))] = i
	}
	stored, refused, outOfTurn := 0, 0, 0
	last := -1
	for stored+refused+outOfTurn < count {
		switch m := a.hear().(type) {
		case talk.Stored:
			if i := ids[m.ID]; i != last+1 {
				t.Errorf("stored %d after %d", i, last)
			}
			last = ids[m.ID]
			stored++
		case talk.Error:
			if !m.Retry || m.ID.IsZero() {
				t.Fatalf("refused with %+v", m)
			}
			if m.Code == talk.CodeOutOfTurn {
				outOfTurn++
			} else if m.Code == talk.CodeFlood && m.RetryMS > 0 {
				refused++
			} else {
				t.Fatalf("refused with %+v", m)
			}
		}
	}
	if stored < 10 || refused == 0 {
		t.Errorf("%d stored, %d refused, %d out of turn", stored, refused, outOfTurn)
	}
}

func TestWhoIsRefusedTooOftenIsClosed(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 3, Burst: 20} })
	p := dial(t, n.addr, talk.JSON)
	for range 25 {
		if err := p.ws.Write(t.Context(), 1, []byte("{")); err != nil {
			break
		}
	}
	if code, reason := p.expectClose(); code != talk.CloseTooManyErrors || reason == "" {
		t.Errorf("closed with %d %q", code, reason)
	}
}

// metric sums a metric of the node over its label values, or of one of them.
func (n *node) metric(t testing.TB, name, label string) float64 {
	t.Helper()
	families, err := n.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// TestDrainTwice: who asks again, as a second signal may, gets the answer of the first
// time, and only when it is there.
func TestDrainTwice(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	first, second := make(chan error, 1), make(chan error, 1)
	for _, answer := range []chan error{first, second} {
		go func() { answer <- n.server.Drain(t.Context()) }()
	}
	for _, answer := range []chan error{first, second} {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
}
