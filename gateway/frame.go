package gateway

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// WebSocket opcodes of RFC 6455.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xA
)

// Close codes of RFC 6455 that this server sends.
const (
	closeNormal        = 1000
	closeGoingAway     = 1001
	closeProtocolError = 1002
	closeNotUTF8       = 1007
	closeTooBig        = 1009
	closeInternal      = 1011
	closeTryAgain      = 1013
)

// maxControl is the most payload that a control frame may have.
const maxControl = 125

// closeError ends a connection with a code and a reason that a person can read.
type closeError struct {
	code   int
	reason string
}

func (e *closeError) Error() string { return e.reason }

var (
	errUnmasked    = &closeError{closeProtocolError, "a client's frames must be masked"}
	errReserved    = &closeError{closeProtocolError, "a reserved bit is set, no extension was agreed"}
	errOpcode      = &closeError{closeProtocolError, "unknown opcode"}
	errControlSize = &closeError{closeProtocolError, "a control frame has at most 125 bytes and no fragments"}
	errLength      = &closeError{closeProtocolError, "a frame's length is not in its shortest form"}
	errNoStart     = &closeError{closeProtocolError, "a continuation without a start"}
	errInterleaved = &closeError{closeProtocolError, "a new message inside a fragmented one"}
	errCloseCode   = &closeError{closeProtocolError, "invalid close frame"}
	errTooBig      = &closeError{closeTooBig, "a message may have at most 65536 bytes"}
	errBadUTF8     = &closeError{closeNotUTF8, "a text message must be UTF-8"}
)

// errPartial: the frame is not complete yet.
var errPartial = errors.New("frame incomplete")

// wsFrame is one frame as it came; payload points into the input and is unmasked.
type wsFrame struct {
	fin     bool
	opcode  byte
	payload []byte
	size    int // bytes of input it took
}

// parseFrame reads the first frame of b, unmasking it in place. It returns
// errPartial if b holds only a part, with size set to the bytes that the frame
// needs as far as known; a *closeError if it must not be.
func parseFrame(b []byte, maxPayload int) (wsFrame, error) {
	if len(b) < 2 {
		return wsFrame{size: 2}, errPartial
	}
	f := wsFrame{fin: b[0]&0x80 != 0, opcode: b[0] & 0x0f}
	if err := checkHead(b[0], b[1]); err != nil {
		return wsFrame{}, err
	}
	n, head, err := payloadLength(b)
	if err != nil {
		return wsFrame{size: head}, err
	}
	if n > uint64(maxPayload) {
		return wsFrame{}, errTooBig
	}
	f.size = head + 4 + int(n)
	if len(b) < f.size {
		return wsFrame{size: f.size}, errPartial
	}
	f.payload = b[head+4 : f.size]
	unmask(f.payload, [4]byte(b[head:head+4]))
	return f, nil
}

// checkHead refuses what the first two bytes of a client's frame must not be.
func checkHead(b0, b1 byte) error {
	opcode := b0 & 0x0f
	switch {
	case b0&0x70 != 0:
		return errReserved
	case opcode > opBinary && opcode < opClose || opcode > opPong:
		return errOpcode
	case b1&0x80 == 0:
		return errUnmasked
	case opcode >= opClose && (b0&0x80 == 0 || b1&0x7f > maxControl):
		return errControlSize
	}
	return nil
}

// payloadLength returns the payload's length and where the mask begins.
func payloadLength(b []byte) (n uint64, head int, err error) {
	switch n = uint64(b[1] & 0x7f); n {
	case 126:
		if len(b) < 4 {
			return 0, 4, errPartial
		}
		n, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
		if n < 126 {
			return 0, 0, errLength
		}
	case 127:
		if len(b) < 10 {
			return 0, 10, errPartial
		}
		n, head = binary.BigEndian.Uint64(b[2:]), 10
		if n < 1<<16 {
			return 0, 0, errLength
		}
	default:
		head = 2
	}
	return n, head, nil
}

// unmask applies the mask, eight bytes at a time where it can.
func unmask(p []byte, mask [4]byte) {
	m32 := binary.LittleEndian.Uint32(mask[:])
	m64 := uint64(m32)<<32 | uint64(m32)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^m64)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= mask[i&3]
	}
}

// appendHead appends the head of an unmasked, unfragmented server frame.
func appendHead(dst []byte, opcode byte, n int) []byte {
	dst = append(dst, 0x80|opcode)
	switch {
	case n < 126:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
}

// maxHead is the most that appendHead appends.
const maxHead = 10

// closeFrame is a whole close frame. The reason is cut to what fits.
func closeFrame(code int, reason string) []byte {
	for len(reason) > maxControl-2 || !utf8.ValidString(reason) {
		reason = reason[:len(reason)-1]
	}
	b := appendHead(make([]byte, 0, 4+len(reason)), opClose, 2+len(reason))
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(b, reason...)
}

// parseClose reads the payload of a client's close frame. 0 stands for none.
func parseClose(p []byte) (code int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(p) == 1 {
		return 0, errCloseCode
	}
	code = int(binary.BigEndian.Uint16(p))
	if !utf8.Valid(p[2:]) {
		return 0, errBadUTF8
	}
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code < 5000:
		return code, nil
	}
	return 0, errCloseCode
}

