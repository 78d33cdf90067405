package attack

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"tuitalk/bench/tlsconfig"
)

// Target is a gateway, or what stands in front of one.
type Target struct {
	URL  string
	Host string // as the URL has it, with the port: the Host of requests
	Name string // the host alone
	Path string // of the WebSocket
	Page string // of the largest file of the browser client
	Addr netip.AddrPort
	TLS  *tls.Config // nil for ws://
}

// FindTarget understands a URL and looks up its host, once for all connections.
func FindTarget(raw string, whom *tlsconfig.Policy) (*Target, error) {
	u, addr, err := tlsconfig.Resolve(raw)
	if err != nil {
		return nil, err
	}
	t := &Target{
		URL: raw, Host: u.Host, Name: u.Hostname(), Path: u.RequestURI(), Page: "/",
		Addr: addr,
	}
	if u.Scheme == "wss" {
		if t.TLS, err = whom.Config(t.Name); err != nil {
			return nil, fmt.Errorf("target %q: %w", raw, err)
		}
	}
	return t, nil
}

// Here tells whether the target is this machine.
func (t *Target) Here() (bool, error) {
	addr := t.Addr.Addr()
	if addr.IsLoopback() {
		return true, nil
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false, fmt.Errorf("list this machine's addresses: %w", err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == addr {
			return true, nil
		}
	}
	return false, nil
}

// Consent is what somebody must have said to attack a machine that is not this one:
// its host, twice, in two ways.
type Consent struct{ First, Second string }

// ErrNotYours says that a target is not this machine, and that nobody has said twice
// that it is his.
var ErrNotYours = errors.New("the target is not this machine")

// Allowed says whether the target may be attacked; if not, why.
func (t *Target) Allowed(c Consent) error {
	here, err := t.Here()
	switch {
	case err != nil:
		return err
	case here || c.First == t.Name && c.Second == t.Name:
		return nil
	}
	return fmt.Errorf("%w: %s is %s. Attack only what is yours", ErrNotYours, t.Name, t.Addr.Addr())
}

// Addresses from which this side dials a target on loopback, where all of 127/8 is
// this machine's own: so many of attackers and, far from them, the people's.
func (t *Target) loopbackSources(many int) (attackers, people []netip.Addr) {
	if a := t.Addr.Addr(); !a.IsLoopback() || !a.Is4() {
		return nil, nil
	}
	for i := range max(1, many) {
		attackers = append(attackers, netip.AddrFrom4([4]byte{127, byte(i / 200), 0, byte(2 + i%200)}))
	}
	for i := byte(1); i <= 8; i++ {
		people = append(people, netip.AddrFrom4([4]byte{127, 77, i, 1}))
	}
	return attackers, people
}
