//go:build integration

package redisbus

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/fanout/fanouttest"
)

// count reads one value of a metric.
func count(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %q", name, label)
	return 0
}

// A failover and a lost connection are counted, each as what it is.
func TestAttachmentsAreCounted(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := options(t, c)
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	b := openBus(t, o, fanouttest.NewRecorder())
	attached := func(how attachment) float64 {
		return count(t, registry, "tuitalk_bus_attached_total", string(how))
	}
	for how, want := range map[attachment]float64{attachedFirst: partitions, attachedAgain: 0, attachedElsewhere: 0} {
		if got := attached(how); got != want {
			t.Errorf("at the start %v partitions are attached %s, want %v", got, how, want)
		}
	}
	s, _ := b.parts[0].where()
	s.fail(errSilent)
	await(t, "the connection to be made again", func() bool { return attached(attachedAgain) > 0 })
	if got := attached(attachedElsewhere); got != 0 {
		t.Errorf("without a failover %v partitions are elsewhere", got)
	}
	await(t, "the bus to be healthy", b.Healthy)
	replicas, err := c.Replicas(t.Context(), masterOf(t, c, 0))
	must(t, err)
	must(t, c.Failover(t.Context(), replicas[0]))
	await(t, "the failover to be counted", func() bool { return attached(attachedElsewhere) > 0 })
}
