package virtualuser

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
	"tuitalk/bench/tlsconfig/trusttest"
)

// front terminates TLS in front of a server, as a balancer does.
type front struct {
	url  string
	roof *trusttest.Authority

	mu    sync.Mutex
	conns map[net.Conn]bool // those of clients
}

// startFront puts TLS in front of ws://address/ws. What the server says goes to
// clients in records of at most so many bytes; 0: as they come.
func startFront(t *testing.T, address string, record int, change func(*tls.Config)) *front {
	t.Helper()
	f := &front{roof: trusttest.New(t), conns: map[net.Conn]bool{}}
	cert, key := f.roof.For("127.0.0.1")
	config := trusttest.Server(t, cert, key)
	if change != nil {
		change(config)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	f.url = "wss://" + l.Addr().String() + "/ws"
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { f.carry(c, address, record) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.cut(false)
		running.Wait()
	})
	return f
}

func (f *front) carry(c net.Conn, address string, record int) {
	defer c.Close()
	behind, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer behind.Close()
	f.mu.Lock()
	f.conns[c] = true
	f.mu.Unlock()
	up := make(chan struct{})
	go func() {
		defer close(up)
		_, _ = io.Copy(behind, c) // until either side ends
		behind.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := behind.Read(buf)
		for data := buf[:n]; len(data) > 0 && err == nil; {
			piece := len(data)
			if record > 0 {
				piece = min(piece, record)
			}
			_, err = c.Write(data[:piece])
			data = data[piece:]
		}
		if err != nil {
			break
		}
	}
	c.Close()
	<-up
}

// cut ends all connections, with TLS's goodbye or without.
func (f *front) cut(politely bool) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		if !politely {
			c = c.(*tls.Conn).NetConn()
		}
		c.Close()
	}
	n = len(f.conns)
	clear(f.conns)
	return n
}

func (f *front) trust() tlsconfig.Policy { return tlsconfig.Policy{Roots: f.roof.PEM} }

// overTLS is a group that is inside.
func overTLS(t *testing.T, f *front, sc scenario.Scenario, change ...func(*Config)) *Group {
	t.Helper()
	cfg := Config{Scenario: sc, Of: 1, Targets: []string{f.url}, Trust: f.trust(), Logf: t.Logf}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

// await waits until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("in vain it was waited for: " + what)
			return
		}
	}
}

// TestTalkOverTLS: everybody is shown everything, whatever records the frames come
// in, with either version of TLS; slow readers too.
func TestTalkOverTLS(t *testing.T) {
	for name, tc := range map[string]struct {
		record int
		change func(*tls.Config)
		speak  scenario.Speech
		size   int
	}{
		"session":           {0, nil, scenario.Session, 64},
		"wire":              {0, nil, scenario.Wire, 64},
		"a byte a record":   {1, nil, scenario.Session, 64},
		"big, odd records":  {777, nil, scenario.Wire, 4000},
		"big, whole record": {0, nil, scenario.Session, 4000},
		"TLS 1.2":           {100, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, scenario.Session, 400},
		"chacha20": {0, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
		}, scenario.Wire, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := startFake(t, func(int32) time.Duration { return 0 })
			f := startFront(t, fake.listener.Addr().String(), tc.record, tc.change)
			sc := small(20, 2, tc.speak)
			sc.Rate, sc.Size, sc.Slow, sc.SlowBytes = 40, tc.size, 0.1, 1<<20
			s := overTLS(t, f, sc)
			sum := s.Sample()
			s.Begin(time.Now())
			time.Sleep(500 * time.Millisecond)
			s.StopPosting()
			await(t, "everything that was said", func() bool {
				next := s.Sample()
				sum.Follow(&next)
				return sum.Posted > 0 && sum.Delivered >= 10*sum.Posted && sum.Counts.Stored == sum.Posted
			})
			if sum.Delivered != 10*sum.Posted || sum.Lost != 0 || len(sum.Errors) != 0 || sum.Joins != 20 {
				t.Errorf("%+v", sum.Counts)
			}
			if least := sum.Delivered * int64(tc.size); sum.BytesIn < least {
				t.Errorf("%d bytes came, and %d must have", sum.BytesIn, least)
			}
		})
	}
}

// TestLinesThatBreakUnderTLS: cut in the middle, with a goodbye and without,
// everybody comes back.
func TestLinesThatBreakUnderTLS(t *testing.T) {
	for name, politely := range map[string]bool{"cut": false, "goodbye": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := startFake(t, func(int32) time.Duration { return 0 })
			f := startFront(t, fake.listener.Addr().String(), 50, nil)
			sc := small(20, 2, scenario.Session)
			sc.Rate = 200
			s := overTLS(t, f, sc)
			sum := s.Sample()
			s.Begin(time.Now())
			time.Sleep(200 * time.Millisecond)
			if n := f.cut(politely); n != 20 {
				t.Errorf("%d connections are cut", n)
			}
			await(t, "all to be back", func() bool {
				next := s.Sample()
				sum.Follow(&next)
				return sum.Lost == 20 && sum.Inside == 20
			})
			broke := int64(0)
			for what, n := range sum.Errors {
				if strings.HasPrefix(what, "the line broke") {
					broke += n
				}
			}
			if broke != 20 {
				t.Errorf("%v", sum.Errors)
			}
			s.Storm()
			await(t, "all to be back after a storm", func() bool {
				next := s.Sample()
				sum.Follow(&next)
				return sum.Lost == 40 && sum.Inside == 20
			})
		})
	}
}

