package gateway_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/history"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
)

func TestMain(m *testing.M) { fanouttest.Main(m) }

// patience is how long a test waits for what must come; it decides nothing else.
const patience = 2 * time.Minute

// unhurried is how long a gateway of a test waits before it gives up what stands still.
const unhurried = time.Minute

// node is a running gateway of a test.
type node struct {
	server  *gateway.Server
	store   history.Store
	metrics *prometheus.Registry
	addr    string
	stop    func()
}

func newID(version int) talk.UUID {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return talk.MakeUUID(version, b)
}

func newSecret() (s talk.Secret) {
	_, _ = rand.Read(s[:])
	return s
}

func openStore(t testing.TB, path string) history.Store {
	t.Helper()
	store, err := sqlitestore.Open(path, sqlitestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// start runs a gateway on a store in a new folder.
func start(t testing.TB, change func(*gateway.Options)) *node {
	t.Helper()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	return startOn(t, store, fanout.NewHub(), change)
}

// startOn runs a gateway on a store and a hub that may be shared.
func startOn(t testing.TB, store history.Store, hub *fanout.Hub, change func(*gateway.Options)) *node {
	t.Helper()
	opts := testOptions(t)
	if change != nil {
		change(&opts)
	}
	server, err := gateway.New(opts, store)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, server, store, hub.Node(server), &opts)
}

// serve starts a server on a free port; the test's end stops it, if stop did not.
func serve(t testing.TB, server *gateway.Server, store history.Store, bus fanout.Bus, opts *gateway.Options) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(l, bus); err != nil {
		t.Fatal(err)
	}
	n := &node{server: server, store: store, addr: l.Addr().String(), metrics: opts.Metrics.(*prometheus.Registry)}
	n.stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Drain(ctx); err != nil {
			t.Errorf("drain: %v", err)
		}
		if err := bus.Close(); err != nil {
			t.Errorf("close the bus: %v", err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

// testOptions are those of a gateway that waits for nothing longer than it must.
func testOptions(t testing.TB) gateway.Options {
	t.Helper()
	opts := gateway.Defaults()
	opts.ID, opts.Metrics = newID(4), prometheus.NewRegistry()
	opts.DrainWait, opts.CloseWait = 100*time.Millisecond, 200*time.Millisecond
	opts.PingAfter = time.Hour // a test's peer answers pings only while it reads
	// what a client or a gateway that stands still loses, one on a busy machine keeps
	opts.RequestWait, opts.HandshakeWait, opts.SlowAfter, opts.LeaseLost = unhurried, unhurried, unhurried, unhurried
	for _, p := range []*gateway.Pool{&opts.Work.Enter, &opts.Work.Opening, &opts.Work.Live, &opts.Work.History, &opts.Work.Site} {
		p.MaxWait = unhurried
	}
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	opts.Limits = limits.Unlimited(opts.Limits.MaxConns)
	return opts
}

// peer is one client of a test, on the bare protocol.
type peer struct {
	t    testing.TB
	ws   *websocket.Conn
	form talk.Form
	uuid talk.UUID
	// secret is what uuid is made of, in the extended form.
	secret talk.Secret
}

func dial(t testing.TB, addr string, form talk.Form) *peer {
	t.Helper()
	p, _ := dialLine(t, addr, form)
	return p
}

// dialLine dials and returns the connection's socket too.
func dialLine(t testing.TB, addr string, form talk.Form) (*peer, *net.TCPConn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var line net.Conn
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (_ net.Conn, err error) {
		line, err = new(net.Dialer).DialContext(ctx, network, addr)
		return line, err
	}}
	ws, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	ws.SetReadLimit(16 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &peer{t: t, ws: ws, form: form, uuid: newID(4)}, line.(*net.TCPConn)
}

// hello dials in the extended form as a new user.
func hello(t testing.TB, addr string) *peer {
	t.Helper()
	return helloIn(t, addr, talk.Extended)
}

// helloIn is hello in JSON or in bincode.
func helloIn(t testing.TB, addr string, form talk.Form) *peer {
	t.Helper()
	p := dial(t, addr, form)
	p.hello(talk.Hello{Client: "test", Secret: newSecret()})
	return p
}

// hello says who p is.
func (p *peer) hello(m talk.Hello) {
	p.t.Helper()
	p.say(m)
	p.uuid, p.secret = expect[talk.Welcome](p).UUID, m.Secret
}

func (p *peer) say(m talk.Message) {
	p.t.Helper()
	b, err := talk.Append(nil, p.form, m)
	if err != nil {
		p.t.Fatal(err)
	}
	kind := websocket.MessageText
	if p.form.IsBinary() {
		kind = websocket.MessageBinary
	}
	p.write(kind, b)
}

func (p *peer) write(kind websocket.MessageType, b []byte) {
	p.t.Helper()
	if err := p.tryWrite(kind, b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

func (p *peer) tryWrite(kind websocket.MessageType, b []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p.ws.Write(ctx, kind, b)
}

// hear returns the next message.
func (p *peer) hear() talk.Message {
	p.t.Helper()
	m, err := p.tryHear(patience)
	if err != nil {
		p.t.Fatalf("read: %v", err)
	}
	return m
}

func (p *peer) tryHear(wait time.Duration) (talk.Message, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	kind, b, err := p.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	if (kind == websocket.MessageBinary) != p.form.IsBinary() {
		p.t.Fatalf("answered with a frame of kind %v", kind)
	}
	m, err := talk.Decode(p.form, b)
	if err != nil {
		p.t.Fatalf("cannot decode %q: %v", b, err)
	}
	return m, nil
}

// expect reads until a message of type M comes, and returns it.
func expect[M talk.Message](p *peer) M {
	p.t.Helper()
	for {
		if m, ok := p.hear().(M); ok {
			return m
		}
	}
}

// expectClose reads until the server closes, and returns code and reason.
func (p *peer) expectClose() (websocket.StatusCode, string) {
	p.t.Helper()
	for {
		_, err := p.tryHear(patience)
		var ce websocket.CloseError
		switch {
		case err == nil:
		case errors.As(err, &ce):
			return ce.Code, ce.Reason
		case errors.Is(err, io.EOF):
			return 0, "no close frame"
		default:
			p.t.Fatalf("wait for the close: %v", err)
		}
	}
}

// join enters a room and returns the answer; in the original's forms the zero
// value, after its own UserJoined.
func (p *peer) join(room int32, name string) talk.Joined {
	p.t.Helper()
	p.say(talk.JoinRoom{RoomID: room, UUID: p.uuid, Username: name, UnixTime: 1})
	if p.form.IsExtended() {
		return expect[talk.Joined](p)
	}
	for {
		if e := expect[talk.Entry](p); e.Kind == talk.KindJoined && e.Author == p.uuid {
			return talk.Joined{}
		}
	}
}

// post sends a text and returns its id.
func (p *peer) post(room int32, text string) talk.UUID {
	p.t.Helper()
	e := talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: p.uuid, Name: "ignored", Text: text}
	if p.form.IsExtended() {
		e.ID = newID(4)
	}
	p.say(e)
	return e.ID
}

// heardText reads until a post with this text comes.
func (p *peer) heardText(text string) talk.Entry {
	p.t.Helper()
	for {
		if e := expect[talk.Entry](p); e.Kind == talk.KindPosted && e.Text == text {
			return e
		}
	}
}
