//go:build integration

package compare_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/compare"
	"tuitalk/deploy/devcluster"
)

// Everybody is started, talked to and stopped; what is measured proves nothing
// under so small a load on a busy machine.
func TestEveryTargetCanBeCompared(t *testing.T) {
	dir := t.TempDir()
	gateway, err := devcluster.Build(dir, "tuitalk/cmd/tuitalk-gateway", false)
	if err != nil {
		t.Fatal(err)
	}
	peers := filepath.Join(dir, "peers")
	if text, err := exec.Command("go", "build", "-C", "../peers", "-o", peers, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the peers: %v\n%s", err, text)
	}
	o := compare.Defaults()
	o.Targets = compare.Targets(gateway, peers)
	o.Loads = []compare.Load{{Name: "2 rooms of 5", Rooms: 2, Members: 5, Deliveries: []float64{100}}}
	o.Idle, o.Repeats, o.WarmUp, o.Measure, o.Rest = 20, 1, 100*time.Millisecond, time.Second, 100*time.Millisecond
	o.Tell, o.Dir = func(line string) { t.Log(line) }, dir
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := compare.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if c.Incomplete != "" {
		t.Errorf("not everything was measured: %s", c.Incomplete)
	}
	if len(c.Tables) != 3 {
		t.Fatalf("there are %d tables", len(c.Tables))
	}
	for _, table := range c.Tables[:2] { // memory may even shrink
		for _, row := range table.Rows {
			cell := row.Cells[0]
			busy := strings.HasPrefix(cell.Note, "the generator") || strings.HasPrefix(cell.Note, "disturbed") || cell.Saturated > 0
			if len(cell.Values) != 1 && !busy {
				t.Errorf("%s, %s: %+v", table.Title, row.Target, cell)
			}
		}
	}
}
