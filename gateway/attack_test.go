package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// from dials as an address of this machine.
func from(address string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
}

// tryDialFrom opens a WebSocket from an address.
func tryDialFrom(t testing.TB, address, addr string, form talk.Form) (*peer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	transport := &http.Transport{DialContext: from(address).DialContext}
	ws, _, err := websocket.Dial(ctx, "ws://"+addr+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(16 << 20)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &peer{t: t, ws: ws, form: form, uuid: newID(4)}, nil
}

// helloFrom is hello from an address.
func helloFrom(t testing.TB, address, addr string) *peer {
	t.Helper()
	p, err := tryDialFrom(t, address, addr, talk.Extended)
	if err != nil {
		t.Fatalf("dial from %s: %v", address, err)
	}
	p.hello(talk.Hello{Client: "test", Secret: newSecret()})
	return p
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not in %v", what, patience)
		}
	}
}

// stranger opens half-open connections from an address, for as long as the test runs:
// so many at once, and after a pause another for each that is closed.
func stranger(t *testing.T, address, addr string, count int, pause time.Duration) (opened *atomic.Int64) {
	opened = new(atomic.Int64)
	var all sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(func() { stop(); all.Wait() })
	for range count {
		all.Go(func() {
			for ctx.Err() == nil {
				c, err := from(address).DialContext(ctx, "tcp", addr)
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("GET /ws HTTP/1.1\r\nHost: x\r\n"))
				opened.Add(1)
				end := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = c.Read(make([]byte, 1)) // until it is closed
				end()
				_ = c.Close()
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	return opened
}

// TestLimitsHalfOpenConnections: a stranger holds more connections half open than the
// gateway takes at all, and opens one for each that he loses; everybody else gets in.
func TestLimitsHalfOpenConnections(t *testing.T) {
	t.Parallel()
	const most = 300
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(most)
		o.HandshakeWait = time.Minute // nothing but the bound makes room
	})
	opened := stranger(t, "127.0.0.2", n.addr, most+20, 50*time.Millisecond)
	eventually(t, "the stranger has knocked as often as there are places", func() bool { return opened.Load() > most })
	for i := range 70 {
		p := helloFrom(t, fmt.Sprintf("127.0.1.%d", 1+i%3), n.addr)
		p.join(1, fmt.Sprint("honest ", i))
	}
	if got := n.metric(t, "tuitalk_unidentified_connections", ""); got > most/4 {
		t.Errorf("%v connections are held by people who have not said who they are", got)
	}
	if n.metric(t, "tuitalk_refused_connections_total", "crowd") == 0 {
		t.Error("nobody had to give way, so nothing was tested")
	}
}

// TestLimitsHalfOpenFromTheSameAddress: those who share his address get in as well.
func TestLimitsHalfOpenFromTheSameAddress(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(300)
		o.Limits.Accepts = limits.Rate{}
		o.HandshakeWait = time.Minute
	})
	opened := stranger(t, "127.0.0.2", n.addr, 100, time.Hour)
	eventually(t, "the stranger has knocked as often as his address may", func() bool { return opened.Load() >= 100 })
	for i := range 30 {
		helloFrom(t, "127.0.0.2", n.addr).join(1, fmt.Sprint("honest ", i))
	}
}

// TestLimitsBehindAProxy: who speaks through a proxy is counted by his own address,
// and told when to come again; the proxy is never kept out.
func TestLimitsBehindAProxy(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
		o.Limits.Strikes = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
		o.Limits.KeepOut, o.Limits.KeepOutMax = time.Hour, time.Hour
	})
	garbage := func(lines ...string) *http.Response {
		r := dialRaw(t, n.addr)
		resp := r.upgrade(lines...)
		if resp.StatusCode == http.StatusSwitchingProtocols {
			for range 3 {
				r.send(frame(0x81, []byte("{")))
			}
			if code, _ := r.expectClose(); code != talk.CloseTooManyErrors {
				t.Fatalf("closed with %d", code)
			}
		}
		return resp
	}
	for range 4 {
		if resp := garbage(); resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("the proxy's own address is refused: %s", resp.Status)
		}
	}
	for range 3 {
		if resp := garbage("X-Real-IP: 192.0.2.1"); resp.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("refused too early: %s", resp.Status)
		}
	}
	if resp := garbage("X-Real-IP: 192.0.2.1"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("an address that floods: %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	r := dialRaw(t, n.addr)
	r.send([]byte("GET / HTTP/1.1\r\nHost: x\r\nX-Real-IP: 192.0.2.1\r\n\r\n"))
	if resp, err := http.ReadResponse(r.r, nil); err != nil || resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the page for it: %v %v", resp, err)
	}
	if resp := garbage("X-Real-IP: 192.0.2.2"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("another client of the proxy: %s", resp.Status)
	}
}

