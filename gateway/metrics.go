package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/talk"
)

// metrics are this node's. No label is ever a room or a user.
type metrics struct {
	accepted, refusedConns, refusedUpgrades, upgrades prometheus.Counter
	framesIn, deliveries, overflows, resumed, repeats prometheus.Counter
	appendedEntries, appendErrors, moves              prometheus.Counter
	publishErrors, holesFilled, phantoms, panics      prometheus.Counter
	spooled, spoolRefused, drained, rescued, retreats prometheus.Counter
	provisional                                       prometheus.Counter
	closed                                            [reasonCount]prometheus.Counter
	refusals, caughtUp                                *prometheus.CounterVec
	appendSeconds, moveSeconds, batchEntries          prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, s *Server) *metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	vector := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help}, []string{label})
		reg.MustRegister(v)
		return v
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tuitalk", Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	gauge := func(name, help string, f func() float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tuitalk", Name: name, Help: help}, f))
	}
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 16)
	m := &metrics{
		accepted:        counter("accepted_total", "Connections accepted."),
		refusedConns:    counter("refused_connections_total", "Connections closed at once because there were too many."),
		refusedUpgrades: counter("refused_upgrades_total", "WebSocket handshakes refused."),
		upgrades:        counter("upgrades_total", "WebSocket handshakes done."),
		framesIn:        counter("messages_received_total", "Whole messages received from clients."),
		deliveries:      counter("deliveries_total", "Entries queued for clients, live."),
		overflows:       counter("ring_overflows_total", "Clients cut over to catch-up because their ring was full."),
		resumed:         counter("resumes_total", "Joins that went on from a known entry."),
		repeats:         counter("repeats_total", "Entries that were stored already when they came."),
		appendedEntries: counter("appended_entries_total", "Posts handed to the store and answered."),
		appendErrors:    counter("append_errors_total", "Batches that the store did not take."),
		moves:           counter("moves_total", "Changes of presence handed to the store and answered."),
		publishErrors:   counter("publish_errors_total", "Notes that could not be published."),
		holesFilled:     counter("holes_filled_total", "Entries that were missed and read from the store."),
		phantoms:        counter("phantoms_total", "Entries announced that the store does not have."),
		spooled:         counter("spooled_entries_total", "Entries accepted by the spool."),
		spoolRefused:    counter("spool_refused_entries_total", "Entries that the spool did not take."),
		drained:         counter("drained_entries_total", "Entries brought from the spool into the store."),
		rescued:         counter("rescued_entries_total", "Pending entries that this node stored itself."),
		retreats:        counter("retreats_total", "Times this node sent its users away because it alone could not reach the store."),
		provisional:     counter("provisional_joins_total", "Users seated before the store had let them in."),
		panics:          counter("panics_total", "Panics while serving a connection."),
		refusals:        vector("refusals_total", "Messages refused.", "code"),
		caughtUp:        vector("caught_up_entries_total", "Entries sent to members that were behind.", "source"),
		appendSeconds:   histogram("append_seconds", "Time of one append.", seconds),
		moveSeconds:     histogram("move_seconds", "Time of one change of presence.", seconds),
		batchEntries:    histogram("append_batch_entries", "Entries in one append.", prometheus.ExponentialBuckets(1, 2, 10)),
	}
	ends := vector("closed_total", "Connections ended.", "reason")
	for r := range reasonCount {
		m.closed[r] = ends.WithLabelValues(r.label())
	}
	gauge("connections", "Open connections.", func() float64 { return float64(s.conns.count.Load()) })
	gauge("rooms", "Rooms open on this node.", func() float64 { return float64(len(s.rooms.list())) })
	gauge("spool_entries", "Entries that wait in the spool, as last seen.", func() float64 {
		if s.spooler == nil {
			return 0
		}
		return float64(s.spooler.depth.Load())
	})
	gauge("store_up", "1 while the store answers.", func() float64 {
		if s.health.storeUp() {
			return 1
		}
		return 0
	})
	gauge("queued_posts", "Posts that wait for the store.", s.queuedPosts)
	return m
}

func (m *metrics) refused(code talk.Code) { m.refusals.WithLabelValues(string(code)).Inc() }

func (m *metrics) appended(entries int, took time.Duration) {
	m.appendedEntries.Add(float64(entries))
	m.batchEntries.Observe(float64(entries))
	m.appendSeconds.Observe(took.Seconds())
}

func (m *metrics) moved(moves int, took time.Duration) {
	m.moves.Add(float64(moves))
	m.moveSeconds.Observe(took.Seconds())
}
