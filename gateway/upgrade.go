package gateway

import (
	"context"
	"maps"
	"net/http"

	"tuitalk/gateway/transport"
)

// parseRequest takes one HTTP request from data if it is whole, and returns
// the bytes taken.
func (c *conn) parseRequest(data []byte) int {
	if transport.IsProxyProtocol(data) {
		c.srv.rules.OnProxyProtocol(c.addr)
		c.refuseUpgrade(transport.RefusedProxyProtocol, nil)
		return len(data)
	}
	head, whole, tooLarge := transport.CutHead(data)
	if tooLarge {
		c.refuseUpgrade(transport.RefusedTooLarge, nil)
		return len(data)
	}
	if !whole {
		return 0
	}
	c.lastIn.Store(c.srv.clock.Coarse())
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
	c.pushAnswer(&transport.PreparedFrame{Bytes: transport.SwitchingProtocols(req)})
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
	c.answerHTTP(status, h, []byte(sentence+"\n"))
}

// answerHTTP writes a response and closes.
func (c *conn) answerHTTP(status int, h http.Header, body []byte) {
	a := &transport.Answer{}
	maps.Copy(a.Header(), h)
	a.WriteHeader(status)
	_, _ = a.Write(body) // it keeps everything
	c.respond(a, true)
}

// respond writes a response and closes.
func (c *conn) respond(a *transport.Answer, withBody bool) {
	c.reason.CompareAndSwap(0, uint32(reasonHTTP))
	c.stage.Store(uint32(stageClosed))
	c.finish(a.Frames(withBody)...)
}

// serveSite answers a plain request with the files of the browser client, which go
// out as the client takes them.
func (c *conn) serveSite(req *http.Request) {
	c.stage.CompareAndSwap(uint32(stageHTTP), uint32(stageSite))
	ok := c.submit(c.srv.work.site, func(context.Context) {
		a := &transport.Answer{}
		c.srv.opts.Site.ServeHTTP(a, req)
		c.respond(a, req.Method != http.MethodHead)
	}, c.siteBusy)
	if !ok {
		c.siteBusy()
	}
}

func (c *conn) siteBusy() {
	c.refuseHTTP(http.StatusServiceUnavailable, "too busy, try again in a moment")
}