// TestCertificatesThatAreNotGood: each is told in one sentence.
func TestCertificatesThatAreNotGood(t *testing.T) {
	fake := startFake(t, func(int32) time.Duration { return 0 })
	f := startFront(t, fake.listener.Addr().String(), 0, nil)
	others := trusttest.New(t)
	port := f.url[strings.LastIndex(f.url, ":"):]
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed := strings.Replace(listen(t, func(net.Conn) {}), "ws:", "wss:", 1)
	reads := strings.Replace(listen(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1<<14)) }), "ws:", "wss:", 1)
	for name, tc := range map[string]struct {
		url    string
		policy tlsconfig.Policy
		says   string
	}{
		"unknown authority": {f.url, tlsconfig.Policy{}, "the target's certificate is signed by nobody who is trusted here (-ca)"},
		"wrong authority":   {f.url, tlsconfig.Policy{Roots: others.PEM}, "the target's certificate is signed by nobody who is trusted here (-ca)"},
		"wrong name":        {"wss://localhost" + port, f.trust(), "the target's certificate is for 127.0.0.1, not for localhost"},
		"plain HTTP":        {"wss" + strings.TrimPrefix(plain.URL, "http"), f.trust(), "the target speaks plain HTTP on that port: name it by ws://"},
		"hangs up":          {closed, f.trust(), tlsconfig.HungUp},
		"hangs up later":    {reads, f.trust(), tlsconfig.HungUp},
		"nobody":            {"wss://127.0.0.1:1/ws", f.trust(), "the target cannot be reached: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc := small(5, 1, scenario.Session)
			sc.Slow, sc.SlowBytes = 0.4, 1000
			s, err := New(Config{Scenario: sc, Of: 1, Targets: []string{tc.url}, Trust: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var watching sync.WaitGroup
			watching.Go(func() {
				defer cancel()
				sum := s.Sample()
				await(t, "failures", func() bool {
					next := s.Sample()
					sum.Follow(&next)
					return sum.Errors[tc.says] >= 10
				})
				// a front that is busy may hang up before it has shown its certificate
				delete(sum.Errors, tlsconfig.HungUp)
				if tc.says != tlsconfig.HungUp && len(sum.Errors) != 1 || tc.says == tlsconfig.HungUp && len(sum.Errors) != 0 {
					t.Errorf("%v", sum.Errors)
				}
			})
			err = s.Connect(ctx)
			watching.Wait()
			if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		s, err := New(Config{
			Scenario: small(5, 1, scenario.Session), Of: 1, Targets: []string{"wss://" + host + port}, Trust: tlsconfig.Policy{Insecure: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Connect(t.Context()); err != nil {
			t.Errorf("-insecure, %s: %v", host, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAHandshakeThatIsNotAnswered is told as such by those who give up, whatever
// they speak.
func TestAHandshakeThatIsNotAnswered(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for _, speak := range []scenario.Speech{scenario.Session, scenario.Wire} {
		t.Run(string(speak), func(t *testing.T) {
			t.Parallel()
			s, err := New(Config{Scenario: small(5, 1, speak), Of: 1, Targets: []string{"wss://" + l.Addr().String()}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := s.Connect(ctx); err == nil || ctx.Err() != nil || !strings.HasSuffix(err.Error(), ": "+tlsconfig.TimedOut) {
				t.Errorf("%v, want %q", err, tlsconfig.TimedOut)
			}
		})
	}
}

// TestOnlyHandshakesHaveGoroutines: once everybody is inside there are as many as
// before, however many connections there are; and the generator knows how long it
// has computed.
func TestOnlyHandshakesHaveGoroutines(t *testing.T) {
	fake := startFake(t, func(int32) time.Duration { return 0 })
	f := startFront(t, fake.listener.Addr().String(), 0, nil)
	ours := func() int {
		buf := make([]byte, 8<<20)
		n := 0
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "virtualuser.(*loop)") {
				n++
			}
		}
		return n
	}
	const atOnce, clients = 20, 60
	s := overTLS(t, f, small(clients, 10, scenario.Wire), func(c *Config) { c.handshakes = atOnce })
	await(t, "the handshakes to end", func() bool { return ours() == 1 }) // which keeps the time
	worked := s.loops[0].handshakes.work()
	s.Storm()
	await(t, "all to be back", func() bool { return s.Sample().Inside == clients })
	await(t, "the handshakes to end", func() bool { return ours() == 1 })
	if each := (s.loops[0].handshakes.work() - worked) / clients; each < 50*time.Microsecond {
		t.Errorf("a handshake takes %v, it says", each)
	}
}
