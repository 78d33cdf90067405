package redis

import (
	"strings"
	"testing"
)

// TestClusterConfKeepsTheSpool: what the gateways call accepted is on a disk, and stays
// there. The gateways say so of a server that is set otherwise (fanout/redisbus).
func TestClusterConfKeepsTheSpool(t *testing.T) {
	set := map[string]string{}
	for line := range strings.Lines(string(ClusterConf)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		set[key] = value
	}
	for key, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no", "maxmemory-policy": "noeviction",
	} {
		if set[key] != want {
			t.Errorf("%s is %q, want %q", key, set[key], want)
		}
	}
}
