package virtualuser

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"tuitalk/bench/tlsconfig"
	"tuitalk/websocket"
)

// target is where clients connect.
type target struct {
	url     string
	addr    netip.AddrPort
	host    string
	tls     *tls.Config // nil for ws://
	request []byte      // asks for the upgrade
	accept  string      // what the answer must prove
}

// maxAnswer is the most that the answer to a request may have, in bytes.
const maxAnswer = 16 << 10

// findTarget understands a URL and looks up its host, once for all clients.
func findTarget(raw string, whom *tlsconfig.Policy) (*target, error) {
	u, addr, err := tlsconfig.Resolve(raw)
	if err != nil {
		return nil, err
	}
	t := &target{url: raw, host: u.Hostname(), addr: addr}
	if u.Scheme == "wss" {
		if t.tls, err = whom.Config(t.host); err != nil {
			return nil, fmt.Errorf("target %q: %w", raw, err)
		}
	}
	t.ask(u)
	return t, nil
}

func (t *target) ask(u *url.URL) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	t.accept = websocket.Accept(key)
	t.request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nUser-Agent: tuitalk-bench\r\n\r\n", u.RequestURI(), u.Host, key)
}

var (
	errNotHTTP   = errors.New("the target does not answer in HTTP")
	errBadAnswer = errors.New("the target's answer to the upgrade is not WebSocket's")
)

// answered reads the answer to the request at the beginning of b, and tells how
// long it is; websocket.ErrPartial if it is not all there.
func (t *target) answered(b []byte) (size int, err error) {
	const proto = "HTTP/1.1 "
	if n := min(len(b), len(proto)-2); !bytes.EqualFold(b[:n], []byte(proto)[:n]) { // 1.0 refuses too
		return 0, errNotHTTP
	}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxAnswer {
			return 0, errNotHTTP
		}
		return 0, websocket.ErrPartial
	}
	lines := strings.Split(string(b[:end]), "\r\n")
	status := lines[0][min(len(lines[0]), len(proto)):]
	if !strings.HasPrefix(status, "101") {
		return 0, fmt.Errorf("the target refuses the upgrade: %s", shortened(status))
	}
	upgrade, accept := false, false
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case "upgrade":
			upgrade = strings.EqualFold(value, "websocket")
		case "sec-websocket-accept":
			accept = value == t.accept
		}
	}
	if !upgrade || !accept {
		return 0, errBadAnswer
	}
	return end + 4, nil
}

// shortened is what a peer said, fit to be a key among few.
func shortened(s string) string {
	const most = 120 // bytes
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}
