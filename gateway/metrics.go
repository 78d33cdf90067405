package gateway

import (
	"cmp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/gateway/commit"
	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
	"tuitalk/talk"
)

// ackKind is what an author is told of a post.
type ackKind string

const (
	ackStored      ackKind = "stored"
	ackAccepted    ackKind = "accepted"     // it is in the spool, on a master and a replica
	ackStoredLater ackKind = "stored_later" // it waited there, or was stored by another node
	ackRetry       ackKind = "retry"        // send it again
	ackRefused     ackKind = "refused"      // it can never be stored
)

var ackKinds = []ackKind{ackStored, ackAccepted, ackStoredLater, ackRetry, ackRefused}

// source is where what a member has missed comes from.
type source string

const (
	fromRing  source = "ring" // the room's newest entries, in memory
	fromStore source = "store"
)

var sources = []source{fromRing, fromStore}

// comparison is how a comparison of a room's head with the store's ended.
type comparison string

const (
	headSame   comparison = "same"
	headBehind comparison = "behind"
	headFailed comparison = "failed" // the store did not answer
)

var comparisons = []comparison{headSame, headBehind, headFailed}

// metrics are this node's. No label is ever a room or a user.
type metrics struct {
	accepted, upgrades                           prometheus.Counter
	framesIn, deliveries, overflows, repeats     prometheus.Counter
	appendedEntries, moves                       prometheus.Counter
	committed                                    [commit.Counters]prometheus.Counter
	publishErrors, holesFilled, phantoms, panics prometheus.Counter
	wentBack                                     prometheus.Counter
	retreats                                     prometheus.Counter
	provisional, withdrawn, missed               prometheus.Counter
	workRefused, workExpired                     *prometheus.CounterVec
	closed                                       [reasonCount]prometheus.Counter
	refusedUpgrades                              [transport.RefusalCount]prometheus.Counter
	refusals, acks, resumes, caughtUp, heads     *prometheus.CounterVec
	refusedConns, tooMany, delays, limits, kept  *prometheus.CounterVec
	headsBehind                                  prometheus.Gauge
	datedAhead                                   prometheus.Counter
	appendSeconds, moveSeconds, batchEntries     prometheus.Histogram
}

// maker makes metrics and registers them.
type maker struct{ reg prometheus.Registerer }

func (mk maker) counter(name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help})
	mk.reg.MustRegister(c)
	return c
}

func (mk maker) vector(name, help, label string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help}, []string{label})
	mk.reg.MustRegister(v)
	return v
}

// known is a vector whose label values are all there from the start, so that
// what never happened reads as 0.
func known[L ~string](mk maker, name, help, label string, values []L) *prometheus.CounterVec {
	v := mk.vector(name, help, label)
	for _, value := range values {
		v.WithLabelValues(string(value))
	}
	return v
}

func (mk maker) histogram(name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tuitalk", Name: name, Help: help, Buckets: buckets})
	mk.reg.MustRegister(h)
	return h
}

func (mk maker) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tuitalk", Name: name, Help: help})
	mk.reg.MustRegister(g)
	return g
}

func (mk maker) gaugeOf(name, help string, f func() float64) {
	mk.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "tuitalk", Name: name, Help: help}, f))
}

func (mk maker) labelled(name, help string, labels prometheus.Labels, f func() float64) {
	o := prometheus.GaugeOpts{Namespace: "tuitalk", Name: name, Help: help, ConstLabels: labels}
	mk.reg.MustRegister(prometheus.NewGaugeFunc(o, f))
}

func (mk maker) counterOf(name, help string, f func() float64) {
	mk.reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "tuitalk", Name: name, Help: help}, f))
}

func newMetrics(reg prometheus.Registerer, s *Server) *metrics {
	mk := maker{reg}
	m := &metrics{}
	m.makeLines(mk)
	m.makeEntries(mk)
	m.makeLinks(mk)
	ends := mk.vector("closed_total", "Connections ended, by reason.", "reason")
	for r := range reasonCount {
		m.closed[r] = ends.WithLabelValues(r.label())
	}
	s.showState(mk)
	return m
}

