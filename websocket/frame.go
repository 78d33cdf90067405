package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Opcodes.
const (
	OpContinuation = 0x0
	OpText         = 0x1
	OpBinary       = 0x2
	OpClose        = 0x8
	OpPing         = 0x9
	OpPong         = 0xA
)

const (
	// MaxControl is the most payload that a control frame may have, in bytes.
	MaxControl = 125
	// MaxHeader is the most that AppendHeader appends, in bytes.
	MaxHeader = 10
)

// Side is who sends a frame. A client masks, a server does not.
type Side bool

const (
	Client Side = true
	Server Side = false
)

// Error is a violation of RFC 6455.
type Error struct {
	Code   int    // of the close frame that answers it
	Reason string // for a person
}

func (e *Error) Error() string { return e.Reason }

var (
	errUnmasked    = &Error{CloseProtocolError, "a client's frames must be masked"}
	errMasked      = &Error{CloseProtocolError, "a server's frames must not be masked"}
	errReserved    = &Error{CloseProtocolError, "a reserved bit is set, no extension was agreed"}
	errOpcode      = &Error{CloseProtocolError, "unknown opcode"}
	errControlSize = &Error{CloseProtocolError, "a control frame has at most 125 bytes and no fragments"}
	errLength      = &Error{CloseProtocolError, "a frame's length is not in its shortest form"}
)

// ErrPartial: the frame has not come whole.
var ErrPartial = errors.New("frame incomplete")

// Frame is one frame as it came.
type Frame struct {
	Fin     bool
	Opcode  byte
	Payload []byte // points into the input, unmasked
	Size    int    // bytes of input that the frame takes
}

// Parse reads the first frame of b, which the named side has sent, unmasking it in place.
// It returns ErrPartial if b holds only a part, with Size set to the bytes that the frame
// needs as far as known; an *Error if the frame must not be.
func Parse(b []byte, from Side, maxPayload int) (Frame, error) {
	if len(b) < 2 {
		return Frame{Size: 2}, ErrPartial
	}
	f := Frame{Fin: b[0]&0x80 != 0, Opcode: b[0] & 0x0f}
	if err := checkHeader(b[0], b[1], from); err != nil {
		return Frame{}, err
	}
	n, header, err := payloadLength(b)
	if err != nil {
		return Frame{Size: header}, err
	}
	if n > uint64(maxPayload) {
		return Frame{}, tooBig(maxPayload)
	}
	if from == Client {
		header += 4
	}
	f.Size = header + int(n)
	if len(b) < f.Size {
		return Frame{Size: f.Size}, ErrPartial
	}
	f.Payload = b[header:f.Size]
	if from == Client {
		Mask(f.Payload, binary.LittleEndian.Uint32(b[header-4:]))
	}
	return f, nil
}

// checkHeader refuses what the first two bytes of a frame must not be.
func checkHeader(b0, b1 byte, from Side) error {
	opcode := b0 & 0x0f
	switch {
	case b0&0x70 != 0:
		return errReserved
	case opcode > OpBinary && opcode < OpClose || opcode > OpPong:
		return errOpcode
	case from == Client && b1&0x80 == 0:
		return errUnmasked
	case from == Server && b1&0x80 != 0:
		return errMasked
	case opcode >= OpClose && (b0&0x80 == 0 || b1&0x7f > MaxControl):
		return errControlSize
	}
	return nil
}

// payloadLength returns the payload's length and where the mask begins, or the payload.
func payloadLength(b []byte) (n uint64, header int, err error) {
	switch n = uint64(b[1] & 0x7f); n {
	case 126:
		if len(b) < 4 {
			return 0, 4, ErrPartial
		}
		n, header = uint64(binary.BigEndian.Uint16(b[2:])), 4
		if n < 126 {
			return 0, 0, errLength
		}
	case 127:
		if len(b) < 10 {
			return 0, 10, ErrPartial
		}
		n, header = binary.BigEndian.Uint64(b[2:]), 10
		if n < 1<<16 {
			return 0, 0, errLength
		}
	default:
		header = 2
	}
	return n, header, nil
}

// tooBig refuses a message.
func tooBig(most int) *Error {
	return &Error{CloseTooBig, fmt.Sprintf("a message may have at most %d bytes", most)}
}

// Mask applies a masking key, eight bytes at a time where it can. key is little-endian:
// its lowest byte is that of the first byte of p.
func Mask(p []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// AppendHeader appends the header of a server's frame with n bytes of payload, the last or
// only one of its message.
func AppendHeader(dst []byte, opcode byte, n int) []byte {
	return appendHeader(dst, opcode, n, 0)
}

func appendHeader(dst []byte, opcode byte, n int, masked byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch {
	case n < 126:
		return append(dst, masked|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, masked|126), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, masked|127), uint64(n))
	}
}

// AppendMasked appends a client's frame, whole and masked with key.
func AppendMasked(dst []byte, opcode byte, payload []byte, key uint32) []byte {
	dst = appendHeader(dst, opcode, len(payload), 0x80)
	dst = binary.LittleEndian.AppendUint32(dst, key)
	at := len(dst)
	dst = append(dst, payload...)
	Mask(dst[at:], key)
	return dst
}
