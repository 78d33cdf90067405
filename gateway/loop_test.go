package gateway_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway"
	"tuitalk/talk"
)

// jam is something that a gateway can hang in: a test sets it, and lets it go.
type jam struct {
	mu   sync.Mutex
	free chan struct{} // nil: nothing is held
	hit  chan struct{} // gets something when somebody is held
}

func (j *jam) set() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.free = make(chan struct{})
}

func (j *jam) release() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.free != nil {
		close(j.free)
		j.free = nil
	}
}

func (j *jam) pass() {
	j.mu.Lock()
	free := j.free
	j.mu.Unlock()
	if free != nil {
		select {
		case j.hit <- struct{}{}:
		default:
		}
		<-free
	}
}

// hang is one thing in which a gateway hangs.
type hang struct {
	loop  string // whose progress it ends
	store bool   // it is the store that does not answer, for which nobody is killed
	op    string // of store or bus; or "page", "timer", "closed", or a failpoint
}

var hangs = map[string]hang{
	"an epoll loop":     {"poller 0", false, "decode"}, // what waits is handled elsewhere, too
	"the accept loop":   {"accept", false, "accept"},
	"a pump":            {"pump worker ", false, "pump"},
	"the timers":        {"agenda", false, "timer"},
	"the sweep":         {"sweep", false, "sweep"},
	"the watcher":       {"watcher", false, "watcher"},
	"a replay":          {"replay", false, "replay"},
	"who tells of ends": {"closed connections", false, "closed"},
	"a lane":            {"lane ", false, "Publish"},
	"a worker":          {"worker 0 of class site", false, "page"},
	"a store in a lane": {"lane ", true, "Append"},
	"a store in a read": {"worker 0 of class history", true, "Before"},
	"a store in a sign": {"keeper", true, "Renew"},
}

// startHanging runs a gateway that hangs in h, with a user who has made it do so. It
// is the test's to drain it.
func startHanging(t *testing.T, h hang) (server *gateway.Server, j *jam) {
	t.Helper()
	j = &jam{hit: make(chan struct{}, 1)}
	server, _, g, _ := newGated(t, func(o *gateway.Options) {
		tiny(o)
		o.Pollers = 1
		o.Log = slog.New(slog.DiscardHandler) // what hangs may say so when the test is over
		if h.op == "closed" {
			o.Log = slog.New(onGoodbye{slog.DiscardHandler, j.pass})
		}
		o.Site = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { j.pass() })
		o.Failpoint = func(step string) {
			if step == h.op {
				j.pass()
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	end := fanout.NewHub().Node(server)
	var bus fanout.Bus = gateBus{end, g}
	if h.op == "replay" { // without a spool there is none
		bus = &spoolBus{Bus: bus, Fleet: end.(fanout.Fleet), Spool: fanouttest.NewSpool(100)}
	}
	if err := server.Start(l, bus); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bus.Close() })
	t.Cleanup(j.release)
	addr := l.Addr().String()
	p := hello(t, addr)
	p.join(1, "p")
	j.set()
	g.set(func(_ context.Context, op string, _ int32) error {
		if op == h.op || h.op == "Before" && (op == "After" || op == "SpanBefore") {
			j.pass()
		}
		return nil
	})
	switch h.op {
	case "page":
		go func() {
			resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + addr + "/")
			if err == nil {
				_ = resp.Body.Close()
			}
		}()
	case "accept":
		line, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = line.Close() })
	case "timer":
		server.RunSoon(j.pass)
	case "closed":
		_ = p.ws.CloseNow()
	case "Before":
		p.say(talk.Fetch{RoomID: 1, Limit: 9, BeforeSeq: 9})
	default:
		p.post(1, "text")
	}
	awaitStep(t, h.loop, j.hit)
	return server, j
}

