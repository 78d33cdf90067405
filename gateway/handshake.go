package gateway

import (
	"bufio"
	"bytes"
	"net/http"
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

// upgradeRefusal says why a WebSocket handshake was refused, or a request that is
// none. It is also the metric's label.
type upgradeRefusal uint8

const (
	upgradeFine        upgradeRefusal = iota
	refusedTooLarge                   // too many bytes or headers
	refusedMalformed                  // not HTTP/1
	refusedBody                       // with a body
	refusedMethod                     // not GET
	refusedHTTPVersion                // below 1.1, or above 1
	refusedNoUpgrade                  // a plain request where there is only a WebSocket
	refusedVersion                    // not version 13, or several
	refusedKey                        // none, several, or not 16 bytes
	refusedHost                       // none, several, or not a host
	refusedHostName                   // a page of a host that is not ours
	refusedOrigin                     // a page of somebody else
	refusedDraining                   // we are going away
	refusedLimits                     // too many connections: refused_connections_total tells of which kind
	upgradeRefusalCount
)

var upgradeRefusals = [upgradeRefusalCount]struct {
	label    string
	status   int
	sentence string
}{
	refusedTooLarge:    {"too_large", http.StatusRequestHeaderFieldsTooLarge, "the request's headers are too large"},
	refusedMalformed:   {"malformed", http.StatusBadRequest, "this is not an HTTP request"},
	refusedBody:        {"body", http.StatusRequestEntityTooLarge, "a request here has no body"},
	refusedMethod:      {"method", http.StatusMethodNotAllowed, "a WebSocket begins with GET"},
	refusedHTTPVersion: {"http_version", http.StatusHTTPVersionNotSupported, "a WebSocket begins with HTTP/1.1"},
	refusedNoUpgrade:   {"no_upgrade", http.StatusUpgradeRequired, "this address speaks WebSocket only"},
	refusedVersion:     {"version", http.StatusUpgradeRequired, "only WebSocket version 13 is spoken here"},
	refusedKey:         {"key", http.StatusBadRequest, "there must be one Sec-WebSocket-Key of 16 bytes in base64"},
	refusedHost:        {"host", http.StatusBadRequest, "there must be one Host header with a host and perhaps a port"},
	refusedHostName: {"host_name", http.StatusForbidden,
		"this gateway does not answer to this host name; the operator can name it with -hosts, or the proxy in front with -trusted-proxies"},
	refusedOrigin:   {"origin", http.StatusForbidden, "this origin may not connect; the operator can allow it with -origins"},
	refusedDraining: {"draining", http.StatusServiceUnavailable, "this gateway is going away"},
	refusedLimits:   {"limits", http.StatusTooManyRequests, ""}, // crowdSentence
}

func (r upgradeRefusal) label() string { return upgradeRefusals[r].label }

var (
	endOfLine = []byte("\r\n")
	endOfHead = []byte("\r\n\r\n")
)

// cutHead finds a request's head at the beginning of what has come. It is judged
// the same however it is segmented: whole is false for a head that goes on, and
// tooLarge as soon as it cannot become one.
func cutHead(data []byte) (head []byte, whole, tooLarge bool) {
	end := bytes.Index(data[:min(len(data), maxRequest)], endOfHead)
	if end < 0 {
		return nil, false, len(data) >= maxRequest
	}
	return data[:end+len(endOfHead)], true, false
}

// readRequest reads a head and finds what no request here may have.
func readRequest(head []byte) (*http.Request, upgradeRefusal) {
	hosts, why := checkLines(head)
	if hosts > 1 {
		why = refusedHost
	}
	if why != upgradeFine {
		return nil, why
	}
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	switch {
	case err != nil:
		return nil, refusedMalformed
	case req.ProtoMajor != 1:
		return req, refusedHTTPVersion
	case hosts == 0 && req.ProtoAtLeast(1, 1):
		return req, refusedHost
	case req.ContentLength != 0 || len(req.TransferEncoding) > 0:
		return req, refusedBody
	}
	return req, upgradeFine
}

// checkLines looks at the header lines as they are, which http.ReadRequest does not
// show: it joins folded lines, and keeps one Host of several.
func checkLines(head []byte) (hosts int, why upgradeRefusal) {
	lines := bytes.Split(bytes.TrimSuffix(head, endOfHead), endOfLine)[1:]
	if len(lines) > maxHeaders {
		return 0, refusedTooLarge
	}
	for _, line := range lines {
		name, _, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.ContainsAny(name, " \t") || bytes.ContainsAny(line, "\r\n\x00") {
			return 0, refusedMalformed
		}
		if bytes.EqualFold(name, []byte("Host")) {
			hosts++
		}
	}
	return hosts, upgradeFine
}

// wantsUpgrade tells whether a request is a handshake. At / it may also be one for
// the page: the original's clients dial no path.
func (s *Server) wantsUpgrade(req *http.Request) bool {
	switch req.URL.Path {
	case s.opts.Path:
		return true
	case "/", "":
		return isUpgrade(req.Header)
	}
	return false
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

// checkUpgrade finds why a handshake must be refused. Where RFC 6455 wants a
// header once, several are refused: else two that read a request could
// understand it differently.
func (s *Server) checkUpgrade(req *http.Request, f forwarded) upgradeRefusal {
	h := req.Header
	switch {
	case req.Method != http.MethodGet:
		return refusedMethod
	case !req.ProtoAtLeast(1, 1):
		return refusedHTTPVersion
	case !isUpgrade(h):
		return refusedNoUpgrade
	case !only(h, "Sec-Websocket-Version", func(v string) bool { return v == "13" }):
		return refusedVersion
	case !only(h, "Sec-Websocket-Key", websocket.IsKey):
		return refusedKey
	case len(h["Origin"]) > 1:
		return refusedOrigin
	}
	hosts, ok := f.authorities()
	if !ok {
		return refusedHost
	}
	if why := s.origins.check(h.Get("Origin"), hosts, !f.proxied && isNear(f.addr)); why != upgradeFine {
		return why
	}
	if s.draining.Load() {
		return refusedDraining
	}
	return upgradeFine
}

// only tells whether a header is there once, with a value as it must be.
func only(h http.Header, name string, fits func(string) bool) bool {
	return len(h[name]) == 1 && fits(strings.TrimSpace(h[name][0]))
}

// refuseUpgrade refuses and answers. req is nil if there is no request.
func (c *conn) refuseUpgrade(why upgradeRefusal, req *http.Request) {
	c.noteRefused(why, req)
	c.refuseHTTP(upgradeRefusals[why].status, upgradeRefusals[why].sentence)
}

// noteRefused counts and logs a refusal. The reason is in the message, so that a
// log that limits equal messages shows each.
func (c *conn) noteRefused(why upgradeRefusal, req *http.Request, more ...any) {
	c.srv.metrics.refusedUpgrades[why].Inc()
	from, host, page := c.addr, "", ""
	if req != nil {
		from, host, page = c.srv.clientAddr(c.addr, req.Header), req.Host, req.Header.Get("Origin")
	}
	attrs := append([]any{"from", from, "peer", c.addr, "host", clip(host), "origin", clip(page)}, more...)
	c.srv.log.Info("handshake refused: "+why.label(), attrs...)
}

// clip bounds what a stranger can write into a line of the log.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
