//go:build !js

package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
)

// browserEnd is the other end of a conn: what a browser reads and writes.
type browserEnd struct {
	in  *bufio.Reader
	out io.WriteCloser
}

func newPipe(t *testing.T) (*conn, browserEnd) {
	t.Helper()
	fromUs, toBrowser := io.Pipe()
	fromBrowser, toUs := io.Pipe()
	c := newConn(fromBrowser, toBrowser)
	t.Cleanup(func() {
		toUs.Close()
		<-c.done
		toBrowser.Close()
	})
	return c, browserEnd{in: bufio.NewReader(fromUs), out: toUs}
}

func (b browserEnd) next(t *testing.T) envelope {
	t.Helper()
	frame, err := b.in.ReadBytes(0)
	if err != nil {
		t.Fatal(err)
	}
	var e envelope
	if err := json.Unmarshal(frame[:len(frame)-1], &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func (b browserEnd) say(t *testing.T, frame string) {
	t.Helper()
	if _, err := io.WriteString(b.out, frame+"\x00"); err != nil {
		t.Fatal(err)
	}
}

func TestCallGetsItsOwnAnswer(t *testing.T) {
	c, browser := newPipe(t)
	heard := make(chan string, 1)
	c.listen("s", func(method string, _ json.RawMessage) { heard <- method })
	answered := make(chan error, 1)
	var got struct{ Value int }
	go func() { answered <- c.call(t.Context(), "s", "A.b", map[string]int{"x": 1}, &got) }()

	asked := browser.next(t)
	if asked.Method != "A.b" || asked.SessionID != "s" || string(asked.Params) != `{"x":1}` {
		t.Errorf("asked %+v", asked)
	}
	browser.say(t, `{"id":999,"result":{}}`)
	browser.say(t, `not json`)
	browser.say(t, `{"method":"A.happened","sessionId":"s","params":{}}`)
	browser.say(t, `{"id":1,"result":{"value":7}}`)
	if err := <-answered; err != nil || got.Value != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	if method := <-heard; method != "A.happened" {
		t.Errorf("heard %s", method)
	}
}

func TestCallReportsRefusalAndEnd(t *testing.T) {
	c, browser := newPipe(t)
	answered := make(chan error, 1)
	go func() { answered <- c.call(t.Context(), "", "A.b", nil, nil) }()
	browser.next(t)
	browser.say(t, `{"id":1,"error":{"message":"no such thing"}}`)
	if err := <-answered; err == nil || err.Error() != "A.b: no such thing" {
		t.Errorf("got %v", err)
	}

	go func() { answered <- c.call(t.Context(), "", "A.b", nil, nil) }()
	browser.next(t)
	browser.out.Close()
	if err := <-answered; !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	<-c.done
	if err := c.call(t.Context(), "", "A.b", nil, nil); !errors.Is(err, ErrGone) {
		t.Errorf("after the end: got %v", err)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	c, browser := newPipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() { answered <- c.call(ctx, "", "A.b", nil, nil) }()
	browser.next(t)
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(c.waiting) != 0 {
		t.Errorf("%d callers are still waited for", len(c.waiting))
	}
}