// TestStuckLoopIsNamed: /healthz says what makes no progress, and that it is over.
// While it is the store that does not answer, the process is well, but not ready.
func TestStuckLoopIsNamed(t *testing.T) {
	t.Parallel()
	for name, h := range hangs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, j := startHanging(t, h)
			admin := server.Admin(nil)
			state := server.Stuck
			if h.store {
				state = server.Ready
			}
			awaitTrue(t, "a sentence that names "+h.loop, func() bool { return strings.Contains(state(), h.loop) })
			if h.store != server.Alive() {
				t.Errorf("alive is %v", server.Alive())
			}
			if healthy := get(admin, "/healthz") == http.StatusOK; healthy != h.store {
				t.Errorf("/healthz says %v", healthy)
			}
			if get(admin, "/readyz") == http.StatusOK {
				t.Error("it is ready")
			}
			j.release()
			awaitTrue(t, "the end of it", func() bool { return server.Alive() && server.Ready() == "" })
			if err := server.Drain(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func get(h http.Handler, path string) int {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodGet, path, nil)
	req.Host = "127.0.0.1:9190"
	h.ServeHTTP(w, req)
	return w.Code
}

// onGoodbye is a log that does something for each connection that closes.
type onGoodbye struct {
	slog.Handler
	do func()
}

func (onGoodbye) Enabled(context.Context, slog.Level) bool { return true }
func (h onGoodbye) WithAttrs([]slog.Attr) slog.Handler     { return h }

func (h onGoodbye) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "connection closed" {
		h.do()
	}
	return nil
}

// Together the pieces take longer than a loop may be at one of them.
const (
	slowPiece  = 40 * time.Millisecond
	slowPieces = 200
)

// TestMuchWorkIsProgress: a gateway that comes to its next piece of work again and
// again is not stuck, however many pieces there are at once: of an epoll loop, or of
// nbio's goroutine that tells of closed connections.
func TestMuchWorkIsProgress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		slow func(*gateway.Options)
		work func(*peer)
		done string // the metric that counts pieces
	}{
		"messages": {
			slow: func(o *gateway.Options) {
				o.Failpoint = func(step string) {
					if step == "handle" {
						time.Sleep(slowPiece)
					}
				}
			},
			work: func(p *peer) { p.say(talk.LocalError{Message: "x"}) },
			done: "tuitalk_messages_received_total",
		},
		"closed connections": {
			slow: func(o *gateway.Options) {
				o.Log = slog.New(onGoodbye{slog.DiscardHandler, func() { time.Sleep(slowPiece) }})
			},
			work: func(p *peer) { _ = p.ws.CloseNow() },
			done: "tuitalk_closed_total",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := start(t, func(o *gateway.Options) {
				o.Pollers, o.HandshakeWait = 1, 10*patience
				tc.slow(o)
			})
			var peers []*peer
			for range slowPieces {
				peers = append(peers, dial(t, n.addr, talk.JSON))
			}
			for _, p := range peers {
				tc.work(p)
			}
			for deadline := time.Now().Add(4 * patience); n.metric(t, tc.done, "") < slowPieces; time.Sleep(slowPiece) {
				if why := n.server.Stuck(); why != "" {
					t.Fatal(why)
				}
				if time.Now().After(deadline) {
					t.Fatal("it does not end")
				}
			}
		})
	}
}

// TestDrainEndsWhateverHangs: the error says what did.
func TestDrainEndsWhateverHangs(t *testing.T) {
	t.Parallel()
	for name, h := range hangs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, j := startHanging(t, h)
			ended := make(chan error, 1)
			go func() { ended <- server.Drain(t.Context()) }()
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the drain says that nothing hangs")
				}
			case <-time.After(server.DrainMost() + patience):
				t.Error("the drain does not end")
			}
			j.release()
		})
	}
}

// TestPollersDoNotWaitForRooms: who shows an entry to thousands holds the room's lock,
// and an epoll loop that takes a post to it serves others meanwhile.
func TestPollersDoNotWaitForRooms(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.Pollers = 1 })
	ada, bob := hello(t, n.addr), hello(t, n.addr)
	ada.join(1, "ada")
	bob.join(2, "bob")
	release := n.server.HoldRoom(1)
	defer release()
	ada.post(1, "text")
	for i := range uint32(3) { // the first may overtake the post
		bob.say(talk.Ping{N: i})
		expect[talk.Pong](bob)
	}
}
