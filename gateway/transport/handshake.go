package transport

import (
	"bufio"
	"bytes"
	"net/http"
	"slices"
	"strings"

	"tuitalk/websocket"
)

const (
	// maxRequest is the most bytes that a request line and its headers may have.
	maxRequest = 8 << 10
	// maxHeaders is how many header lines there may be: a browser behind two
	// proxies sends about forty.
	maxHeaders = 100
)

// Refusal says why a WebSocket handshake was refused, or a request that is
// none. It is also the metric's label.
type Refusal uint8

const (
	RefusedNot           Refusal = iota
	RefusedTooLarge              // too many bytes or headers
	RefusedMalformed             // not HTTP/1
	RefusedProxyProtocol         // before the request
	RefusedBody                  // with a body
	RefusedMethod                // not GET
	RefusedHTTPVersion           // below 1.1, or above 1
	RefusedNoUpgrade             // a plain request where there is only a WebSocket
	RefusedVersion               // not version 13, or several
	RefusedKey                   // none, several, or not 16 bytes
	RefusedHost                  // none, several, or not a host
	RefusedHostName              // a page of a host that is not ours
	RefusedOrigin                // a page of somebody else
	RefusedDraining              // we are going away
	RefusedLimits                // too many connections: refused_connections_total tells of which kind
	RefusalCount
)

var refusals = [RefusalCount]struct {
	label    string
	status   int
	sentence string
}{
	RefusedTooLarge:  {"too_large", http.StatusRequestHeaderFieldsTooLarge, "the request's headers are too large"},
	RefusedMalformed: {"malformed", http.StatusBadRequest, "this is not an HTTP request"},
	RefusedProxyProtocol: {"proxy_protocol", http.StatusBadRequest,
		"the PROXY protocol is not spoken here: turn it off at the balancer (Nginx: proxy_protocol, HAProxy: send-proxy), and have it send X-Real-IP"},
	RefusedBody:        {"body", http.StatusRequestEntityTooLarge, "a request here has no body"},
	RefusedMethod:      {"method", http.StatusMethodNotAllowed, "a WebSocket begins with GET"},
	RefusedHTTPVersion: {"http_version", http.StatusHTTPVersionNotSupported, "a WebSocket begins with HTTP/1.1"},
	RefusedNoUpgrade:   {"no_upgrade", http.StatusUpgradeRequired, "this address speaks WebSocket only"},
	RefusedVersion:     {"version", http.StatusUpgradeRequired, "only WebSocket version 13 is spoken here"},
	RefusedKey:         {"key", http.StatusBadRequest, "there must be one Sec-WebSocket-Key of 16 bytes in base64"},
	RefusedHost:        {"host", http.StatusBadRequest, "there must be one Host header with a host and perhaps a port"},
	RefusedHostName: {"host_name", http.StatusForbidden,
		"this gateway does not answer to this host name; the operator can name it with -hosts, or the proxy in front with -trusted-proxies"},
	RefusedOrigin:   {"origin", http.StatusForbidden, "this origin may not connect; the operator can allow it with -origins"},
	RefusedDraining: {"draining", http.StatusServiceUnavailable, "this gateway is going away"},
	RefusedLimits:   {"limits", http.StatusTooManyRequests, ""}, // it depends on which
}

func (r Refusal) Label() string    { return refusals[r].label }
func (r Refusal) Status() int      { return refusals[r].status }
func (r Refusal) Sentence() string { return refusals[r].sentence }

var (
	endOfLine = []byte("\r\n")
	endOfHead = []byte("\r\n\r\n")
)

// How the PROXY protocol begins, in its two versions.
var proxyProtocols = [][]byte{[]byte("PROXY "), []byte("\r\n\r\n\x00\r\nQUIT\n")}

// IsProxyProtocol tells whether a balancer has written that before the request.
func IsProxyProtocol(data []byte) bool {
	return slices.ContainsFunc(proxyProtocols, func(begin []byte) bool { return bytes.HasPrefix(data, begin) })
}

// CutHead finds a request's head at the beginning of what has come. It is judged
// the same however it is segmented: whole is false for a head that goes on, and
// tooLarge as soon as it cannot become one.
func CutHead(data []byte) (head []byte, whole, tooLarge bool) {
	end := bytes.Index(data[:min(len(data), maxRequest)], endOfHead)
	if end < 0 {
		return nil, false, len(data) >= maxRequest
	}
	return data[:end+len(endOfHead)], true, false
}

// ReadRequest reads a head and finds what no request here may have.
func ReadRequest(head []byte) (*http.Request, Refusal) {
	hosts, why := checkLines(head)
	if hosts > 1 {
		why = RefusedHost
	}
	if why != RefusedNot {
		return nil, why
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	switch {
	case err != nil:
		return nil, RefusedMalformed
	case req.ProtoMajor != 1:
		return req, RefusedHTTPVersion
	case hosts == 0 && req.ProtoAtLeast(1, 1):
		return req, RefusedHost
	case req.ContentLength != 0 || len(req.TransferEncoding) > 0:
		return req, RefusedBody
	}
	return req, RefusedNot
}

// checkLines looks at the header lines as they are, which http.ReadRequest does not
// show: it joins folded lines, and keeps one Host of several.
func checkLines(head []byte) (hosts int, why Refusal) {
	lines := bytes.Split(bytes.TrimSuffix(head, endOfHead), endOfLine)[1:]
	if len(lines) > maxHeaders {
		return 0, RefusedTooLarge
	}
	for _, line := range lines {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(name, " \t") || bytes.ContainsAny(line, "\r\n\x00") {
			return 0, RefusedMalformed
		}
		if bytes.EqualFold(name, []byte("Host")) {
			hosts++
		}
	}
	return hosts, RefusedNot
}

func isUpgrade(h http.Header) bool {
	return hasToken(h, "Connection", "upgrade") && hasToken(h, "Upgrade", "websocket")
}

func hasToken(h http.Header, name, token string) bool {
	for _, v := range h[name] {
		for part := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// only tells whether a header is there once, with a value as it must be.
func only(h http.Header, name string, fits func(string) bool) bool {
	return len(h[name]) == 1 && fits(strings.TrimSpace(h[name][0]))
}

// SwitchingProtocols is the answer to a handshake that is as it should be.
func SwitchingProtocols(req *http.Request) []byte {
	return []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		websocket.Accept(strings.TrimSpace(req.Header.Get("Sec-WebSocket-Key"))) + "\r\n\r\n")
}
