package gateway_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tuitalk/gateway"
)

// says tells whether the operator is told something with these words.
func (n *node) says(words string) bool {
	return slices.ContainsFunc(n.server.Degraded(), func(s string) bool { return strings.Contains(s, words) })
}

// TestProxiesAsTheyWrite: an address with a port or in brackets counts, and what is none
// is told, with the proxy that sends it.
func TestProxiesAsTheyWrite(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Limits.SetConns(o.Limits.MaxConns, 1)
	})
	from := func(address string) int {
		r := dialRaw(t, n.addr)
		return r.upgrade("X-Real-IP: " + address).StatusCode
	}
	for _, same := range [][]string{
		{"192.0.2.1", "192.0.2.1:4711"}, {"192.0.2.2:80", "::ffff:192.0.2.2"}, {"[2001:db8:1::5]", "2001:db8:1::5", "[2001:db8:1::5]:443"},
	} {
		for i, address := range same {
			if want := []int{http.StatusSwitchingProtocols, http.StatusTooManyRequests}[min(i, 1)]; from(address) != want {
				t.Errorf("%s counts for another address", address)
			}
		}
	}
	if refused := n.metric(t, "tuitalk_too_many_requests_total", "address"); refused != 4 {
		t.Errorf("%v were refused with 429 for their address", refused)
	}
	if n.says("X-Real-IP") {
		t.Errorf("the operator hears %q", n.server.Degraded())
	}
	from("unknown")
	if !n.says(`the proxy at 127.0.0.1 sends an X-Real-IP that is no address ("unknown")`) {
		t.Errorf("the operator hears %q", n.server.Degraded())
	}
}

// TestProxiesThatAreNotNamed: whose users are refused, and which speak another protocol.
func TestProxiesThatAreNotNamed(t *testing.T) {
	t.Parallel()
	n := start(t, func(o *gateway.Options) { o.Limits.SetConns(o.Limits.MaxConns, 2) })
	for i := range 3 {
		r := dialRaw(t, n.addr)
		if i == 2 {
			break // hung up: no place for it
		}
		r.upgrade(fmt.Sprintf("X-Real-IP: 192.0.2.%d", i))
	}
	if !n.says("a proxy at 127.0.0.1 is not named in -trusted-proxies") {
		t.Errorf("the operator hears %q", n.server.Degraded())
	}
	for _, begin := range []string{"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c............"} {
		other := start(t, nil)
		if resp := ask(t, other.addr, begin+handshakeHead(), 1<<20); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", begin, resp.Status)
		}
		if !other.says("the proxy at 127.0.0.1 speaks the PROXY protocol, and nobody gets in through it: ") {
			t.Errorf("%q: the operator hears %q", begin, other.server.Degraded())
		}
	}
}