// TestLimitsBehindAProxyThatIsNotNamed: its users have one address, which is not kept
// out for some of them, and the operator hears of it. Who comes without a proxy is.
func TestLimitsBehindAProxyThatIsNotNamed(t *testing.T) {
	t.Parallel()
	for _, proxied := range []bool{true, false} {
		n := start(t, func(o *gateway.Options) {
			o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
			o.Limits.Strikes = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
			o.Limits.KeepOut, o.Limits.KeepOutMax = time.Hour, time.Hour
		})
		var lines []string
		if proxied {
			lines = []string{"X-Real-IP: 192.0.2.1"}
		}
		for range 3 {
			r := dialRaw(t, n.addr)
			if resp := r.upgrade(lines...); resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("refused too early: %s", resp.Status)
			}
			for range 3 {
				r.send(frame(0x81, []byte("{")))
			}
			r.expectClose()
		}
		_, err := tryDialFrom(t, "127.0.0.1", n.addr, talk.Extended)
		if kept := err != nil; kept == proxied {
			t.Errorf("proxied %v: kept out %v", proxied, kept)
		}
		told := slices.ContainsFunc(n.server.Degraded(), func(s string) bool { return strings.Contains(s, "-trusted-proxies") })
		if told != proxied {
			t.Errorf("proxied %v: the operator hears %q", proxied, n.server.Degraded())
		}
	}
}

// TestLimitsGarbageHoldsUpNobody: what is no message cannot wait for its turn and is
// paid for afterwards, by who sends it.
func TestLimitsGarbageHoldsUpNobody(t *testing.T) {
	t.Parallel()
	const strangers, frames = 4, 50 // fewer than are refused before the end
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(300)
		o.Limits.Process.Bytes = limits.Rate{PerSecond: 1 << 20, Burst: 1 << 20}
	})
	ada := helloFrom(t, "127.0.0.1", n.addr)
	ada.join(1, "ada")
	garbage := make([]byte, 60<<10)
	for range strangers {
		s := helloFrom(t, "127.0.0.2", n.addr)
		for range frames {
			s.write(websocket.MessageBinary, garbage)
		}
		for range frames {
			expect[talk.Error](s)
		}
	}
	before := n.metric(t, "tuitalk_delayed_messages_total", "")
	ada.postStored(1, "here")
	if n.metric(t, "tuitalk_delayed_messages_total", "") != before {
		t.Error("somebody else has to wait for it")
	}
}

// TestLimitsKeptOutSaysNothing: of who is kept out, no message is taken that came
// together with the one by which he was known.
func TestLimitsKeptOutSaysNothing(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
		o.Limits.KeepOut, o.Limits.KeepOutMax = time.Hour, time.Hour
	})
	ada := hello(t, n.addr)
	ada.join(1, "ada")
	old := dial(t, n.addr, talk.JSON)
	old.join(1, "old")
	for range 3 {
		old.write(websocket.MessageText, []byte("{"))
	}
	old.expectClose()
	again := dial(t, n.addr, talk.JSON)
	again.uuid = old.uuid
	again.say(talk.JoinRoom{RoomID: 1, UUID: again.uuid, Username: "old"})
	for range 5 {
		again.post(1, "said by who is kept out")
	}
	if code, _ := again.expectClose(); code != talk.CloseTooManyErrors {
		t.Errorf("closed with %d", code)
	}
	ada.post(1, "the end")
	for {
		if e := expect[talk.Entry](ada); e.Text == "the end" {
			return
		} else if e.Kind == talk.KindPosted {
			t.Fatalf("heard %q", e.Text)
		}
	}
}

