package attack

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"tuitalk/client"
	"tuitalk/talk"
)

// dialer is the honest side's, from an address of its own.
type dialer struct{ inner client.Dialer }

var _ client.Dialer = dialer{}

func newDialer(target *Target, from netip.Addr) dialer {
	return dialer{client.NewDialerOver(func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, _, err := dial(ctx, target, from, 0)
		return conn, err
	}, talk.Extended)}
}

// Dial says that there is no TLS: dial has made it already.
func (d dialer) Dial(conn client.ConnID, url string, deliver func(client.Event)) client.Line {
	if rest, secured := strings.CutPrefix(url, "wss:"); secured {
		url = "ws:" + rest
	}
	return d.inner.Dial(conn, url, deliver)
}
