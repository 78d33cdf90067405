package gateway_test

import (
	"encoding/binary"
	"testing"

	"tuitalk/websocket"
	"tuitalk/websocket/websockettest"
)

func TestAutobahn(t *testing.T) {
	t.Parallel()
	n := start(t, nil)
	for chapter, cases := range websockettest.Autobahn() {
		t.Run(chapter, func(t *testing.T) {
			for _, c := range cases {
				autobahn(t, n.addr, c)
			}
		})
	}
}

// autobahn runs a case. What is taken is followed by a ping, which must be answered.
func autobahn(t *testing.T, addr string, c websockettest.Case) {
	t.Helper()
	r := dialRaw(t, addr)
	defer r.Close()
	if resp := r.upgrade(); resp.StatusCode != 101 {
		t.Fatalf("%s: %d", c.ID, resp.StatusCode)
	}
	sent := c.Send
	if c.Code == 0 {
		sent = append(sent[:len(sent):len(sent)], frame(0x80|websocket.OpPing, []byte("alive?")))
	}
	for _, b := range sent {
		if _, err := r.Write(b); err != nil {
			break // it is closed already; what was said is there to read
		}
	}
	for {
		op, payload, err := r.readFrame()
		switch {
		case err != nil:
			t.Errorf("%s: no answer: %v", c.ID, err)
			return
		case op == websocket.OpPong && c.Code == 0 && string(payload) == "alive?":
			return
		case op == websocket.OpClose:
			if code := int(binary.BigEndian.Uint16(payload)); code != c.Code {
				t.Errorf("%s: closed with %d %q, want %d", c.ID, code, payload[2:], c.Code)
			}
			return
		}
	}
}
