package floor

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
)

// Opcodes of RFC 6455.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA
)

// parse reads the first frame of b and unmasks it in place. size is 0 while it is
// not whole, and negative if it is none that this server takes.
func parse(b []byte) (opcode byte, payload []byte, size int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	if b[0]&0xf0 != 0x80 || b[1]&0x80 == 0 {
		return 0, nil, -1 // in fragments, compressed, or not masked
	}
	n, head := int(b[1]&0x7f), 2
	switch n {
	case 126:
		if len(b) < 4 {
			return 0, nil, 0
		}
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		return 0, nil, -1
	}
	size = head + 4 + n
	if len(b) < size {
		return 0, nil, 0
	}
	payload = b[head+4 : size]
	unmask(payload, binary.LittleEndian.Uint32(b[head:]))
	return b[0] & 0x0f, payload, size
}

func unmask(p []byte, mask uint32) {
	mask64 := uint64(mask)<<32 | uint64(mask)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^mask64)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(mask >> (8 * (i & 3)))
	}
}

// headRoom is the most that the head of a frame takes.
const headRoom = 4

// begin returns the scratch with room for a head, to which a payload is appended.
func (s *Server) begin() []byte { return append(s.out[:0], make([]byte, headRoom)...) }

// finish puts the head before the payload behind the room of begin.
func (s *Server) finish(opcode byte, b []byte) []byte {
	s.out = b // it may have grown
	n := len(b) - headRoom
	if n < 126 {
		b[2], b[3] = 0x80|opcode, byte(n)
		return b[2:]
	}
	b[0], b[1] = 0x80|opcode, 126
	binary.BigEndian.PutUint16(b[2:], uint16(n))
	return b
}

// upgrade answers the handshake once it is whole.
func (s *Server) upgrade(c *conn, data []byte) (rest []byte, done, ok bool) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return nil, false, true
	}
	key := header(data[:end+2], "sec-websocket-key:")
	if len(key) == 0 {
		return nil, false, false
	}
	sum := sha1.Sum(append(bytes.Clone(key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	answer := []byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
	answer = base64.StdEncoding.AppendEncode(answer, sum[:])
	s.send(c, append(answer, "\r\n\r\n"...))
	return data[end+4:], true, true
}

// header finds a header's value; name is in lower case and with the colon.
func header(head []byte, name string) []byte {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name):])
		}
	}
	return nil
}
