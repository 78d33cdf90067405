//go:build !js

package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"tuitalk/talk"
)

const (
	sendQueueBytes = 1 << 20          // of frames that wait to be written
	writeTime      = 10 * time.Second // for one frame
	partingTime    = time.Second      // to write what is queued, and to part
)

// NewDialer makes the dialer of this platform: WebSockets over the network, in the
// extended form in bincode.
func NewDialer() Dialer { return dialerWith(http.DefaultTransport, talk.ExtendedBincode) }

// NewDialerIn makes one that speaks the extended form as it is told to: in JSON for
// whoever wants to read the wire.
func NewDialerIn(form talk.Form) Dialer { return dialerWith(http.DefaultTransport, form) }

// NewDialerTLS is NewDialerIn for one that speaks TLS, where a server is named by
// wss://, in a way of its own.
func NewDialerTLS(config *tls.Config, form talk.Form) Dialer {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig, t.TLSHandshakeTimeout = config.Clone(), 0 // dialWebSocket bounds all of it
	return dialerWith(t, form)
}

// NewDialerOver is NewDialerIn for one whose connections are made by dial, as in a simulation.
func NewDialerOver(dial func(ctx context.Context, network, addr string) (net.Conn, error), form talk.Form) Dialer {
	return dialerWith(&http.Transport{DialContext: dial, DisableKeepAlives: true}, form) // none is kept of who was not let in
}

// dialerWith follows no redirect, as no browser does for a WebSocket: who is dialled
// is shown the user's secret, and that belongs to the servers that the user named.
func dialerWith(t http.RoundTripper, form talk.Form) Dialer {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return networkDialer{&http.Client{Transport: t, CheckRedirect: stay}, form}
}

type networkDialer struct {
	http *http.Client
	form talk.Form
}

// networkLine is one WebSocket. Two goroutines serve it: run connects and
// reads, write writes. run ends last.
type networkLine struct {
	conn    ConnID
	form    talk.Form
	deliver func(Event)
	ctx     context.Context // ends the line hard
	cancel  context.CancelFunc

	mu      sync.Mutex
	queue   [][]byte
	bytes   int
	open    bool // write runs
	closing bool

	wake chan struct{} // the queue or closing has changed
}

var (
	_ Dialer = networkDialer{}
	_ Line   = (*networkLine)(nil)
)

var (
	errLineClosed = errors.New("the line is closed")
	errLineFull   = errors.New("the line is too slow")
)

func (d networkDialer) Dial(conn ConnID, url string, deliver func(Event)) Line {
	l := &networkLine{conn: conn, form: d.form, deliver: deliver, wake: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.run(url, &websocket.DialOptions{HTTPClient: d.http})
	return l
}

func (l *networkLine) run(url string, opts *websocket.DialOptions) {
	defer l.cancel()
	ws, err := dialWebSocket(l.ctx, url, opts)
	if err != nil {
		l.deliver(Closed{Conn: l.conn, Reason: err.Error()})
		return
	}
	l.mu.Lock()
	l.open = true
	l.mu.Unlock()
	written := make(chan struct{})
	go func() {
		defer close(written)
		l.write(ws)
	}()
	l.deliver(Opened{l.conn})
	err = l.read(ws)
	l.cancel()
	_ = ws.CloseNow() // it is closed or broken already
	<-written
	l.deliver(closedBy(l.conn, err))
}

func dialWebSocket(ctx context.Context, url string, opts *websocket.DialOptions) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*handshakeTime) // the session hangs up before
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, url, opts)
	if err != nil {
		return nil, dialError(resp, err)
	}
	ws.SetReadLimit(talk.MaxServerFrameBytes)
	return ws, nil
}

// dialError is a sentence about why there is no connection, made of the
// innermost of what went wrong.
func dialError(resp *http.Response, err error) error {
	switch {
	case resp != nil && resp.Header.Get("Location") != "":
		to := bounded(resp.Header.Get("Location"), maxSentence/2)
		if rest, ok := strings.CutPrefix(to, "http"); ok {
			to = "ws" + rest // as a server is named
		}
		return errors.New("the server sends you to " + to + ": if you trust that one, name it as the server; nothing was sent there")
	case resp != nil:
		return errors.New("the server answered " + resp.Status)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errors.New("the server did not answer in time")
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return errors.New("the server cannot be reached: " + err.Error())
}

// read delivers frames until there are no more.
func (l *networkLine) read(ws *websocket.Conn) error {
	for {
		kind, data, err := ws.Read(l.ctx)
		if err != nil {
			return err
		}
		if kind != frameKind(l.form) {
			l.deliver(DecodeFailed{l.conn, talk.ErrForm})
			continue
		}
		if m, err := talk.Decode(l.form, data); err != nil {
			l.deliver(DecodeFailed{l.conn, err})
		} else {
			l.deliver(Received{l.conn, m})
		}
	}
}

// frameKind is the kind of WebSocket message in which a form travels.
func frameKind(form talk.Form) websocket.MessageType {
	if form.IsBinary() {
		return websocket.MessageBinary
	}
	return websocket.MessageText
}

func closedBy(conn ConnID, err error) Closed {
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return Closed{Conn: conn, Code: int(closed.Code), Reason: closed.Reason}
	}
	return Closed{Conn: conn}
}

// Send queues a message.
func (l *networkLine) Send(m talk.Message) error {
	frame, err := talk.Append(nil, l.form, m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	err = nil
	switch {
	case l.closing || l.ctx.Err() != nil:
		err = errLineClosed
	case l.bytes+len(frame) > sendQueueBytes:
		err = errLineFull
	default:
		l.queue = append(l.queue, frame)
		l.bytes += len(frame)
	}
	l.mu.Unlock()
	if err == errLineFull {
		l.cancel()
	}
	l.signal()
	return err
}

func (l *networkLine) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close parts politely if it can be done in a moment.
func (l *networkLine) Close() {
	l.mu.Lock()
	first := !l.closing
	l.closing = true
	open := l.open
	l.mu.Unlock()
	switch {
	case !open:
		l.cancel()
	case first:
		time.AfterFunc(partingTime, l.cancel)
		l.signal()
	}
}

// write writes what is queued. A frame that cannot be written ends the line.
func (l *networkLine) write(ws *websocket.Conn) {
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
		l.mu.Lock()
		frames, closing := l.queue, l.closing
		l.queue, l.bytes = nil, 0
		l.mu.Unlock()
		for _, frame := range frames {
			ctx, cancel := context.WithTimeout(l.ctx, writeTime)
			err := ws.Write(ctx, frameKind(l.form), frame)
			cancel()
			if err != nil {
				l.cancel()
				return
			}
		}
		if closing {
			_ = ws.Close(websocket.StatusNormalClosure, "") // broken or not, it ends
			l.cancel()
			return
		}
	}
}
