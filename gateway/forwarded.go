package gateway

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded is what a trusted proxy says of a request, else what the connection
// itself shows.
type forwarded struct {
	addr    netip.Addr // of who speaks
	hosts   []string   // that the client may have connected to: first the Host header
	proxied bool       // a trusted proxy says so
}

// authorities are the hosts as far as they can be; false: the Host header is none.
func (f forwarded) authorities() (hosts []authority, ok bool) {
	for i, text := range f.hosts {
		a, valid := parseAuthority(text)
		if valid {
			hosts = append(hosts, a)
		} else if i == 0 {
			return nil, false
		}
	}
	return hosts, true
}

// forwardedOf believes headers from trusted proxies only. X-Real-IP is the word of
// the last one, which must overwrite it. X-Forwarded-For and X-Forwarded-Host
// get longer with each proxy: what counts is what the first trusted one has
// added, whatever a client wrote before it.
func (s *Server) forwardedOf(peer netip.Addr, host string, h http.Header) forwarded {
	f := forwarded{addr: peer, hosts: []string{host}}
	if !s.trusts(peer) {
		return f
	}
	f.proxied = true
	via := 0
	f.addr, via = s.lastUntrusted(peer, listOf(h, "X-Forwarded-For"))
	if a, err := netip.ParseAddr(strings.TrimSpace(h.Get("X-Real-Ip"))); err == nil {
		f.addr = a.Unmap()
	}
	if names := listOf(h, "X-Forwarded-Host"); len(names) > 0 {
		f.hosts = append(f.hosts, names[max(0, len(names)-1-via)])
	}
	return f
}

// clientAddr is the address of who speaks.
func (s *Server) clientAddr(peer netip.Addr, h http.Header) netip.Addr {
	return s.forwardedOf(peer, "", h).addr
}

// unnamedProxy tells whether a request came through a proxy nearby that the operator
// has not named, and tells him: all its users have its address. Far away, anybody
// could say so, and would not be kept out.
func (s *Server) unnamedProxy(peer netip.Addr, h http.Header) bool {
	if !isNear(peer) || s.trusts(peer) || h.Get("X-Real-Ip") == "" && h.Get("X-Forwarded-For") == "" {
		return false
	}
	sentence := "a proxy at " + peer.String() + " is not named in -trusted-proxies: all its users count as one address"
	s.unnamed.CompareAndSwap(nil, &sentence)
	return true
}

// lastUntrusted walks back along the addresses to the first that is no trusted
// proxy's, and counts the proxies that it has passed.
func (s *Server) lastUntrusted(peer netip.Addr, addrs []string) (last netip.Addr, via int) {
	last = peer
	for _, text := range slices.Backward(addrs) {
		a, ok := parseForwardedAddr(text)
		if !ok {
			return last, via
		}
		last = a
		if !s.trusts(a) {
			return last, via
		}
		via++
	}
	return last, via
}

// parseForwardedAddr takes an address with or without a port.
func parseForwardedAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap(), err == nil
}

// listOf returns the items of a header that is a list.
func listOf(h http.Header, name string) (items []string) {
	for _, v := range h[http.CanonicalHeaderKey(name)] {
		for item := range strings.SplitSeq(v, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
	}
	return items
}

// sharedSpace is that of a provider's inner network (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// isNear tells whether an address is of this machine or of a private network: a
// page that comes from there may have been sent by somebody who is not there.
func isNear(a netip.Addr) bool {
	return !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || sharedSpace.Contains(a)
}
