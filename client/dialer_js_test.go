//go:build js

package client

import (
	"syscall/js"
	"testing"
	"time"

	"tuitalk/talk"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// A page, as far as the dialer and the storage see it.
const fakePage = `
globalThis.WebSocket = class {
	constructor(url) {
		if (url === "ws://forbidden/ws") throw new SyntaxError("forbidden");
		this.url = url; this.readyState = 0; this.bufferedAmount = 0; this.sent = [];
		globalThis.lastSocket = this;
	}
	send(data) { this.sent.push(data); this.bufferedAmount += globalThis.stuck ? data.length : 0; }
	close() { this.readyState = 3; }
	open() { this.readyState = 1; this.onopen({}); }
	say(data) { this.onmessage({data}); }
	end(code, reason) { this.readyState = 3; this.onclose({code, reason}); }
};
globalThis.stuck = false;
`

func page(t *testing.T) {
	t.Helper()
	js.Global().Call("eval", fakePage)
	js.Global().Set("tuitalkEarly", js.Undefined())
}

func dialTest(t *testing.T, url string) (Line, <-chan Event, js.Value) {
	t.Helper()
	events := make(chan Event, 64)
	line := NewDialer().Dial(7, url, func(ev Event) { events <- ev })
	t.Cleanup(line.Close)
	return line, events, js.Global().Get("lastSocket")
}

func expect[E Event](t *testing.T, events <-chan Event) E {
	t.Helper()
	select {
	case ev := <-events:
		e, ok := ev.(E)
		if !ok {
			t.Fatalf("%#v, not %T", ev, *new(E))
		}
		return e
	case <-time.After(patience):
		t.Fatalf("no %T", *new(E))
		panic("unreachable")
	}
}

// frameOf is a message as the browser hands it over.
func frameOf(m talk.Message) js.Value {
	frame, err := talk.Append(nil, talk.ExtendedBincode, m)
	if err != nil {
		panic(err)
	}
	bytes := js.Global().Get("Uint8Array").New(len(frame))
	js.CopyBytesToJS(bytes, frame)
	return bytes.Get("buffer")
}

func TestBrowserLine(t *testing.T) {
	page(t)
	line, events, socket := dialTest(t, "ws://a/ws")
	if err := line.Send(talk.Ping{}); err == nil {
		t.Error("sends before it is open")
	}
	socket.Call("open")
	expect[Opened](t, events)
	socket.Call("say", frameOf(talk.Ping{N: 4}))
	if m := expect[Received](t, events).Message; m != (talk.Ping{N: 4}) {
		t.Fatalf("%+v", m)
	}
	socket.Call("say", `{"Ping":{"n":4}}`)
	expect[DecodeFailed](t, events)
	socket.Call("say", js.Global().Get("ArrayBuffer").New(3))
	expect[DecodeFailed](t, events)
	if err := line.Send(talk.Pong{N: 4}); err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 100)
	sent = sent[:js.CopyBytesToGo(sent, socket.Get("sent").Index(0))]
	if m, err := talk.Decode(talk.ExtendedBincode, sent); m != (talk.Pong{N: 4}) {
		t.Fatalf("%q, %v", sent, err)
	}
	if kind := socket.Get("binaryType").String(); kind != "arraybuffer" {
		t.Errorf("frames would come as %s", kind)
	}
	socket.Call("end", talk.CloseSuperseded, "newer")
	if c := expect[Closed](t, events); c != (Closed{7, talk.CloseSuperseded, "newer"}) {
		t.Fatalf("%+v", c)
	}
	if !socket.Get("onmessage").IsNull() {
		t.Error("the handlers are kept")
	}
	line.Close()
}

func TestBrowserLineIsClosed(t *testing.T) {
	page(t)
	line, events, socket := dialTest(t, "ws://a/ws")
	socket.Call("open")
	expect[Opened](t, events)
	line.Close()
	expect[Closed](t, events)
	if socket.Get("readyState").Int() != 3 {
		t.Error("the socket is open")
	}
}

func TestBrowserLineThatIsStuck(t *testing.T) {
	page(t)
	js.Global().Set("stuck", true)
	line, events, socket := dialTest(t, "ws://a/ws")
	socket.Call("open")
	expect[Opened](t, events)
	e := textEntry(1)
	e.Text = string(make([]byte, 4000))
	for n := 0; line.Send(e) == nil; n++ {
		if n > sendQueueBytes/4000+2 {
			t.Fatal("takes more and more")
		}
	}
	expect[Closed](t, events)
}

func TestBrowserRefusesAnAddress(t *testing.T) {
	page(t)
	_, events, _ := dialTest(t, "ws://forbidden/ws")
	if c := expect[Closed](t, events); c.Reason == "" {
		t.Fatalf("%+v", c)
	}
}

func TestEarlySocketIsTakenOver(t *testing.T) {
	page(t)
	early := func(state int) js.Value {
		socket := js.Global().Get("WebSocket").New("ws://a/ws")
		socket.Set("readyState", state)
		js.Global().Call("eval", `globalThis.tuitalkEarly = {url: "ws://a/ws", socket: lastSocket, frames: []}`)
		js.Global().Get("tuitalkEarly").Get("frames").Call("push", frameOf(talk.Ping{N: 1}))
		return socket
	}
	t.Run("open", func(t *testing.T) {
		socket := early(1)
		_, events, last := dialTest(t, "ws://a/ws")
		expect[Opened](t, events)
		expect[Received](t, events)
		socket.Call("say", frameOf(talk.Ping{N: 2}))
		if m := expect[Received](t, events).Message; m != (talk.Ping{N: 2}) || !last.Equal(socket) {
			t.Fatalf("%+v", m)
		}
		_, events, last = dialTest(t, "ws://a/ws") // taken over once only
		last.Call("open")
		expect[Opened](t, events)
		if last.Equal(socket) {
			t.Error("taken over twice")
		}
	})
	t.Run("opening", func(t *testing.T) {
		socket := early(0)
		_, events, _ := dialTest(t, "ws://a/ws")
		expect[Received](t, events)
		socket.Call("open")
		expect[Opened](t, events)
	})
	t.Run("broken", func(t *testing.T) {
		socket := early(3)
		_, events, last := dialTest(t, "ws://a/ws")
		last.Call("open")
		expect[Opened](t, events)
		if last.Equal(socket) {
			t.Error("takes over a broken one")
		}
	})
	t.Run("for another address", func(t *testing.T) {
		socket := early(1)
		_, events, last := dialTest(t, "ws://b/ws")
		last.Call("open")
		expect[Opened](t, events)
		if last.Equal(socket) {
			t.Error("takes over a socket to another server")
		}
	})
}
