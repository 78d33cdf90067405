package redisbus

import (
	"net"
	"strconv"
	"strings"
	"time"
)

// claim is what is known of who serves a partition.
type claim struct {
	addr  string // of the master
	epoch int64  // its configuration epoch: the higher one wins, as in Redis itself
	seen  time.Time
}

// claimMemory is how long a claim stands that nobody repeats. After it a lower
// epoch may win, as it does in a cluster that was made anew.
const claimMemory = 3 * time.Second

// topology is who serves which partition, by the newest claims of the nodes
// that answered. No single node is believed: one that is cut off still claims
// slots that others serve by now.
type topology struct {
	claims [partitions]claim
	nodes  map[string]time.Time // address of each node of the cluster, and when it was last named
	heard  time.Time            // when any node answered last
}

func newTopology(addrs []string) *topology {
	t := &topology{nodes: make(map[string]time.Time)}
	for _, addr := range addrs {
		t.nodes[addr] = time.Time{}
	}
	return t
}

// merge takes in a node's answer to CLUSTER NODES.
func (t *topology) merge(now time.Time, asked, answer string) {
	t.heard = now
	for line := range strings.Lines(answer) {
		n, ok := parseNode(line, asked)
		if !ok {
			continue
		}
		t.nodes[n.addr] = now
		for i := range t.claims {
			if n.serves(tagSlots[i]) {
				t.claims[i].challenge(now, n.addr, n.epoch)
			}
		}
	}
}

// forget drops nodes that nobody has named for a while in which others were, but
// for those of the settings. While nobody answers nothing is forgotten, however
// long: any of them may be the first that is back.
func (t *topology) forget(memory time.Duration, keep []string) {
	for addr, seen := range t.nodes {
		if !seen.IsZero() && t.heard.Sub(seen) > memory {
			delete(t.nodes, addr)
		}
	}
	for _, addr := range keep {
		if _, ok := t.nodes[addr]; !ok {
			t.nodes[addr] = time.Time{}
		}
	}
}

func (c *claim) challenge(now time.Time, addr string, epoch int64) {
	if c.addr == addr || epoch > c.epoch || now.Sub(c.seen) > claimMemory {
		if c.addr == addr {
			epoch = max(epoch, c.epoch)
		}
		*c = claim{addr: addr, epoch: epoch, seen: now}
	}
}

// serving is one line of CLUSTER NODES: a node and the slots it serves.
type serving struct {
	addr   string
	epoch  int64
	ranges [][2]uint16
}

func (s *serving) serves(slot uint16) bool {
	for _, r := range s.ranges {
		if r[0] <= slot && slot <= r[1] {
			return true
		}
	}
	return false
}

// parseNode reads
//
//	id ip:port@busport[,hostname…] flags master ping pong epoch link slot slot-slot [moving] …
//
// An answer without an address means the one that was asked.
func parseNode(line, asked string) (serving, bool) {
	f := strings.Fields(line)
	if len(f) < 8 || strings.Contains(f[2], "noaddr") || strings.Contains(f[2], "handshake") {
		return serving{}, false
	}
	addr, _, _ := strings.Cut(f[1], "@")
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return serving{}, false
	}
	host, port := addr[:colon], addr[colon+1:]
	if host == "" {
		host, _, _ = net.SplitHostPort(asked)
	}
	epoch, err := strconv.ParseInt(f[6], 10, 64)
	if err != nil {
		return serving{}, false
	}
	s := serving{addr: net.JoinHostPort(strings.Trim(host, "[]"), port), epoch: epoch}
	for _, text := range f[8:] {
		from, to, ranged := strings.Cut(text, "-")
		if !ranged {
			to = from
		}
		a, errA := strconv.ParseUint(from, 10, 16)
		b, errB := strconv.ParseUint(to, 10, 16)
		if errA == nil && errB == nil { // else it is a slot on the move
			s.ranges = append(s.ranges, [2]uint16{uint16(a), uint16(b)})
		}
	}
	return s, true
}
