package attack

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"tuitalk/websocket"
)

// Flags in the first byte of a frame, beside its opcode.
const (
	fin  = 0x80
	rsv1 = 0x40
)

// maxServerFrame is the most that a server may send in a frame: 1 MiB and its head.
const maxServerFrame = 1<<20 + 1<<10

// appendHead appends the head of a client's frame that says to carry size bytes.
// The key is zero, so that what follows is masked as it is.
func appendHead(dst []byte, first byte, size int) []byte {
	at := len(dst)
	dst = websocket.AppendHeader(dst, 0, size)
	dst[at] = first
	dst[at+1] |= 0x80
	return append(dst, 0, 0, 0, 0)
}

// appendFrame appends a whole frame, masked with a random key as it should be.
func appendFrame(dst []byte, first byte, payload []byte) []byte {
	at := len(dst)
	dst = websocket.AppendMasked(dst, 0, payload, rand.Uint32())
	dst[at] = first
	return dst
}

// readFrame reads one frame of a server. buf is used for the payload if it suffices.
func readFrame(r io.Reader, buf []byte) (opcode byte, payload []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	opcode = head[0] & 0x0f
	size := uint64(head[1] & 0x7f)
	switch size {
	case 126:
		if _, err := io.ReadFull(r, head[:2]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		if _, err := io.ReadFull(r, head[:8]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[:8])
	}
	if size > maxServerFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	if uint64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	payload = buf[:size]
	_, err = io.ReadFull(r, payload)
	return opcode, payload, err
}
