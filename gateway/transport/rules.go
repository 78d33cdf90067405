package transport

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"tuitalk/websocket"
)

// RulesConfig is what an operator decides of who may connect.
type RulesConfig struct {
	Path           string // of the WebSocket
	Origins        []string
	Hosts          []string
	OwnNames       []string
	TrustedProxies []netip.Prefix
}

// Rules tell of a request what it is, who sends it, and whether it may become a WebSocket.
type Rules struct {
	path    string
	trusted []netip.Prefix
	origins *origins

	faults faults // of proxies
}

// faults are sentences about proxies, the first few.
type faults struct {
	mu   sync.Mutex
	said []string
}

// mostFaults is how many proxies an operator is told of at once.
const mostFaults = 4

func (f *faults) add(sentence string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) < mostFaults && !slices.Contains(f.said, sentence) {
		f.said = append(f.said, sentence)
	}
}

func (f *faults) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.said)
}

// clip bounds what of a header is shown.
func clip(s string) string {
	const most = 40
	return s[:min(len(s), most)]
}

// NewRules reports the first item that cannot be.
func NewRules(c RulesConfig) (*Rules, error) {
	og, err := newOrigins(&c)
	if err != nil {
		return nil, err
	}
	return &Rules{path: c.Path, trusted: c.TrustedProxies, origins: og}, nil
}

// Trusts tells whether an address is that of a proxy which the operator trusts.
func (r *Rules) Trusts(a netip.Addr) bool {
	return slices.ContainsFunc(r.trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// ClientAddr is the address of who speaks.
func (r *Rules) ClientAddr(peer netip.Addr, h http.Header) netip.Addr {
	return r.forwardedOf(peer, "", h).addr
}

// UnnamedProxy tells whether a request came through a proxy nearby that the operator
// has not named: all its users have its address. Far away, anybody could say so, and
// would not be kept out.
func (r *Rules) UnnamedProxy(peer netip.Addr, h http.Header) bool {
	if !isNear(peer) || r.Trusts(peer) || h.Get("X-Real-Ip") == "" && h.Get("X-Forwarded-For") == "" {
		return false
	}
	r.faults.add(fmt.Sprintf("a proxy at %v is not named in -trusted-proxies: all its users count as one address; name it there", peer))
	return true
}

// OnTooMany notes that a request is refused as too much comes from its address: 429. Far
// away it may be a balancer's, too, but anybody could say so.
func (r *Rules) OnTooMany(peer netip.Addr, h http.Header) {
	if r.UnnamedProxy(peer, h) {
		r.faults.add(fmt.Sprintf("users of the proxy at %v are refused (429), as it is not named in -trusted-proxies: name it there", peer))
	}
}

// OnProxyProtocol notes that a proxy nearby speaks another protocol than is spoken here.
func (r *Rules) OnProxyProtocol(peer netip.Addr) {
	if isNear(peer) || r.Trusts(peer) {
		r.faults.add(fmt.Sprintf("the proxy at %v speaks the PROXY protocol, and nobody gets in through it: %s", peer, RefusedProxyProtocol.Sentence()))
	}
}

// Degraded tells the operator of proxies that are not as they should be.
func (r *Rules) Degraded() []string { return r.faults.list() }

// IsOwnName tells whether a Host header is of this machine, or of a name that the operator
// has named.
func (r *Rules) IsOwnName(host string) bool {
	a, ok := parseAuthority(host)
	return ok && (r.origins.local(a.host) || r.origins.listed(a.host))
}

// WantsUpgrade tells whether a request is a handshake. At / it may also be one for
// the page: the original's clients dial no path.
func (r *Rules) WantsUpgrade(req *http.Request) bool {
	switch req.URL.Path {
	case r.path:
		return true
	case "/", "":
		return isUpgrade(req.Header)
	}
	return false
}

// Check finds why a handshake must be refused. Where RFC 6455 wants a
// header once, several are refused: else two that read a request could
// understand it differently.
func (r *Rules) Check(req *http.Request, peer netip.Addr) Refusal {
	h := req.Header
	switch {
	case req.Method != http.MethodGet:
		return RefusedMethod
	case !req.ProtoAtLeast(1, 1):
		return RefusedHTTPVersion
	case !isUpgrade(h):
		return RefusedNoUpgrade
	case !only(h, "Sec-Websocket-Version", func(v string) bool { return v == "13" }):
		return RefusedVersion
	case !only(h, "Sec-Websocket-Key", websocket.IsKey):
		return RefusedKey
	case len(h["Origin"]) > 1:
		return RefusedOrigin
	}
	f := r.forwardedOf(peer, req.Host, h)
	hosts, ok := f.authorities()
	if !ok {
		return RefusedHost
	}
	return r.origins.check(h.Get("Origin"), hosts, !f.proxied && isNear(f.addr))
}
