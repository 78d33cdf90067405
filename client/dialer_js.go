//go:build js

package client

import (
	"errors"
	"sync"
	"syscall/js"

	"tuitalk/talk"
)

const (
	receiveQueueBytes = 16 << 20 // of frames that wait for the loop
	sendQueueBytes    = 1 << 20  // that the browser may hold
	openState         = 1        // WebSocket.OPEN
)

// NewDialer makes the dialer of this platform: the browser's WebSocket. The
// page may have opened the first one before this program was there:
//
//	window.tuitalkEarly = {url, socket, frames: []}
//
// with the data of what came meanwhile in frames. It is taken over, once, by
// the first Dial of that url.
func NewDialer() Dialer { return browserDialer{} }

type browserDialer struct{}

// browserLine is one WebSocket of the browser. Its callbacks only queue, for
// they must not block; the goroutine run delivers. run ends last.
type browserLine struct {
	conn    ConnID
	deliver func(Event)
	socket  js.Value
	funcs   []js.Func

	mu     sync.Mutex
	queue  []browserEvent
	bytes  int
	closed bool // nothing is queued any more

	wake chan struct{} // the queue has changed
}

// browserEvent is what a callback saw: a frame, or another event.
type browserEvent struct {
	frame []byte
	text  bool
	other Event // nil for a frame
}

var (
	_ Dialer = browserDialer{}
	_ Line   = (*browserLine)(nil)
)

var (
	errLineClosed = errors.New("the line is closed")
	errLineFull   = errors.New("the line is too slow")
)

func (browserDialer) Dial(conn ConnID, url string, deliver func(Event)) Line {
	l := &browserLine{conn: conn, deliver: deliver, wake: make(chan struct{}, 1)}
	go l.run()
	if !l.takeEarly(url) {
		l.connect(url)
	}
	return l
}

// takeEarly takes over the socket that the page has opened, if it is good.
func (l *browserLine) takeEarly(url string) bool {
	early := js.Global().Get("tuitalkEarly")
	if early.Type() != js.TypeObject || early.Get("url").String() != url {
		return false
	}
	js.Global().Set("tuitalkEarly", js.Null())
	socket := early.Get("socket")
	if socket.Type() != js.TypeObject || socket.Get("readyState").Int() > openState {
		return false
	}
	l.socket = socket
	l.listen()
	if socket.Get("readyState").Int() == openState {
		l.push(browserEvent{other: Opened{l.conn}})
	}
	if frames := early.Get("frames"); frames.Type() == js.TypeObject {
		for i := range frames.Length() {
			l.frame(frames.Index(i))
		}
	}
	return true
}

// connect opens a socket. The constructor throws on an address that the page
// must not use.
func (l *browserLine) connect(url string) {
	defer func() {
		if thrown := recover(); thrown != nil {
			l.end(Closed{Conn: l.conn, Reason: "the browser does not connect to this address"})
		}
	}()
	l.socket = js.Global().Get("WebSocket").New(url)
	l.listen()
}

func (l *browserLine) listen() {
	on := func(name string, f func(event js.Value)) {
		fn := js.FuncOf(func(_ js.Value, args []js.Value) any {
			f(args[0])
			return nil
		})
		l.funcs = append(l.funcs, fn)
		l.socket.Set(name, fn)
	}
	on("onopen", func(js.Value) { l.push(browserEvent{other: Opened{l.conn}}) })
	on("onmessage", func(event js.Value) { l.frame(event.Get("data")) })
	on("onclose", func(event js.Value) {
		l.end(Closed{Conn: l.conn, Code: event.Get("code").Int(), Reason: event.Get("reason").String()})
	})
	l.socket.Set("onerror", js.Null()) // onclose follows
	l.socket.Set("binaryType", "arraybuffer")
}

func (l *browserLine) frame(data js.Value) {
	if data.Type() != js.TypeObject {
		l.push(browserEvent{text: true})
		return
	}
	bytes := js.Global().Get("Uint8Array").New(data)
	frame := make([]byte, bytes.Length())
	js.CopyBytesToGo(frame, bytes)
	l.push(browserEvent{frame: frame})
}

func (l *browserLine) push(e browserEvent) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.queue = append(l.queue, e)
	l.bytes += len(e.frame)
	full := l.bytes > receiveQueueBytes
	l.mu.Unlock()
	if full {
		l.end(Closed{Conn: l.conn, Reason: "this page was too slow"})
		return
	}
	l.signal()
}

// end queues the last event and lets go of the socket.
func (l *browserLine) end(last Closed) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.queue = append(l.queue, browserEvent{other: last})
	l.mu.Unlock()
	if !l.socket.IsUndefined() {
		for _, name := range [...]string{"onopen", "onmessage", "onclose"} {
			l.socket.Set(name, js.Null())
		}
		l.socket.Call("close")
	}
	for _, fn := range l.funcs {
		fn.Release()
	}
	l.signal()
}

func (l *browserLine) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run delivers what the callbacks queue.
func (l *browserLine) run() {
	for range l.wake {
		l.mu.Lock()
		events := l.queue
		l.queue, l.bytes = nil, 0
		l.mu.Unlock()
		for _, e := range events {
			l.deliver(l.event(e))
			if _, last := e.other.(Closed); last {
				return
			}
		}
	}
}

func (l *browserLine) event(e browserEvent) Event {
	switch {
	case e.other != nil:
		return e.other
	case e.text:
		return DecodeFailed{l.conn, talk.ErrForm}
	}
	m, err := talk.Decode(talk.ExtendedBincode, e.frame)
	if err != nil {
		return DecodeFailed{l.conn, err}
	}
	return Received{l.conn, m}
}

// Send hands a message to the browser, which queues it.
func (l *browserLine) Send(m talk.Message) error {
	frame, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed || l.socket.Get("readyState").Int() != openState {
		return errLineClosed
	}
	if l.socket.Get("bufferedAmount").Int()+len(frame) > sendQueueBytes {
		l.end(Closed{Conn: l.conn, Reason: errLineFull.Error()})
		return errLineFull
	}
	bytes := js.Global().Get("Uint8Array").New(len(frame))
	js.CopyBytesToJS(bytes, frame)
	l.socket.Call("send", bytes)
	return nil
}

// Close hangs up. The browser writes what it holds before it does.
func (l *browserLine) Close() { l.end(Closed{Conn: l.conn}) }
