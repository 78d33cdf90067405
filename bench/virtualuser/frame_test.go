package virtualuser

import "tuitalk/websocket"

// serverFrame is an unmasked frame.
func serverFrame(fin bool, opcode byte, payload []byte) []byte {
	b := websocket.AppendHeader(nil, opcode, len(payload))
	if !fin {
		b[0] &^= 0x80
	}
	return append(b, payload...)
}