// TestLimitsEveryMessageCosts: whatever somebody sends without end, he is closed.
func TestLimitsEveryMessageCosts(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(1000)
		o.Limits.Refusals = limits.Rate{PerSecond: 1, Burst: 20}
		o.Limits.Strikes = limits.Rate{}
	})
	me := newID(4)
	text := func(s string) []byte { return frame(0x81, []byte(s)) }
	for name, flood := range map[string][]byte{
		"LeaveRoom":          text(`{"LeaveRoom":{"room_id":5,"uuid":"` + me.String() + `","username":"a","unixtime":0}}`),
		"LocalError":         text(`{"LocalError":{"message":"Input too long"}}`),
		"Pong":               text(`{"Pong":{"n":1}}`),
		"Fetch":              text(`{"Fetch":{"room_id":5,"limit":1,"fetch_before":9}}`),
		"JoinRoom":           text(`{"JoinRoom":{"room_id":5,"uuid":"` + me.String() + `","username":"a","unixtime":0}}`),
		"garbage":            text(`{`),
		"the other form":     frame(0x82, []byte{4}),
		"WebSocket pings":    frame(0x89, []byte("x")),
		"WebSocket pongs":    frame(0x8A, []byte("x")),
		"messages in pieces": append(append(frame(0x01, []byte("{")), frame(0x00, nil)...), frame(0x80, nil)...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := dialRaw(t, n.addr)
			r.upgrade()
			r.send(text(`{"JoinRoom":{"room_id":6,"uuid":"` + me.String() + `","username":"a","unixtime":0}}`))
			r.sendUntilClosed(flood, 5000)
			if code, _ := r.expectCloseAny(); code != talk.CloseTooManyErrors {
				t.Errorf("closed with %d", code)
			}
		})
	}
}

// sendUntilClosed sends the same again and again.
func (r *raw) sendUntilClosed(b []byte, times int) {
	go func() {
		for range times {
			if _, err := r.Write(b); err != nil {
				return
			}
		}
	}()
}

// expectCloseAny is expectClose for a client that may still be sending, for which the
// end can come as a reset.
func (r *raw) expectCloseAny() (code int, reason string) {
	r.t.Helper()
	for {
		op, payload, err := r.readFrame()
		if err != nil {
			r.t.Fatalf("no close frame before the end: %v", err)
		}
		if op == 0x8 {
			return int(payload[0])<<8 | int(payload[1]), string(payload[2:])
		}
	}
}

// flooder is a connection that posts without end and does not do what it is told.
type flooder struct {
	address, addr string
	room          int32
	text          string
	every         time.Duration
	stored        *atomic.Int64
	closed        *atomic.Int64
}