// assembler puts the frames of one connection together to messages. It is owned
// by the connection's poller. The zero value is ready.
type assembler struct {
	opcode  byte        // of the message in progress, 0 if none
	part    []byte      // its payload so far; ours
	text    utf8Checker // of the message in progress, if it is a text
	checked int         // payload bytes of the incomplete frame that text has seen
}

// add takes a data frame. done tells that message is a whole one of the given
// opcode; it may point into the frame's payload.
func (a *assembler) add(f wsFrame, maxMessage int) (opcode byte, message []byte, done bool, err error) {
	if err := a.admit(f.opcode, len(f.payload), maxMessage); err != nil {
		return 0, nil, false, err
	}
	if a.kind(f.opcode) == opText && (!a.text.feed(f.payload[a.checked:]) || f.fin && !a.text.whole()) {
		return 0, nil, false, errBadUTF8
	}
	a.checked = 0
	if f.opcode != opContinuation {
		if f.fin {
			return f.opcode, f.payload, true, nil
		}
		a.opcode = f.opcode
	}
	a.part = append(a.part, f.payload...)
	if !f.fin {
		return 0, nil, false, nil
	}
	opcode, message = a.opcode, a.part
	a.opcode, a.part = 0, nil
	return opcode, message, true, nil
}

// kind is the opcode of the message to which a data frame belongs.
func (a *assembler) kind(opcode byte) byte {
	if opcode == opContinuation {
		return a.opcode
	}
	return opcode
}

// admit refuses a data frame that must not come now, or not with so many bytes.
func (a *assembler) admit(opcode byte, n, maxMessage int) error {
	switch {
	case opcode == opContinuation && a.opcode == 0:
		return errNoStart
	case opcode != opContinuation && a.opcode != 0:
		return errInterleaved
	case len(a.part)+n > maxMessage:
		return errTooBig
	}
	return nil
}

// peek refuses at once what has come of a frame that parseFrame calls partial, if
// no rest can make it right. It looks at each byte once, however many pieces the
// frame comes in; the input stays masked.
func (a *assembler) peek(b []byte, maxMessage int) error {
	if len(b) < 2 || b[0]&0x0f >= opClose {
		return nil
	}
	n, head, err := payloadLength(b)
	if err != nil || len(b) < head+4 {
		return nil // of the length there is a part only
	}
	opcode := b[0] & 0x0f
	if err := a.admit(opcode, int(n), maxMessage); err != nil || a.kind(opcode) != opText {
		return err
	}
	mask, masked := [4]byte(b[head:head+4]), b[head+4:]
	var plain [512]byte // a multiple of the mask
	for a.checked < len(masked) {
		chunk := plain[:copy(plain[:], masked[a.checked:])]
		at := a.checked
		unmask(chunk, [4]byte{mask[at&3], mask[(at+1)&3], mask[(at+2)&3], mask[(at+3)&3]})
		if !a.text.feed(chunk) {
			return errBadUTF8
		}
		a.checked += len(chunk)
	}
	return nil
}

// utf8Checker finds the first byte with which a text stops being UTF-8, however it
// is cut. The zero value is at the beginning of a text.
type utf8Checker struct {
	tail [utf8.UTFMax]byte // a rune's first bytes, at the end of what has come
	n    uint8             // of them
}

// feed takes the text's next bytes; false: no text goes on like this.
func (u *utf8Checker) feed(p []byte) bool {
	for ; u.n > 0 && len(p) > 0; p = p[1:] {
		u.tail[u.n] = p[0]
		u.n++
		if !utf8.FullRune(u.tail[:u.n]) {
			continue
		}
		if r, size := utf8.DecodeRune(u.tail[:u.n]); r == utf8.RuneError && size == 1 {
			return false
		}
		u.n = 0
	}
	rest := unfinishedRune(p)
	if len(rest) > 0 {
		u.n = uint8(copy(u.tail[:], rest))
	}
	return utf8.Valid(p[:len(p)-len(rest)])
}

// whole tells whether the text may end here.
func (u *utf8Checker) whole() bool { return u.n == 0 }

// unfinishedRune is the end of p that may become a rune by what follows.
func unfinishedRune(p []byte) []byte {
	for i := len(p) - 1; i >= 0 && i > len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				return nil
			}
			return p[i:]
		}
	}
	return nil
}
