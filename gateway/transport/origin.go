package transport

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// authority is a host and perhaps a port, as a Host header has them. The host is
// in lower case, without brackets and without the dot at the end of a full name.
type authority struct{ host, port string }

func parseAuthority(s string) (a authority, ok bool) {
	host, port := s, ""
	if rest, v6 := strings.CutPrefix(s, "["); v6 {
		if host, port, ok = strings.Cut(rest, "]"); !ok {
			return authority{}, false
		}
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is6() || addr.Zone() != "" || port != "" && port[0] != ':' {
			return authority{}, false
		}
		host, port = addr.String(), strings.TrimPrefix(port, ":")
	} else {
		host, port, _ = strings.Cut(s, ":")
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		if host == "" || strings.Trim(host, hostLetters) != "" {
			return authority{}, false
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return authority{}, false
	}
	return authority{host, port}, true
}

// hostLetters are those of names in the DNS, and the underscore of local ones.
const hostLetters = "abcdefghijklmnopqrstuvwxyz0123456789-._"

// defaultPorts by scheme; no other scheme is one of web pages.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// origin is where a page comes from. The port is always there.
type origin struct{ scheme, host, port string }

func parseOrigin(s string) (o origin, ok bool) {
	scheme, rest, ok := strings.Cut(strings.ToLower(s), "://")
	port := defaultPorts[scheme]
	a, valid := parseAuthority(rest)
	if !ok || !valid || port == "" {
		return origin{}, false
	}
	if a.port != "" {
		port = a.port
	}
	return origin{scheme, a.host, port}, true
}

// at tells whether the page comes from the host to which it connects. The schemes
// are not compared: TLS may end before us, and a proxy's word on it is wrong too
// often. A host without a port has the default one of the page's scheme.
func (o origin) at(a authority) bool {
	port := a.port
	if port == "" {
		port = defaultPorts[o.scheme]
	}
	return o.host == a.host && o.port == port
}

// hostPattern is a host, or with a wildcard every host that has one label more.
type hostPattern struct {
	host     string
	wildcard bool
}

func parseHostPattern(s string) (p hostPattern, ok bool) {
	rest, wildcard := strings.CutPrefix(s, "*.")
	a, ok := parseAuthority(rest)
	if _, err := netip.ParseAddr(a.host); err == nil && wildcard {
		ok = false
	}
	return hostPattern{a.host, wildcard}, ok && a.port == ""
}

func (p hostPattern) matches(host string) bool {
	if p.wildcard {
		label, rest, ok := strings.Cut(host, ".")
		return ok && label != "" && rest == p.host
	}
	return host == p.host
}

// originPattern is one of the origins that an operator allows.
type originPattern struct {
	scheme, port string
	host         hostPattern
}

func parseOriginPattern(s string) (p originPattern, ok bool) {
	scheme, rest, _ := strings.Cut(s, "://")
	rest, wildcard := strings.CutPrefix(rest, "*.")
	o, ok := parseOrigin(scheme + "://" + rest)
	if _, err := netip.ParseAddr(o.host); err == nil && wildcard {
		ok = false
	}
	return originPattern{o.scheme, o.port, hostPattern{o.host, wildcard}}, ok
}

func (p originPattern) matches(o origin) bool {
	return p.scheme == o.scheme && p.port == o.port && p.host.matches(o.host)
}

// CheckOrigin reports what is wrong with an origin that an operator allows.
func CheckOrigin(s string) error {
	if _, ok := parseOriginPattern(s); !ok && s != "*" {
		return fmt.Errorf("%q is not an origin, as https://chat.example or https://*.chat.example; a star stands for one whole label, the first", s)
	}
	return nil
}

// CheckHost reports what is wrong with a host that he names.
func CheckHost(s string) error {
	if _, ok := parseHostPattern(s); !ok && s != "*" {
		return fmt.Errorf("%q is not a host name without a port, as chat.example or *.chat.example; a star stands for one whole label, the first", s)
	}
	return nil
}

// origins decides which pages may connect. Programs send no Origin and are not
// asked: they could say any.
//
// A page may come from where it connects to. That proves nothing if a stranger
// has pointed a name of his own at us (DNS rebinding): his page then reaches a
// gateway in a private network through the browser of somebody there. So the
// name must be one that this gateway answers to.
type origins struct {
	anyOrigin, anyHost bool
	allowed            []originPattern
	hosts              []hostPattern // that the operator has named; none: see answersTo
	own                []string      // names of this machine
}

func newOrigins(c *RulesConfig) (*origins, error) {
	og := &origins{anyOrigin: slices.Contains(c.Origins, "*"), anyHost: slices.Contains(c.Hosts, "*")}
	for _, s := range c.Origins {
		if err := CheckOrigin(s); err != nil {
			return nil, fmt.Errorf("origins: %w", err)
		}
		if p, ok := parseOriginPattern(s); ok {
			og.allowed = append(og.allowed, p)
		}
	}
	for _, s := range c.Hosts {
		if err := CheckHost(s); err != nil {
			return nil, fmt.Errorf("hosts: %w", err)
		}
		if p, ok := parseHostPattern(s); ok {
			og.hosts = append(og.hosts, p)
		}
	}
	for _, s := range c.OwnNames {
		if a, ok := parseAuthority(s); ok {
			og.own = append(og.own, a.host)
		}
	}
	return og, nil
}

// check judges the Origin of a handshake. hosts are what the browser may have
// connected to; near: a stranger may not reach us as this client does.
func (og *origins) check(page string, hosts []authority, near bool) Refusal {
	if page == "" || og.anyOrigin {
		return RefusedNot
	}
	o, ok := parseOrigin(page)
	if !ok {
		return RefusedOrigin
	}
	if slices.ContainsFunc(og.allowed, func(p originPattern) bool { return p.matches(o) }) {
		return RefusedNot
	}
	if !slices.ContainsFunc(hosts, o.at) {
		return RefusedOrigin
	}
	if !og.answersTo(o.host, near) {
		return RefusedHostName
	}
	return RefusedNot
}

// answersTo tells whether a host is ours. An address is, and what no stranger can
// own in the DNS. Where the operator has named hosts, only those else; where not,
// any that is not used from nearby: whom a stranger's page reaches through
// somebody's browser then, it could reach without.
func (og *origins) answersTo(host string, near bool) bool {
	switch {
	case og.anyHost || isAddress(host) || isLocalhost(host) || og.listed(host):
		return true
	case len(og.hosts) > 0:
		return false
	}
	return !near || og.local(host)
}

// listed tells whether an operator has named the host in one way or another.
func (og *origins) listed(host string) bool {
	return slices.ContainsFunc(og.hosts, func(p hostPattern) bool { return p.matches(host) }) ||
		slices.ContainsFunc(og.allowed, func(p originPattern) bool { return p.host.matches(host) })
}

// local tells whether a name is this machine's, or such that the public DNS cannot
// lead it here.
func (og *origins) local(host string) bool {
	if isAddress(host) || isLocalhost(host) || slices.Contains(og.own, host) || !strings.Contains(host, ".") {
		return true
	}
	return slices.ContainsFunc(privateDomains, func(d string) bool { return strings.HasSuffix(host, d) })
}

// privateDomains are those that the public DNS does not have and will not get:
// RFC 6762, RFC 8375, RFC 6761, ICANN's .internal; .lan is what routers use.
var privateDomains = []string{".local", ".home.arpa", ".test", ".internal", ".lan"}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func isLocalhost(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
