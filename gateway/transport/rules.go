package transport

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"

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

	unnamed atomic.Pointer[string] // tells of the first that UnnamedProxy has found
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
	sentence := fmt.Sprintf("a proxy at %v is not named in -trusted-proxies: all its users count as one address", peer)
	r.unnamed.CompareAndSwap(nil, &sentence)
	return true
}

// Degraded tells the operator of the first proxy that he should have named.
func (r *Rules) Degraded() []string {
	if sentence := r.unnamed.Load(); sentence != nil {
		return []string{*sentence}
	}
	return nil
}

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