// run floods until ctx ends, and comes again whenever it is closed.
func (f flooder) run(ctx context.Context, t testing.TB) {
	for ctx.Err() == nil {
		f.once(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}

func (f flooder) once(ctx context.Context) {
	transport := &http.Transport{DialContext: from(f.address).DialContext}
	ws, _, err := websocket.Dial(ctx, "ws://"+f.addr+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(16 << 20)
	secret := newSecret()
	me := secret.UUID()
	say := func(m talk.Message) error {
		b, err := talk.Append(nil, talk.Extended, m)
		if err != nil {
			return err
		}
		return ws.Write(ctx, websocket.MessageText, b)
	}
	if say(talk.Hello{Client: "flood", Secret: secret}) != nil || say(talk.JoinRoom{RoomID: f.room, UUID: me, Username: "flood"}) != nil {
		return
	}
	post := func() {
		for {
			e := talk.Entry{Kind: talk.KindPosted, RoomID: f.room, Author: me, ID: newID(4), Text: f.text}
			if say(e) != nil {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(f.every):
			}
		}
	}
	for {
		_, b, err := ws.Read(ctx)
		var ce websocket.CloseError
		if errors.As(err, &ce) && ce.Code == talk.CloseTooManyErrors {
			f.closed.Add(1)
		}
		if err != nil {
			return
		}
		var m map[string]json.RawMessage
		switch err := json.Unmarshal(b, &m); {
		case err != nil:
		case m["Joined"] != nil:
			go post()
		case m["Stored"] != nil:
			f.stored.Add(1)
		}
	}
}

// TestLimitsFloodFromOneAddress: many connections of one address post as much as
// they can, and do not do what they are told. What somebody else says, there or
// elsewhere, is stored behind no more of their posts than a budget's burst; they are
// closed, and their address is kept out.
func TestLimitsFloodFromOneAddress(t *testing.T) {
	t.Parallel()
	const rate, burst = 30, 60
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(1000)
		o.Limits.SetAddress(limits.Rates{Messages: limits.Rate{PerSecond: rate, Burst: burst}})
		o.Limits.Room = limits.Rates{}
		o.Limits.Refusals = limits.Rate{PerSecond: 1, Burst: 200}
		o.Limits.KeepOut, o.Limits.KeepOutMax = time.Hour, time.Hour
	})
	there, elsewhere := helloFrom(t, "127.0.0.2", n.addr), helloFrom(t, "127.0.0.3", n.addr)
	var stored, closed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for range 20 {
		f := flooder{address: "127.0.0.2", addr: n.addr, room: 1, text: strings.Repeat("x", 1000), every: 10 * time.Millisecond, stored: &stored, closed: &closed}
		all.Go(func() { f.run(ctx, t) })
	}
	eventually(t, "the flood has come", func() bool { return stored.Load() > 5 })
	for _, p := range []*peer{there, elsewhere} {
		p.join(2, "honest")
		for i := range 5 {
			before, began := stored.Load(), time.Now()
			id := p.post(2, fmt.Sprint("hello ", i))
			for expect[talk.Stored](p).ID != id {
			}
			took := time.Since(began) // on a busy machine the budget grows meanwhile
			if ahead := stored.Load() - before; float64(ahead) > 2*burst+rate*took.Seconds() {
				t.Errorf("%d posts of the flood were stored before an honest one, which took %v", ahead, took)
			}
		}
	}
	eventually(t, "flooders are closed", func() bool { return closed.Load() > 10 })
	eventually(t, "their address is kept out", func() bool { return n.metric(t, "tuitalk_kept_out_total", "address") == 1 })
	eventually(t, "and it is", func() bool { return n.metric(t, "tuitalk_refused_connections_total", "kept_out") > 0 })
	there.post(2, "who is there already stays")
	there.heardText("who is there already stays")
	helloFrom(t, "127.0.0.3", n.addr).join(2, "newcomer")
	stop()
	all.Wait()
}

// TestLimitsKeptOutByIdentity: who was closed for flooding does not get in again with
// another window, and is told so; the same UUID elsewhere, which proves nothing in the
// original's form, is not his.
func TestLimitsKeptOutByIdentity(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 60, Burst: 2}
		o.Limits.KeepOut, o.Limits.KeepOutMax = time.Hour, time.Hour
	})
	p := hello(t, n.addr)
	p.join(1, "ada")
	for range 3 {
		p.write(websocket.MessageText, []byte("{"))
	}
	if code, _ := p.expectClose(); code != talk.CloseTooManyErrors {
		t.Fatalf("closed with %d", code)
	}
	again := dial(t, n.addr, talk.Extended)
	again.say(talk.Hello{Secret: p.secret})
	if e := expect[talk.Error](again); e.Code != talk.CodeFlood || !e.Retry || e.RetryMS < 3_000_000 {
		t.Errorf("refused with %+v", e)
	}
	if code, reason := again.expectClose(); code != talk.CloseTooManyErrors || !strings.Contains(reason, "kept out") {
		t.Errorf("closed with %d %q", code, reason)
	}
	hello(t, n.addr).join(1, "somebody else")

	old := dial(t, n.addr, talk.JSON)
	old.join(1, "old")
	for range 3 {
		old.write(websocket.MessageText, []byte("{"))
	}
	old.expectClose()
	victim, err := tryDialFrom(t, "127.0.0.2", n.addr, talk.JSON)
	if err != nil {
		t.Fatal(err)
	}
	victim.uuid = old.uuid
	victim.join(1, "old")
}

