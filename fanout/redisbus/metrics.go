package redisbus

import "github.com/prometheus/client_golang/prometheus"

// Reasons why a note was not published, as the metrics name them.
type failReason string

const (
	failedAway   failReason = "away"       // nobody serves the room now
	failedQueue  failReason = "queue_full" // too much waits already
	failedServer failReason = "server"     // the server did not confirm it
)

// Results of adding an entry to the spool, as the metrics name them.
type spoolResult string

const (
	spoolAccepted      spoolResult = "accepted"
	spoolFull          spoolResult = "full"
	spoolNotReplicated spoolResult = "not_replicated"
	spoolFailed        spoolResult = "failed"
)

// attachment is how a partition came to the session of its master.
type attachment string

const (
	attachedFirst     attachment = "first"
	attachedAgain     attachment = "again"     // the connection was lost, or the server refused for a while
	attachedElsewhere attachment = "elsewhere" // another master has it: a failover, or a moved slot
)

// metrics are what the bus counts.
type metrics struct {
	registry   prometheus.Registerer
	registered []prometheus.Collector

	published prometheus.Counter
	received  prometheus.Counter
	failures  *prometheus.CounterVec
	lost      *prometheus.CounterVec
	attaches  *prometheus.CounterVec
	healthy   prometheus.Gauge
	live      prometheus.Gauge
	sessions  prometheus.Gauge
	probe     prometheus.Histogram
	spooled   *prometheus.CounterVec
	depth     prometheus.Gauge
	degraded  *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer) (*metrics, error) {
	name := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "tuitalk", Subsystem: "bus", Name: name, Help: help}
	}
	counter := func(n, help string) prometheus.CounterOpts { return prometheus.CounterOpts(name(n, help)) }
	gauge := func(n, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts(name(n, help)) }
	m := &metrics{
		registry:  registry,
		published: prometheus.NewCounter(counter("published_total", "Notes handed over for publishing.")),
		received:  prometheus.NewCounter(counter("received_total", "Notes of other nodes that arrived.")),
		failures:  prometheus.NewCounterVec(counter("failed_total", "Notes that were not published, by reason."), []string{"reason"}),
		lost:      prometheus.NewCounterVec(counter("lost_total", "Rooms reported as perhaps having missed notes, by reason."), []string{"reason"}),
		attaches:  prometheus.NewCounterVec(counter("attached_total", "Partitions, of 128, given to the connection of their master, by whether it had them before. Elsewhere is a failover or a moved slot; all but the first cost a resubscription."), []string{"how"}),
		healthy:   prometheus.NewGauge(gauge("healthy", "1 while probes come back through every master.")),
		live:      prometheus.NewGauge(gauge("live_partitions", "Partitions whose rooms are all subscribed, of 128.")),
		sessions:  prometheus.NewGauge(gauge("sessions", "Masters that this node is connected to.")),
		probe: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "tuitalk", Subsystem: "bus", Name: "probe_seconds", Help: "Time from publishing a probe to receiving it, in seconds.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		spooled:  prometheus.NewCounterVec(counter("spooled_total", "Entries offered to the spool, by result."), []string{"result"}),
		depth:    prometheus.NewGauge(gauge("spool_depth", "Entries in the spool when it was last looked at.")),
		degraded: prometheus.NewGaugeVec(prometheus.GaugeOpts(gauge("degraded", "Masters at which something does not work, by what: connection, cluster (some rooms have no master), notes, spool, replica, durability (what was accepted may be lost). /readyz says why.")), []string{"what"}),
	}
	m.begin()
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.published, m.received, m.failures, m.lost, m.attaches, m.healthy, m.live, m.sessions, m.probe, m.spooled, m.depth, m.degraded} {
		if err := registry.Register(c); err != nil {
			m.unregister()
			return nil, err
		}
		m.registered = append(m.registered, c)
	}
	return m, nil
}

// begin makes every label value, so that what never happened reads as 0.
func (m *metrics) begin() {
	for _, reason := range []failReason{failedAway, failedQueue, failedServer} {
		m.failures.WithLabelValues(string(reason))
	}
	for _, reason := range []lostReason{lostOverflow, lostReconnect, lostPublisher, lostUnreadable} {
		m.lost.WithLabelValues(string(reason))
	}
	for _, how := range []attachment{attachedFirst, attachedAgain, attachedElsewhere} {
		m.attaches.WithLabelValues(string(how))
	}
	for _, w := range ways {
		m.degraded.WithLabelValues(string(w))
	}
	for _, result := range []spoolResult{spoolAccepted, spoolFull, spoolNotReplicated, spoolFailed} {
		m.spooled.WithLabelValues(string(result))
	}
}

func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registry.Unregister(c)
	}
}

func (m *metrics) failed(reason failReason) { m.failures.WithLabelValues(string(reason)).Inc() }

func (m *metrics) attached(how attachment) { m.attaches.WithLabelValues(string(how)).Inc() }

func (m *metrics) losses(reason lostReason, rooms int) {
	if rooms > 0 {
		m.lost.WithLabelValues(string(reason)).Add(float64(rooms))
	}
}

func (m *metrics) spool(result spoolResult) { m.spooled.WithLabelValues(string(result)).Inc() }
