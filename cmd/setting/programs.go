package setting

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// The programs with a prefix of their own, since their flags have names that others
// have too; and that of variables for tests.
const (
	BenchPrefix   = Prefix + "BENCH_"
	ClusterPrefix = Prefix + "CLUSTER_"
	testPrefix    = Prefix + "TEST_"
)

// named are the settings of the programs whose variables begin with Prefix alone: each
// knows so which variables are another's. What a program declares must stand here.
var named = map[string][]string{
	"tuitalk": {"config", "form", "name", "room", "server", "state", "theme"},
	"tuitalk-gateway": {
		"admin", "bus", "config", "connect-rate", "drain", "failpoint", "flood-burst", "flood-bytes-address",
		"flood-bytes-total", "flood-delayed", "flood-rate", "flood-rate-address", "flood-rate-room",
		"flood-rate-total", "grace", "history-rate", "hosts", "keep-out", "limits", "listen", "log-format",
		"log-level", "max-conns", "max-conns-per-address", "max-queued-bytes", "mend-room", "min-rate", "node",
		"origins", "ping-after", "pollers", "pprof", "receive-buffer", "recent-bytes", "reserved-names", "ring-bytes",
		"ring-entries", "secret-file", "send-buffer", "slow-after", "slow-mode", "slow-mode-address", "store",
		"trusted-proxies", "waiting-bytes",
	},
}

// isAnothers tells whether a variable belongs to another program.
func (f *Flags) isAnothers(variable string) bool {
	for _, prefix := range []string{BenchPrefix, ClusterPrefix, testPrefix} {
		if prefix != f.prefix && strings.HasPrefix(variable, prefix) {
			return true
		}
	}
	plain := Flags{prefix: Prefix}
	for program, names := range named {
		if program != f.Name() && slices.ContainsFunc(names, func(name string) bool { return plain.Variable(name) == variable }) {
			return true
		}
	}
	return false
}

// mustBeListed panics if a program declares other settings than the others know.
func (f *Flags) mustBeListed() {
	want, is := named[f.Name()]
	if !is || f.prefix != Prefix {
		return
	}
	var have []string
	f.VisitAll(func(one *flag.Flag) {
		if !Asked(one) {
			have = append(have, one.Name)
		}
	})
	if !slices.Equal(have, want) {
		panic(fmt.Sprintf("setting: the settings of %s in programs.go have to be %q", f.Name(), have))
	}
}