// TestLimitsSlowMode: in a slow room each speaks once in a while, and the time that a
// client is told to wait is true.
func TestLimitsSlowMode(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.Limits.SlowMode = map[int32]time.Duration{7: time.Second, 8: time.Hour} })
	p, other := hello(t, n.addr), dial(t, n.addr, talk.JSON)
	p.join(7, "ada")
	other.join(7, "bob")
	p.post(7, "first")
	expect[talk.Stored](p)
	other.post(7, "of somebody else")
	other.heardText("of somebody else")
	id, e := p.postTooSoon(7)
	if e.Code != talk.CodeFlood || !e.Retry || e.RetryMS == 0 || e.RetryMS > 1001 || e.ID != id || !strings.Contains(e.Message, "slow mode") {
		t.Fatalf("refused with %+v", e)
	}
	time.Sleep(time.Duration(e.RetryMS) * time.Millisecond) // as it was told
	p.say(talk.Entry{Kind: talk.KindPosted, RoomID: 7, Author: p.uuid, Text: "too soon", ID: id, Round: 1})
	if m := expect[talk.Stored](p); m.ID != id {
		t.Errorf("%+v", m)
	}
	other.join(8, "bob")
	other.post(8, "first")
	other.heardText("first")
	other.post(8, "second")
	if e := expect[talk.Error](other); e.Code != talk.CodeFlood || !strings.Contains(e.Message, "slow mode") {
		t.Errorf("the original's form: refused with %+v", e)
	}
}

// postTooSoon posts until it is refused: on a busy machine a post may come in time.
func (p *peer) postTooSoon(room int32) (talk.UUID, talk.Error) {
	p.t.Helper()
	for {
		id := p.post(room, "too soon")
		if e, refused := p.fate(id).(talk.Error); refused {
			return id, e
		}
	}
}

// TestLimitsNobodyIsPunishedForAnOutage: clients of one address that come back all
// together, each with as much unsent as it may send at once, get everything stored, in
// order, and none is closed.
func TestLimitsNobodyIsPunishedForAnOutage(t *testing.T) {
	t.Parallel()
	const clients, posts, window = 60, 64, 32 // client.maxInFlight
	n := start(t, func(o *gateway.Options) {
		o.Limits = limits.Default(1000)
		o.Limits.Connection.Messages = limits.Rate{PerSecond: 50, Burst: 20}
		o.Limits.Identity.Messages = limits.Rate{PerSecond: 100, Burst: 60}
		o.Limits.SetAddress(limits.Rates{Messages: limits.Rate{PerSecond: 1000, Burst: 200}})
		o.Limits.Room = limits.Rates{}
	})
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			p := helloFrom(t, "127.0.0.2", n.addr)
			p.join(int32(i%7), "back")
			p.sayAll(int32(i%7), posts, window)
		})
	}
	all.Wait()
	for _, reason := range []string{"flood", "errors", "kept_out"} {
		if n.metric(t, "tuitalk_closed_total", reason) != 0 {
			t.Errorf("somebody was closed: %s", reason)
		}
	}
}

// sayAll posts so many texts, window at once, and sees that they are stored in order.
// What a busy machine's store does not take in time is said again, as clients do.
func (p *peer) sayAll(room int32, posts, window int) {
	ids := make([]talk.UUID, posts)
	for i := range ids {
		ids[i] = newID(4)
	}
	inFlight, round := map[talk.UUID]bool{}, int32(0)
	for done, sent, refused := 0, 0, false; done < posts; {
		if refused && len(inFlight) == 0 {
			sent, refused = done, false
			round++
		}
		for ; !refused && sent < posts && len(inFlight) < window; sent++ {
			inFlight[ids[sent]] = true
			p.say(talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: p.uuid, Text: fmt.Sprint(sent), ID: ids[sent], Round: round})
		}
		m, err := p.tryHear(patience)
		if err != nil {
			p.t.Errorf("after %d posts: %v", done, err)
			return
		}
		switch m := m.(type) {
		case talk.Stored:
			if m.ID != ids[done] {
				p.t.Errorf("something else is stored in the place of post %d", done)
			}
			delete(inFlight, m.ID)
			done++
		case talk.Error:
			late := m.Code == talk.CodeUnavailable || m.Code == talk.CodeBusy || m.Code == talk.CodeOutOfTurn
			if !m.Retry || !late {
				p.t.Errorf("after %d posts: refused: %+v", done, m)
				return
			}
			delete(inFlight, m.ID)
			refused = true
		}
	}
}
