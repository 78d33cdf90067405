package gateway

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxRequest is the most that a request line and its headers may have.
const maxRequest = 8 << 10

var endOfHead = []byte("\r\n\r\n")

// consumeRequest takes one HTTP request from data if it is whole, and returns
// the bytes taken.
func (c *conn) consumeRequest(data []byte) int {
	end := bytes.Index(data, endOfHead)
	if end < 0 {
		if len(data) > maxRequest {
			c.refuseHTTP(http.StatusRequestHeaderFieldsTooLarge, "the request's headers are too large")
			return len(data)
		}
		return 0
	}
	head := data[:end+len(endOfHead)]
	c.lastIn.Store(c.srv.clock.coarse())
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	switch {
	case err != nil:
		c.refuseHTTP(http.StatusBadRequest, "this is not an HTTP request")
	case req.ContentLength != 0 || len(req.TransferEncoding) > 0:
		c.refuseHTTP(http.StatusRequestEntityTooLarge, "a request here has no body")
	case !c.enter(req.Header):
	case req.URL.Path == c.srv.opts.Path:
		c.upgrade(req)
	default:
		c.serveSite(req)
	}
	return len(head)
}

// upgrade answers a WebSocket handshake.
func (c *conn) upgrade(req *http.Request) {
	status, sentence := c.checkUpgrade(req)
	if status != http.StatusSwitchingProtocols {
		c.srv.metrics.refusedUpgrades.Inc()
		c.refuseHTTP(status, sentence)
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	head := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
	c.stage.CompareAndSwap(uint32(stageHTTP), uint32(stageSocket))
	c.srv.metrics.upgrades.Inc()
	c.pushAnswer(&packet{bytes: []byte(head)})
}

// checkUpgrade returns 101 or the status and sentence of a refusal.
func (c *conn) checkUpgrade(req *http.Request) (status int, sentence string) {
	h := req.Header
	key, err := base64.StdEncoding.DecodeString(h.Get("Sec-WebSocket-Key"))
	switch {
	case req.Method != http.MethodGet:
		return http.StatusMethodNotAllowed, "a WebSocket begins with GET"
	case !hasToken(h, "Connection", "upgrade") || !hasToken(h, "Upgrade", "websocket"):
		return http.StatusUpgradeRequired, "this address speaks WebSocket only"
	case h.Get("Sec-WebSocket-Version") != "13":
		return http.StatusUpgradeRequired, "only WebSocket version 13 is spoken here"
	case err != nil || len(key) != 16:
		return http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64"
	case !c.srv.originAllowed(h.Get("Origin"), req.Host):
		return http.StatusForbidden, "this origin may not connect; the operator can allow it with -origins"
	case c.srv.draining.Load():
		return http.StatusServiceUnavailable, "this gateway is going away"
	}
	return http.StatusSwitchingProtocols, ""
}

// originAllowed: programs send no Origin; a page must come from this host or
// from one that the operator named.
func (s *Server) originAllowed(origin, host string) bool {
	if origin == "" || slices.Contains(s.opts.Origins, "*") {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	return u.Host != "" && strings.EqualFold(u.Host, host) ||
		slices.ContainsFunc(s.opts.Origins, func(o string) bool { return strings.EqualFold(o, origin) })
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

// clientAddr is the address of who speaks: that of the connection, unless it
// comes from a proxy that the operator trusts.
func (s *Server) clientAddr(peer netip.Addr, h http.Header) netip.Addr {
	if !s.trusts(peer) {
		return peer
	}
	if a, err := netip.ParseAddr(strings.TrimSpace(h.Get("X-Real-IP"))); err == nil {
		return a.Unmap()
	}
	return peer
}

// refuseHTTP answers with a status and a sentence, and closes.
func (c *conn) refuseHTTP(status int, sentence string) {
	h := http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	if status == http.StatusUpgradeRequired {
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13")
	}
	c.answerHTTP(status, h, []byte(sentence+"\n"), true)
}

// answerHTTP writes a response and closes.
func (c *conn) answerHTTP(status int, h http.Header, body []byte, withBody bool) {
	a := &answer{header: h, status: status}
	_, _ = a.Write(body) // it keeps everything
	c.respond(a, withBody)
}

// respond writes a response and closes.
func (c *conn) respond(a *answer, withBody bool) {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(a.status) + " " + http.StatusText(a.status) + "\r\n")
	a.header.Set("Connection", "close")
	if a.status != http.StatusNotModified && (withBody || a.header.Get("Content-Length") == "") {
		a.header.Set("Content-Length", strconv.Itoa(a.length))
	}
	_ = a.header.Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	c.reason.CompareAndSwap(0, uint32(reasonHTTP))
	c.stage.Store(uint32(stageClosed))
	parts := []*packet{{bytes: b.Bytes()}}
	if withBody {
		parts = append(parts, a.body...)
	}
	c.finish(parts...)
}

// serveSite answers a plain request with the files of the browser client, which go
// out as the client takes them.
func (c *conn) serveSite(req *http.Request) {
	c.stage.CompareAndSwap(uint32(stageHTTP), uint32(stageSite))
	ok := c.later(c.srv.work.site, func(context.Context) {
		a := &answer{header: http.Header{}}
		c.srv.opts.Site.ServeHTTP(a, req)
		a.WriteHeader(http.StatusOK) // unless it is there
		c.respond(a, req.Method != http.MethodHead)
	}, c.siteBusy)
	if !ok {
		c.siteBusy()
	}
}

func (c *conn) siteBusy() {
	c.refuseHTTP(http.StatusServiceUnavailable, "too busy, try again in a moment")
}

// answer is an http.ResponseWriter that keeps the whole response, and of what
// is written by WriteStatic only where it lies.
type answer struct {
	header http.Header
	status int
	body   []*packet
	length int
}

var _ http.ResponseWriter = (*answer)(nil)

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.keep(&packet{bytes: bytes.Clone(b)})
	return len(b), nil
}

// WriteStatic is Write for bytes that nobody ever changes, nor makes for this
// response: they are written to any number of clients from where they lie.
func (a *answer) WriteStatic(b []byte) (int, error) {
	a.keep(&packet{bytes: b, static: true})
	return len(b), nil
}

func (a *answer) keep(p *packet) {
	a.WriteHeader(http.StatusOK)
	if len(p.bytes) > 0 {
		a.body = append(a.body, p)
		a.length += len(p.bytes)
	}
}
