package virtualuser

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/scenario"
)

// listen serves raw connections until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serve(c)
			c.Close()
		}
	}()
	return "ws://" + listener.Addr().String() + "/ws"
}

// TestTargetsThatAreNone: each says in one sentence what is wrong, long before
// the caller loses patience.
func TestTargetsThatAreNone(t *testing.T) {
	answering := func(code int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
		t.Cleanup(s.Close)
		return "ws" + strings.TrimPrefix(s.URL, "http")
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cases := map[string]struct{ url, want string }{
		"not found":   {answering(404), "the target refuses the upgrade: 404 Not Found"},
		"forbidden":   {answering(403), "the target refuses the upgrade: 403 Forbidden"},
		"overloaded":  {answering(503), "the target refuses the upgrade: 503 Service Unavailable"},
		"not HTTP":    {listen(t, func(c net.Conn) { c.Read(make([]byte, 1000)); c.Write([]byte("220 mail ready\r\n")) }), "does not answer in HTTP"},
		"hangs up":    {listen(t, func(c net.Conn) { c.Read(make([]byte, 1000)) }), "hangs up before the upgrade"},
		"nobody":      {"ws://" + closed.Addr().String() + "/", "cannot be reached: connection refused"},
		"unreachable": {"ws://255.255.255.255:1/", "cannot be reached"},
	}
	for name, tc := range cases {
		for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
			t.Run(name+" "+string(speak), func(t *testing.T) {
				t.Parallel()
				s, err := New(Config{Scenario: small(5, 1, speak), Of: 1, Targets: []string{tc.url}})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err = s.Connect(ctx)
				if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") || ctx.Err() != nil {
					t.Errorf("%v, want something with %q", err, tc.want)
				}
				if sample := s.Sample(); sample.Dialled < 5 || len(sample.Errors) == 0 {
					t.Errorf("%+v", sample.Counts)
				}
			})
		}
	}
}

func TestConnectGivesUpWithItsContext(t *testing.T) {
	silent := listen(t, func(c net.Conn) { time.Sleep(50 * time.Millisecond) })
	s, err := New(Config{Scenario: small(3, 1, scenario.Session), Of: 1, Targets: []string{silent}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Connect(ctx); err == nil || !strings.Contains(err.Error(), "0 of 3 clients are inside") {
		t.Error(err)
	}
}

func TestWhatNewRefuses(t *testing.T) {
	good := Config{Scenario: small(5, 1, scenario.Session), Of: 1, Targets: []string{"ws://127.0.0.1:1/"}}
	for want, change := range map[string]func(*Config){
		"no target":         func(c *Config) { c.Targets = nil },
		"ws://":             func(c *Config) { c.Targets = []string{"http://x"} },
		"share 1 of 1":      func(c *Config) { c.Share = 1 },
		"share 0 of 0":      func(c *Config) { c.Of = 0 },
		"-clients 0":        func(c *Config) { c.Scenario.Clients = 0 },
		"open files":        func(c *Config) { c.Scenario.Clients = 5_000_000 },
		"can be recorded":   func(c *Config) { c.Scenario.Speak = scenario.Wire; c.Recording = new(strings.Builder) },
		"there must be at ": func(c *Config) { c.Scenario.Rooms = 0 },
	} {
		cfg := good
		change(&cfg)
		if s, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
			if s != nil {
				s.Close()
			}
		}
	}
}

// TestTwoLoops: a group of two loops talks, changes its rate, stops posting.
func TestTwoLoops(t *testing.T) {
	f := startFake(t, func(int32) time.Duration { return 0 })
	sc := small(40, 4, scenario.Session)
	sc.Rate, sc.Connects = 50, 400
	s, err := New(Config{Scenario: sc, Of: 1, Targets: []string{f.url()}, Loops: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if x := s.Sample(); x.Inside != 40 || x.Open != 40 || x.Joined.Count() != 40 || x.Nodes["fake"] != 40 || x.Self.Files < 80 {
		t.Errorf("%+v %+v", x.Gauges, x.Counts)
	}
	begun := time.Now()
	s.Begin(begun)
	time.Sleep(500 * time.Millisecond)
	slow := time.Now()
	s.Rate(500)
	changed := time.Now()
	time.Sleep(500 * time.Millisecond)
	fast := time.Now()
	s.StopPosting()
	hushed := time.Now()
	// one more or less for each loop and each rate
	least := 50*slow.Sub(begun).Seconds() + 500*fast.Sub(changed).Seconds() - 4
	most := 50*changed.Sub(begun).Seconds() + 500*hushed.Sub(slow).Seconds() + 4
	if n := float64(s.Sample().Intended); n < least || n > most {
		t.Errorf("%v posts, where %v to %v fell due", n, least, most)
	}
	time.Sleep(100 * time.Millisecond)
	if n := s.Sample().Intended; n != 0 {
		t.Errorf("%d posts after Hush", n)
	}
}

// Processes that dial in turn would each get a gateway of their own from a balancer
// that takes its gateways in turn: a gateway's end would then hit one process alone.
func TestProcessesDoNotDialInTurn(t *testing.T) {
	const perSecond = 1e-6 // nobody starts in this test
	starts := make([][]time.Duration, 2)
	for share := range starts {
		s, err := New(Config{Scenario: small(9, 1, scenario.Session), Share: share, Of: len(starts), Targets: []string{"ws://127.0.0.1:1/"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		l := s.loops[0]
		l.connect(perSecond, s.seed(0))
		l.mu.Lock()
		defer l.mu.Unlock()
		for range 4 {
			at, ok := l.pace.Next()
			if !ok {
				t.Fatal("the starts end")
			}
			starts[share] = append(starts[share], time.Until(at).Round(time.Second))
			l.pace.Take()
		}
	}
	between := func(of []time.Duration, i int) time.Duration { return of[i] - of[i-1] }
	for i := 1; i < len(starts[0]); i++ {
		if between(starts[0], i) == between(starts[1], i) {
			t.Errorf("start %d is as long after the one before in both processes: %v, %v", i, starts[0], starts[1])
		}
	}
}
