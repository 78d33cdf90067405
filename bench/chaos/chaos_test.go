//go:build integration

package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/bench/chaos/chaostest"
	"tuitalk/bench/checker"
	"tuitalk/deploy/devcluster"
	"tuitalk/history/pgstore"
)

var (
	seed   = flag.Uint64("seed", 0, "seed of the run to repeat; 0: those that are fixed")
	faults = flag.String("faults", "", "names of faults for TestSingleFaults, with commas, or all; default: a few short ones")
	people = flag.Int("people", 30, "people who talk")
)

var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		flag.Parse()
		dir, err := os.MkdirTemp("", "tuitalk-chaos")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if program, err = devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// calm is how long nothing is broken before, between and after faults.
const calm = 3 * time.Second

// fleet starts a cluster and opens its store.
func fleet(t *testing.T, opts devcluster.ClusterOptions) (*devcluster.Cluster, *pgstore.Store) {
	t.Helper()
	opts.Program, opts.GatewayArgs = program, []string{"-limits", "none"}
	c, err := devcluster.StartCluster(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	store, err := pgstore.Open(t.Context(), c.Postgres.DSN(), pgstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return c, store
}

// report shows what the faults did to people, and fails on any broken promise.
func report(t *testing.T, r *checker.Report) {
	t.Helper()
	for _, f := range r.Faults {
		t.Logf("%-22s %s; blackout %v; delay %v; sent %d shown %d", f.What, f.Evidence, f.Blackout, f.Delay, f.Sent, f.Shown)
	}
	if err := r.Err(); err != nil {
		t.Errorf("%v\n%s", err, r)
	}
	if r.Sent == 0 || r.Shown == 0 {
		t.Error("nobody talked")
	}
}

// TestSingleFaults: each fault by itself, on a fleet of its own; with -short one after
// the other on the same.
func TestSingleFaults(t *testing.T) {
	names := []string{"gateway-kill", "postgres-kill", "nginx-reload"}
	switch *faults {
	case "":
	case "all":
		names = nil
		for _, f := range chaos.All() {
			names = append(names, f.Name)
		}
	default:
		names = strings.Split(*faults, ",")
	}
	runs := len(names)
	if testing.Short() {
		runs = 1
	}
	for run := range slices.Chunk(names, len(names)/runs) {
		t.Run(strings.Join(run, ","), func(t *testing.T) {
			var faults []chaos.Fault
			for _, name := range run {
				f, err := chaos.Find(name)
				if err != nil {
					t.Fatal(err)
				}
				faults = append(faults, f)
			}
			var opts devcluster.ClusterOptions
			if err := chaos.Fleet(&opts, faults); err != nil {
				t.Fatal(err)
			}
			c, store := fleet(t, opts)
			report(t, chaostest.Run(t, chaostest.Options{Store: store, People: *people, Schedule: chaos.Schedule{
				Cluster: c, Faults: faults, Calm: calm, Seed: max(*seed, 1), Tell: t.Logf,
			}}))
		})
	}
}
