package chaos_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/chaos"
	"tuitalk/deploy/devcluster"
)

func TestChoose(t *testing.T) {
	for list, want := range map[string]int{
		"all": len(chaos.Faults()), "links": len(chaos.LinkFaults()), "all,links": len(chaos.Faults()) + len(chaos.LinkFaults()),
		"gateway-kill, nginx-kill": 2,
	} {
		if got, err := chaos.Choose(list); err != nil || len(got) != want {
			t.Errorf("%q: %d faults, %v", list, len(got), err)
		}
	}
	for _, list := range []string{"", "gateway-kil", "all,"} {
		if _, err := chaos.Choose(list); err == nil || !strings.Contains(err.Error(), "gateway-kill") {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestFleetForFaults(t *testing.T) {
	for list, want := range map[string]struct{ isolated, watchdog, impossible bool }{
		"all": {}, "gateway-kill,cut-from-redis": {isolated: true}, "links,watchdog": {isolated: true, watchdog: true},
		"all,watchdog": {watchdog: true, impossible: true},
	} {
		faults, err := chaos.Choose(list)
		if err != nil {
			t.Fatal(err)
		}
		var opts devcluster.ClusterOptions
		err = chaos.Fleet(&opts, faults)
		if (opts.Isolated > 0) != want.isolated || opts.Watchdog != want.watchdog || (err != nil) != want.impossible {
			t.Errorf("%s: %+v, %v", list, opts, err)
		}
	}
}

func TestPairIsOfItsSeed(t *testing.T) {
	a, b := chaos.Pair(11), chaos.Pair(11)
	if a[0].Name != b[0].Name || a[1].Name != b[1].Name {
		t.Errorf("seed 11 is %s, %s and then %s, %s", a[0].Name, a[1].Name, b[0].Name, b[1].Name)
	}
}

func TestHooks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "broken")
	f, err := chaos.ParseHook("db 2s: touch " + file + "; rm " + file)
	if err != nil || f.Name != "db" || f.Hold != 2*time.Second {
		t.Fatalf("%+v, %v", f, err)
	}
	mend, evidence, err := f.Break(t.Context(), nil, nil)
	if err != nil || evidence != "the command ended well" {
		t.Fatal(evidence, err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("the command did not run")
	}
	if err := mend(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("the fault was not mended")
	}
	if f, err = chaos.ParseHook("db: echo no such host >&2; exit 3"); err != nil || f.Hold == 0 {
		t.Fatalf("%+v, %v", f, err)
	}
	if mend, _, err = f.Break(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := mend(t.Context()); err == nil || !strings.Contains(err.Error(), "exit") {
		t.Errorf("a command that failed: %v", err)
	}
	for _, bad := range []string{"", "db", "db: stop", "db x: stop; start", "db 2s 3s: stop; start", ": stop; start", "db: ; start"} {
		if _, err := chaos.ParseHook(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
