package redisbus

import (
	"context"
	"strings"
)

// What the spool has taken must outlive the server: be in a file, written through
// before the answer, and not be evicted for want of memory. A server that is set
// otherwise takes everything, and loses it when the power goes, or sooner. So a trial
// that went well asks for the settings too. Only masters are asked, as a node has no
// connection to replicas: what a replica is set to is seen once it is a master.

// durability is what a master says of how it keeps what it takes.
type durability struct {
	info   map[string]string // of INFO persistence and memory
	config map[string]string // of CONFIG GET
	// why it did not say it; nil: it did
	infoErr, configErr error
}

// lookAtDurability takes note of whether the master keeps what it takes.
func (s *session) lookAtDurability(ctx context.Context) {
	d := s.conn.durability(ctx)
	if s.ctx.Err() != nil || classify(d.infoErr) == broken || classify(d.configErr) == broken {
		return // the next trial asks again
	}
	if flaws := d.flaws(s.bus.explain); len(flaws) > 0 {
		s.bus.conds.fail(wayDurability, s.addr, strings.Join(flaws, "; "))
		return
	}
	s.bus.conds.works(wayDurability, s.addr)
}

// flaws says why what the master has taken may be lost, each with what to do. What a
// user may not ask, or what a hosted Redis does not tell, is a flaw only in that nobody
// can see it.
func (d *durability) flaws(explain func(error) string) (all []string) {
	evicts := strings.HasPrefix(d.info["maxmemory_policy"], "allkeys-") // the spool's keys have no time to live
	switch {
	case d.infoErr != nil:
		all = append(all, "appendonly and maxmemory-policy cannot be seen: "+explain(d.infoErr))
	case d.info["aof_enabled"] == "":
		all = append(all, "appendonly cannot be seen: the server does not tell it")
	case d.info["aof_enabled"] == "0":
		all = append(all, "appendonly is no, so a restart loses everything: CONFIG SET appendonly yes, and the same in its file")
	}
	if evicts && d.info["maxmemory"] != "0" {
		all = append(all, "maxmemory-policy is "+d.info["maxmemory_policy"]+", so it is evicted when memory is short: CONFIG SET maxmemory-policy noeviction, and the same in its file")
	}
	switch fsync := d.config["appendfsync"]; {
	case d.configErr != nil:
		all = append(all, "appendfsync cannot be seen: "+explain(d.configErr))
	case fsync == "":
		all = append(all, "appendfsync cannot be seen: the server does not tell it")
	case fsync != "always":
		all = append(all, "appendfsync is "+fsync+", so a power cut of all nodes loses the last of it: CONFIG SET appendfsync always, and the same in its file")
	case d.config["no-appendfsync-on-rewrite"] == "yes":
		all = append(all, "no-appendfsync-on-rewrite is yes, so while its file is rewritten a power cut loses the last of it: CONFIG SET no-appendfsync-on-rewrite no, and the same in its file")
	}
	return all
}

// parseInfo reads the lines of an answer to INFO.
func parseInfo(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[key] = value
		}
	}
	return fields
}
