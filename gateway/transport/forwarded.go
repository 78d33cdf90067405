package transport

import (
	"fmt"
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
func (r *Rules) forwardedOf(peer netip.Addr, host string, h http.Header) forwarded {
	f := forwarded{addr: peer, hosts: []string{host}}
	if !r.Trusts(peer) {
		return f
	}
	f.proxied = true
	via := 0
	f.addr, via = r.lastUntrusted(peer, listOf(h, "X-Forwarded-For"))
	if text := strings.TrimSpace(h.Get("X-Real-Ip")); text != "" {
		if a, ok := parseForwardedAddr(text); ok {
			f.addr = a
		} else {
			r.faults.add(fmt.Sprintf("the proxy at %v sends an X-Real-IP that is no address (%q), so that its users count as one: have it send theirs (proxy_set_header X-Real-IP $remote_addr)", peer, clip(text)))
		}
	}
	if names := listOf(h, "X-Forwarded-Host"); len(names) > 0 {
		f.hosts = append(f.hosts, names[max(0, len(names)-1-via)])
	}
	return f
}

// lastUntrusted walks back along the addresses to the first that is no trusted
// proxy's, and counts the proxies that it has passed.
func (r *Rules) lastUntrusted(peer netip.Addr, addrs []string) (last netip.Addr, via int) {
	last = peer
	for _, text := range slices.Backward(addrs) {
		a, ok := parseForwardedAddr(text)
		if !ok {
			return last, via
		}
		last = a
		if !r.Trusts(a) {
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
