package redisbus

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// way is something that the bus is kept for, as the metrics name it.
type way string

const (
	wayConnection way = "connection" // to a master
	wayCluster    way = "cluster"    // somebody serves every slot
	wayNotes      way = "notes"      // subscribing and publishing
	waySpool      way = "spool"      // entries can be added, and taken out again
	wayReplica    way = "replica"    // a replica confirms them
	wayDurability way = "durability" // they outlive the server
)

var ways = [...]way{wayConnection, wayCluster, wayNotes, waySpool, wayReplica, wayDurability}

// sentences are what people read of each way, with the node between the parts.
// The server's own words follow. Remedies are for what an operator has to do;
// a connection heals itself.
var sentences = map[way]struct{ before, after string }{
	wayConnection: {"bus: no connection to ", ""},
	wayCluster:    {"bus: not every room has a Redis master", ""},
	wayNotes:      {"bus: ", " does not take the notes between gateways"},
	waySpool:      {"bus: the spool does not work at ", ", so nothing of its rooms can be accepted while the store is away"},
	wayReplica:    {"bus: no replica of ", " confirms what is written, so nothing of its rooms can be accepted while the store is away; add one (redis-cli --cluster add-node … --cluster-slave) or look why it is not in step"},
	wayDurability: {"bus: ", " may lose what it has accepted while the store was away, or cannot be seen to keep it"},
}

// condition is one way at one node; addr is empty for the whole cluster.
type condition struct {
	way  way
	addr string
}

// conditions are what does not work now, each with a reason. A reason is logged
// when it comes, when it becomes another one, and when it ends; an outage may
// change between two of them many times a second, so each condition speaks once
// a second at most.
type conditions struct {
	log    *slog.Logger
	gauges *prometheus.GaugeVec

	mu    sync.Mutex
	wrong map[condition]*fault
}

type fault struct {
	reason string // the newest
	logged string // the last that was logged
	at     time.Time
}

// logPause is the least time between two lines of one condition.
const logPause = time.Second

func newConditions(log *slog.Logger, gauges *prometheus.GaugeVec) *conditions {
	return &conditions{log: log, gauges: gauges, wrong: make(map[condition]*fault)}
}

// fail notes that something does not work, and why.
func (c *conditions) fail(w way, addr, reason string) {
	now := time.Now()
	c.mu.Lock()
	f := c.wrong[condition{w, addr}]
	if f == nil {
		f = &fault{}
		c.wrong[condition{w, addr}] = f
		c.gauges.WithLabelValues(string(w)).Inc()
	}
	f.reason = reason
	speak := f.logged != reason && now.Sub(f.at) >= logPause
	if speak {
		f.logged, f.at = reason, now
	}
	c.mu.Unlock()
	if speak {
		c.log.Warn(sentence(condition{w, addr}, reason))
	}
}

// works notes that something works.
func (c *conditions) works(w way, addr string) {
	if c.remove(w, addr) {
		c.log.Info("bus: works again", "what", string(w), "node", addr)
	}
}

// keep drops what is noted of nodes that are no masters any more.
func (c *conditions) keep(masters map[string]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.wrong {
		if key.addr != "" && !masters[key.addr] {
			delete(c.wrong, key)
			c.gauges.WithLabelValues(string(key.way)).Dec()
		}
	}
}

func (c *conditions) remove(w way, addr string) (was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, was = c.wrong[condition{w, addr}]; was {
		delete(c.wrong, condition{w, addr})
		c.gauges.WithLabelValues(string(w)).Dec()
	}
	return was
}

// list returns a sentence for each thing that does not work, of these ways or of all.
func (c *conditions) list(of ...way) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]string, 0, len(c.wrong))
	for key, f := range c.wrong {
		if len(of) == 0 || slices.Contains(of, key.way) {
			all = append(all, sentence(key, f.reason))
		}
	}
	slices.Sort(all)
	return all
}

func sentence(c condition, reason string) string {
	s := sentences[c.way]
	return s.before + c.addr + s.after + ": " + reason
}

// reasonOf is an error without what differs from try to try, such as a port of
// this side.
func reasonOf(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &op):
		return op.Op + ": " + op.Err.Error()
	}
	return strings.TrimSpace(err.Error())
}
