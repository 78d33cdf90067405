package coordinator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

func TestTheKneeOfTheGeneratorIsNotThatOfTheTarget(t *testing.T) {
	slow, late := result.Step{Rate: 300}, result.Step{Rate: 200}
	slow.Sample.Latency.Record(time.Second, 10)
	late.Sample.Late.Record(time.Second, 10)
	held := result.Step{Rate: 100, Good: true}
	if why := limited([]result.Step{held, slow, late}); why == "" || strings.HasPrefix(why, "the generator") {
		t.Errorf("the lowest step failed through the generator: %q", why)
	}
	late.Rate = 400
	if why := limited([]result.Step{held, slow, late}); why != "" {
		t.Errorf("the lowest step failed through the target: %q", why)
	}
}

func TestProcessesAreWatchedWithWhatTheyStart(t *testing.T) {
	// a shell whose child uses the processor
	cmd := exec.Command("sh", "-c", "timeout 10 sh -c 'while :; do :; done' & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, child := range measure.Children(cmd.Process.Pid) {
			if p, err := os.FindProcess(child); err == nil {
				_ = p.Signal(os.Interrupt) // timeout passes it on
			}
		}
		_ = cmd.Wait()
	}()
	there := []Process{{Name: "busy", PID: cmd.Process.Pid}, {Name: "gone", PID: 1 << 30}}
	w := watch{processes: func() []Process { return there }}
	cpu, looks := 0.0, 0
	for began := time.Now(); looks < 4 || cpu <= 0 && looks < 90; time.Sleep(100 * time.Millisecond) {
		w.look(t.Context(), began.Add(time.Duration(looks)*100*time.Millisecond))
		looks++
		if len(w.servers) != 1 || w.servers[0].Name != "busy" || len(w.servers[0].CPU) != looks-1 {
			t.Fatalf("after %d looks: %+v", looks, w.servers)
		}
		for _, p := range w.servers[0].CPU {
			cpu = max(cpu, p.Value)
		}
	}
	rss, files := w.servers[0].RSS[looks-1].Value, w.servers[0].Files[looks-1].Value
	if cpu <= 0 || cpu > 192 || rss < 100<<10 || files < 6 { // of two processes at least
		t.Errorf("%v cores, %v bytes, %v files", cpu, rss, files)
	}
}

func TestHowManyProcesses(t *testing.T) {
	o := Options{Targets: []string{"ws://127.0.0.1:1/ws"}, Scenario: scenario.Default()}
	o.Scenario.Clients = 2*PerProcess + 1
	if err := o.fill(); err != nil || o.Processes < 3 || len(o.Sources) != o.Processes {
		t.Errorf("%d processes, sources %v, %v", o.Processes, o.Sources, err)
	}
	o.Scenario.Clients, o.Processes = 9_000_000, 1
	if err := o.fill(); err == nil || !strings.Contains(err.Error(), "too few open files") || strings.Contains(err.Error(), "\n") {
		t.Errorf("9 million in one process: %v", err)
	}
	o = Options{Targets: []string{"ws://chat.example/ws"}, Scenario: scenario.Default()}
	if err := o.fill(); err != nil || o.Sources != nil || o.Processes != 1 {
		t.Errorf("%d processes, sources %v, %v", o.Processes, o.Sources, err)
	}
}

func TestGoroutinesAreReadFromMetrics(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# HELP go_goroutines Number\n# TYPE go_goroutines gauge\ngo_goroutines_other 7\ngo_goroutines 32\n")
	})
	mux.HandleFunc("/other", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "go_threads 3\n") })
	server := httptest.NewServer(mux)
	defer server.Close()
	w := watch{processes: func() []Process {
		return []Process{
			{"gateway", os.Getpid(), server.URL + "/metrics"}, {"another", os.Getpid(), server.URL + "/other"},
			{"nobody there", os.Getpid(), "http://127.0.0.1:1/metrics"}, {"without", os.Getpid(), ""},
		}
	}}
	defer w.client.CloseIdleConnections()
	for i := range asksEvery + 1 {
		w.look(t.Context(), time.Unix(1000+int64(i), 0))
	}
	for _, s := range w.servers {
		want := []result.Point(nil)
		if s.Name == "gateway" {
			want = []result.Point{{At: 1000, Value: 32}, {At: 1000 + asksEvery, Value: 32}}
		}
		if !slices.Equal(s.Goroutines, want) {
			t.Errorf("%s: %v, want %v", s.Name, s.Goroutines, want)
		}
	}
	if len(w.servers) != 4 {
		t.Errorf("%d processes", len(w.servers))
	}
}
