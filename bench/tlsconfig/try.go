package tlsconfig

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// patience is how long a handshake may take before the target is taken for one that
// does not speak TLS: longer than for a client, as a machine that is busy speaks it, too.
const patience = 30 * time.Second

// Try makes a handshake with a wss:// target and hangs up. What is wrong is said
// in one sentence.
func (p *Policy) Try(ctx context.Context, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%q is no address as wss://chat.example/ws", target)
	}
	config, err := p.Config(u.Hostname())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", Address(u))
	if err != nil {
		return fmt.Errorf("it cannot be reached: %w", Innermost(err))
	}
	secured := tls.Client(conn, config)
	defer secured.Close()
	if err := secured.HandshakeContext(ctx); err != nil {
		return errors.New(Reason(u.Hostname(), err))
	}
	return nil
}

// Address is where a ws:// or wss:// URL leads: host:port.
func Address(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "wss":
		port = "443"
	default:
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Resolve understands a target's URL and looks up its host, once for all connections.
func Resolve(raw string) (*url.URL, netip.AddrPort, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, netip.AddrPort{}, fmt.Errorf("target %q: it is not a URL", raw)
	case u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "":
		return nil, netip.AddrPort{}, fmt.Errorf("target %q: a target is like ws://host:port/ws or wss://host/ws", raw)
	}
	tcp, err := net.ResolveTCPAddr("tcp", Address(u))
	if err != nil {
		return nil, netip.AddrPort{}, fmt.Errorf("target %q: %w", raw, err)
	}
	addr := tcp.AddrPort()
	return u, netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), nil
}

// Innermost is what a person wants to know of an error of the network.
func Innermost(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}
