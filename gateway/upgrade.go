package gateway

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"strconv"

	"tuitalk/gateway/transport"
)

// parseRequest takes one HTTP request from data if it is whole, and returns
// the bytes taken.
func (c *conn) parseRequest(data []byte) int {
	head, whole, tooLarge := transport.CutHead(data)
	if tooLarge {
		c.refuseUpgrade(transport.RefusedTooLarge, nil)
		return len(data)
	}
	if !whole {
		return 0
	}
	c.lastIn.Store(c.srv.clock.coarse())
	req, why := transport.ReadRequest(head)
	switch {
	case why != transport.RefusedNot:
		c.refuseUpgrade(why, req)
	case !c.acquireBudgets(req):
	case c.srv.rules.WantsUpgrade(req):
		c.upgrade(req)
	default:
		c.serveSite(req)
	}
	return len(head)
}

// upgrade answers a WebSocket handshake.
func (c *conn) upgrade(req *http.Request) {
	why := c.srv.rules.Check(req, c.addr)
	if why == transport.RefusedNot && c.srv.draining.Load() {
		why = transport.RefusedDraining
	}
	if why != transport.RefusedNot {
		c.refuseUpgrade(why, req)
		return
	}
	c.stage.CompareAndSwap(uint32(stageHTTP), uint32(stageSocket))
	c.srv.metrics.upgrades.Inc()
	c.pushAnswer(&preparedFrame{bytes: transport.SwitchingProtocols(req)})
}

// refuseUpgrade refuses and answers. req is nil if there is no request.
func (c *conn) refuseUpgrade(why transport.Refusal, req *http.Request) {
	c.noteRefused(why, req)
	c.refuseHTTP(why.Status(), why.Sentence())
}

// noteRefused counts and logs a refusal. The reason is in the message, so that a
// log that limits equal messages shows each.
func (c *conn) noteRefused(why transport.Refusal, req *http.Request, more ...any) {
	c.srv.metrics.refusedUpgrades[why].Inc()
	from, host, page := c.addr, "", ""
	if req != nil {
		from, host, page = c.srv.rules.ClientAddr(c.addr, req.Header), req.Host, req.Header.Get("Origin")
	}
	attrs := append([]any{"from", from, "peer", c.addr, "host", clip(host), "origin", clip(page)}, more...)
	c.srv.log.Info("handshake refused: "+why.Label(), attrs...)
}

// clip bounds what a stranger can write into a line of the log.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// refusalHeaders are those of an answer that is not the site's.
func (c *conn) refusalHeaders() http.Header {
	h := http.Header{}
	maps.Copy(h, c.srv.opts.Headers)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	return h
}

// refuseHTTP answers with a status and a sentence, and closes.
func (c *conn) refuseHTTP(status int, sentence string) {
	h := c.refusalHeaders()
	switch status {
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
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
	parts := []*preparedFrame{{bytes: b.Bytes()}}
	if withBody {
		parts = append(parts, a.body...)
	}
	c.finish(parts...)
}

// serveSite answers a plain request with the files of the browser client, which go
// out as the client takes them.
func (c *conn) serveSite(req *http.Request) {
	c.stage.CompareAndSwap(uint32(stageHTTP), uint32(stageSite))
	ok := c.submit(c.srv.work.site, func(context.Context) {
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
	body   []*preparedFrame
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
	a.keep(&preparedFrame{bytes: bytes.Clone(b)})
	return len(b), nil
}

// WriteStatic is Write for bytes that nobody ever changes, nor makes for this
// response: they are written to any number of clients from where they lie.
func (a *answer) WriteStatic(b []byte) (int, error) {
	a.keep(&preparedFrame{bytes: b, static: true})
	return len(b), nil
}

func (a *answer) keep(p *preparedFrame) {
	a.WriteHeader(http.StatusOK)
	if len(p.bytes) > 0 {
		a.body = append(a.body, p)
		a.length += len(p.bytes)
	}
}
