package websocket

import (
	"crypto/sha1"
	"encoding/base64"
)

// Accept is what the answer to an upgrade says in Sec-WebSocket-Accept for the request's
// Sec-WebSocket-Key.
func Accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// IsKey tells whether a Sec-WebSocket-Key is one: 16 bytes in base64.
func IsKey(s string) bool {
	key, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(key) == 16
}
