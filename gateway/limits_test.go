package gateway_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

// TestConnectionsOfOneAddress: one address cannot have more than its share, also
// behind a proxy, and gets back what it gives up.
func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits.PerAddress = 3
		o.HandshakeWait = time.Minute // they say nothing
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	from := func(address string) (*raw, int) {
		r := dialRaw(t, n.addr)
		return r, r.upgrade("X-Real-IP: " + address).StatusCode
	}
	var last *raw
	for range 3 {
		var status int
		if last, status = from("192.0.2.1"); status != http.StatusSwitchingProtocols {
			t.Fatalf("status %d below the bound", status)
		}
	}
	if _, status := from("192.0.2.1"); status != http.StatusTooManyRequests {
		t.Errorf("status %d above the bound", status)
	}
	if _, status := from("192.0.2.2"); status != http.StatusSwitchingProtocols {
		t.Errorf("status %d for another address", status)
	}
	for i, want := range []int{101, 101, 101, http.StatusTooManyRequests} {
		if _, status := from(fmt.Sprintf("2001:db8::%d:1", i)); status != want {
			t.Errorf("status %d for address %d of one network", status, i)
		}
	}
	_ = last.Close()
	deadline := time.Now().Add(patience)
	for {
		if _, status := from("192.0.2.1"); status == http.StatusSwitchingProtocols {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was given up stays taken")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, status := from("192.0.2.1"); status != http.StatusTooManyRequests {
		t.Errorf("status %d: a place was given back twice", status)
	}
}

// TestPingFlood: a client that pings without end is refused, and then closed.
func TestPingFlood(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.Limits.Control = limits.Rate{PerSecond: 1.0 / 3600, Burst: 5}
		o.Limits.Refusals = limits.Rate{PerSecond: 1.0 / 6, Burst: 10}
	})
	p := hello(t, n.addr)
	for i := range 30 {
		if b, err := talk.Append(nil, talk.Extended, talk.Ping{N: uint32(i)}); err != nil {
			t.Fatal(err)
		} else if p.tryWrite(websocket.MessageText, b) != nil {
			break
		}
	}
	pongs, refusals := 0, 0
	for {
		m, err := p.tryHear(patience)
		if err != nil {
			break
		}
		switch m := m.(type) {
		case talk.Pong:
			pongs++
		case talk.Error:
			if m.Code != talk.CodeFlood {
				t.Fatalf("refused with %v", m)
			}
			refusals++
		}
	}
	if pongs != 5 || refusals < 10 {
		t.Errorf("%d pongs and %d refusals before the end", pongs, refusals)
	}
}
