package virtualuser

import (
	"testing"

	"tuitalk/websocket"
)

// serverFrame is an unmasked frame.
func serverFrame(fin bool, opcode byte, payload []byte) []byte {
	b := websocket.AppendHeader(nil, opcode, len(payload))
	if !fin {
		b[0] &^= 0x80
	}
	return append(b, payload...)
}

// unmasked reads a client's frame as a server does.
func unmasked(t testing.TB, b []byte) (opcode byte, payload, rest []byte) {
	t.Helper()
	f, err := websocket.Parse(b, websocket.Client, len(b))
	if err != nil || !f.Fin {
		t.Fatalf("not a whole, masked frame: % x: %v", b[:min(len(b), 16)], err)
	}
	return f.Opcode, f.Payload, b[f.Size:]
}
