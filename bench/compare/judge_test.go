package compare

import (
	"strings"
	"testing"
	"time"

	"tuitalk/bench/measure"
)

// second is a second in which so much arrived, and the server needed so much.
func second(delivered int64, cpu time.Duration) measured {
	m := measured{asked: 1000, members: 10, span: time.Second, cpu: cpu, busy: cpu}
	m.sample.Delivered = delivered
	m.sample.Latency.Record(2*time.Millisecond, 98)
	m.sample.Latency.Record(30*time.Millisecond, 2)
	return m
}

func TestWhatASecondMeans(t *testing.T) {
	late := measure.Hist{}
	late.Record(time.Second, 10)
	for _, c := range []struct {
		name string
		m    measured
		with func(*measured)
		want outcome
	}{
		{name: "reached", m: second(990, time.Second/2), want: outcome{perCPU: 1980, p50: .002, p99: .03}},
		{name: "not reached, the server can do no more", m: second(900, time.Second), want: outcome{saturated: 900}},
		{name: "not reached, nobody knows why", m: second(900, time.Second/2), want: outcome{saturated: 900, why: "with the server's processor at 50%"}},
		{
			name: "more and more is under way", m: second(960, time.Second), want: outcome{saturated: 960},
		},
		{
			name: "two posts are under way", m: second(960, time.Second/2),
			with: func(m *measured) { m.members = 20 }, want: outcome{perCPU: 1920, p50: .002, p99: .03},
		},
		{
			name: "lines lost", m: second(100, time.Second),
			with: func(m *measured) { m.lost = 3 }, want: outcome{saturated: 100, why: "lines lost: 3"},
		},
		{
			name: "the generator was late", m: second(990, time.Second/2),
			with: func(m *measured) { m.sample.Late = late }, want: outcome{why: "the generator was the bottleneck"},
		},
		{
			name: "the generator was late, and it is no wonder", m: second(500, time.Second),
			with: func(m *measured) { m.sample.Late = late }, want: outcome{saturated: 500, why: "the generator was late too"},
		},
		{
			name: "lines lost, and reached all the same", m: second(1000, time.Second/2),
			with: func(m *measured) { m.lost = 1 }, want: outcome{perCPU: 2000, p50: .002, p99: .03, why: "lines lost: 1"},
		},
		{
			name: "the generator was kept from its work", m: second(990, time.Second/2),
			with: func(m *measured) { m.sample.Late, m.beside = late, time.Second/4 },
			want: outcome{why: "disturbed: others used 25% of the generator's processor"},
		},
		{
			name: "disturbed", m: second(500, time.Second/2),
			with: func(m *measured) { m.busy = time.Second }, want: outcome{why: "disturbed: others used 50% of the server's processor"},
		},
		{
			name: "disturbed, and reached all the same", m: second(1000, time.Second/2),
			with: func(m *measured) { m.busy = time.Second }, want: outcome{perCPU: 2000, p50: .002, p99: .03},
		},
	} {
		if c.with != nil {
			c.with(&c.m)
		}
		got := c.m.judge()
		if strings.HasPrefix(got.why, c.want.why) && c.want.why != "" {
			got.why = c.want.why
		}
		got.p99 = float64(int(got.p99*1000+.5)) / 1000 // to three digits, as a Hist has it
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