// makeLines makes those of the connections.
func (m *metrics) makeLines(mk maker) {
	m.accepted = mk.counter("accepted_total", "Connections accepted.")
	m.refusedConns = known(mk, "refused_connections_total", "Connections that were not taken, or gave way to others before they had said who they are, by reason.", "reason", limits.Refusals)
	m.tooMany = known(mk, "too_many_requests_total", "Requests answered with 429, by reason; who is hung up unread is not among them.", "reason", limits.Refusals)
	m.delays = known(mk, "delayed_messages_total", "Times that a message had to wait, by whose budget was used up.", "level", limits.Levels)
	m.limits = known(mk, "limited_messages_total", "Messages refused or not answered, by whose budget was used up.", "level", limits.Levels)
	m.kept = known(mk, "kept_out_total", "Times that somebody was kept out for a while, by who.", "who", keptKinds)
	refused := mk.vector("refused_upgrades_total", "WebSocket handshakes refused, and requests that are none, by reason.", "reason")
	for r := transport.RefusedNot + 1; r < transport.RefusalCount; r++ {
		m.refusedUpgrades[r] = refused.WithLabelValues(r.Label())
	}
	m.upgrades = mk.counter("upgrades_total", "WebSocket handshakes done.")
	m.framesIn = mk.counter("messages_received_total", "Whole messages received from clients.")
	m.deliveries = mk.counter("deliveries_total", "Entries queued for clients, live, counted once for each client.")
	m.overflows = mk.counter("ring_overflows_total", "Clients cut over to catch-up because their ring was full.")
	m.provisional = mk.counter("provisional_joins_total", "Users seated before the store had let them in.")
	m.resumes = known(mk, "resumes_total", "Joins that went on from a known entry, by where the rest comes from.", "source", sources)
	m.caughtUp = known(mk, "caught_up_entries_total", "Entries sent to members that were behind, by where they come from.", "source", sources)
	m.panics = mk.counter("panics_total", "Panics while serving a connection.")
	m.workRefused = known(mk, "work_refused_total", "Tasks refused at once because too many of their class waited.", "class", workClasses)
	m.workExpired = known(mk, "work_expired_total", "Tasks refused because they had waited for too long, by class.", "class", workClasses)
}

// makeEntries makes those of entries on their way into the store.
func (m *metrics) makeEntries(mk maker) {
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 16)
	m.acks = known(mk, "acks_total", "Posts whose authors were told what became of them, by what they were told.", "kind", ackKinds)
	m.refusals = mk.vector("refusals_total", "Messages refused, by code.", "code")
	m.repeats = mk.counter("repeats_total", "Posts that were stored already when they came.")
	m.committed[commit.KeptPosts] = mk.counter("kept_posts_total", "Attempts to store a post of the original's clients that ended unclear, so that this gateway repeats it.")
	m.committed[commit.Unclear] = mk.counter("unclear_posts_total", "Posts of the original's clients of which this gateway did not know at its end whether they are stored.")
	m.appendedEntries = mk.counter("appended_entries_total", "Posts handed to the store and answered.")
	m.committed[commit.AppendErrors] = mk.counter("append_errors_total", "Batches of posts that the store did not take.")
	m.appendSeconds = mk.histogram("append_seconds", "Time of one append that succeeded, with what had to be drained before it, in seconds.", seconds)
	m.batchEntries = mk.histogram("append_batch_entries", "Posts in one append.", prometheus.ExponentialBuckets(1, 2, 10))
	m.moves = mk.counter("moves_total", "Changes of presence handed to the store and answered.")
	m.moveSeconds = mk.histogram("move_seconds", "Time of one batch of changes of presence, in seconds.", seconds)
	m.committed[commit.Spooled] = mk.counter("spooled_entries_total", "Entries accepted by the spool.")
	m.committed[commit.SpoolRefused] = mk.counter("spool_refused_entries_total", "Entries that the spool did not take, or no replica had.")
	m.committed[commit.Drained] = mk.counter("drained_entries_total", "Entries that this node brought from the spool into the store.")
	m.committed[commit.Rescued] = mk.counter("rescued_entries_total", "Pending entries that the spool had lost, or could not give, and this node stored.")
	m.withdrawn = mk.counter("withdrawn_entries_total", "Pending entries taken back on this node: the store refused them.")
}

// makeLinks makes those of what this node hears from the others and the store.
func (m *metrics) makeLinks(mk maker) {
	m.publishErrors = mk.counter("publish_errors_total", "Notes that could not be handed to the bus.")
	m.holesFilled = mk.counter("holes_filled_total", "Entries that were missed and read from the store.")
	m.datedAhead = mk.counter("entries_dated_ahead_total", "Entries that are of later than now by more than 5 minutes: the store's clock is ahead, or was.")
	m.wentBack = mk.counter("store_went_back_total", "Rooms read again because the store has no longer, or has others instead of, entries that it had.")
	m.phantoms = mk.counter("phantoms_total", "Entries announced that the store does not have.")
	m.heads = known(mk, "head_comparisons_total", "Rooms whose head was compared with the store's, by result.", "result", comparisons)
	m.headsBehind = mk.gauge("heads_behind_entries", "Entries of which this node had not heard at the last comparison of heads; some may have been on their way.")
	m.missed = mk.counter("heads_behind_entries_total", "Entries of which this node had not heard when heads were compared, all together.")
	m.retreats = mk.counter("retreats_total", "Times this node sent its users away because it alone could not reach the store.")
}

// showState shows what the server knows anyway.
func (s *Server) showState(mk maker) {
	mk.gaugeOf("connections", "Open connections.", func() float64 { return float64(s.conns.count.Load()) })
	mk.gaugeOf("unidentified_connections", "Open connections that have not said who they are.", func() float64 { return float64(s.limits.Stats().Unidentified) })
	mk.gaugeOf("queued_bytes", "Bytes of frames that wait for clients, once for each of them, and of unfinished input.", func() float64 { return float64(s.held.Bytes()) })
	mk.gaugeOf("recent_bytes", "Bytes of the newest entries that rooms keep in memory, with their frames.", func() float64 { return float64(s.recent.bytes.Load()) })
	mk.gaugeOf("kernel_bytes", "Bytes handed to the kernel that had not arrived at their clients, as last seen.", func() float64 { return float64(s.held.Kernel()) })
	mk.gaugeOf("rooms", "Rooms open on this node.", func() float64 { return float64(len(s.rooms.list())) })
	mk.gaugeOf("pending_entries", "Entries shown as pending on this node.", s.pendingEntries)
	mk.gaugeOf("spool_entries", "Entries that wait in the spool, of all nodes, as last seen.", func() float64 { return float64(s.commit.SpoolDepth()) })
	mk.gaugeOf("store_up", "1 while the store answers.", func() float64 {
		if s.health.storeUp() {
			return 1
		}
		return 0
	})
	mk.counterOf("store_outages_total", "Times the store stopped answering: a failover, a restart, a cut link.", func() float64 {
		return float64(s.health.storeOutages())
	})
	mk.gaugeOf("stuck_loops", "Loops of this process that have work and make no progress; /healthz names them.", func() float64 {
		return float64(len(s.loops.Stuck(false)))
	})
	mk.gaugeOf("waiting_loops", "Loops whose wait for the store or the bus does not end; /readyz names them.", func() float64 {
		return float64(len(s.loops.Stuck(true)))
	})
	for _, part := range []degradedPart{degradedSettings, degradedStore, degradedBus} {
		mk.labelled("degraded", "Things that do not work, or would fail in an outage, by part; /readyz and the log name them.",
			prometheus.Labels{"part": string(part)}, func() float64 { return float64(len(s.degraded(part))) })
	}
	for _, p := range s.work.all() {
		label := prometheus.Labels{"class": p.Class()}
		mk.labelled("work_queued", "Tasks that wait for a worker, by class.", label, func() float64 {
			_, count := p.Waited(s.clock.Coarse())
			return float64(count)
		})
		mk.labelled("work_oldest_seconds", "For how long the network has waited for its turn that has waited for longest, by class.", label, func() float64 {
			oldest, _ := p.Waited(s.clock.Coarse())
			return oldest.Seconds()
		})
	}
	mk.gaugeOf("queued_posts", "Posts that wait for the store.", func() float64 { return float64(s.commit.Queued()) })
}

// keptKind is who is kept out.
type keptKind string

const (
	keptUser    keptKind = "user"
	keptAddress keptKind = "address"
)

var keptKinds = []keptKind{keptUser, keptAddress}

func (m *metrics) keptOut(who keptKind) { m.kept.WithLabelValues(string(who)).Inc() }

func (m *metrics) refusedConn(why limits.Refusal) { m.refusedConns.WithLabelValues(string(why)).Inc() }

func (m *metrics) delayed(by limits.Level) { m.delays.WithLabelValues(string(by)).Inc() }

// limited notes that a message was refused; no level is the connection's.
func (m *metrics) limited(by limits.Level) {
	m.limits.WithLabelValues(string(cmp.Or(by, limits.LevelConnection))).Inc()
}

func (m *metrics) refused(code talk.Code) { m.refusals.WithLabelValues(string(code)).Inc() }

func (m *metrics) acked(kind ackKind) { m.acks.WithLabelValues(string(kind)).Inc() }

func (m *metrics) resumed(from source) { m.resumes.WithLabelValues(string(from)).Inc() }

func (m *metrics) caught(from source, entries int) {
	m.caughtUp.WithLabelValues(string(from)).Add(float64(entries))
}

// compared notes a comparison of the heads of so many rooms, of which some were
// behind by so many entries together.
func (m *metrics) compared(rooms, behind int, entries int64) {
	m.heads.WithLabelValues(string(headSame)).Add(float64(rooms - behind))
	m.heads.WithLabelValues(string(headBehind)).Add(float64(behind))
	m.headsBehind.Set(float64(entries))
	m.missed.Add(float64(entries))
}

var _ commit.Metrics = (*metrics)(nil)

// Count counts what package commit does.
func (m *metrics) Count(c commit.Counter, n int) { m.committed[c].Add(float64(n)) }

// Appended notes one append that succeeded.
func (m *metrics) Appended(entries int, took time.Duration) {
	m.appendedEntries.Add(float64(entries))
	m.batchEntries.Observe(float64(entries))
	m.appendSeconds.Observe(took.Seconds())
}

// Moved notes one batch of changes of presence that the store took.
func (m *metrics) Moved(moves int, took time.Duration) {
	m.moves.Add(float64(moves))
	m.moveSeconds.Observe(took.Seconds())
}
