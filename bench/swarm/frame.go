package swarm

import (
	"encoding/binary"
	"errors"
	"fmt"
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

// maxControl is the most payload that a control frame may have.
const maxControl = 125

// errPartial: it is not complete yet.
var errPartial = errors.New("incomplete")

// breach is a violation of RFC 6455 by the target.
type breach string

func (b breach) Error() string { return "the target breaks the WebSocket protocol: " + string(b) }

// frame is one frame of a server as it came; payload points into the input.
type frame struct {
	fin     bool
	opcode  byte
	payload []byte
	size    int // bytes of input that it took
}

// parseFrame reads the first frame of b; errPartial if b does not hold all of it.
func parseFrame(b []byte, maxPayload int) (frame, error) {
	if len(b) < 2 {
		return frame{}, errPartial
	}
	f := frame{fin: b[0]&0x80 != 0, opcode: b[0] & 0x0f}
	switch {
	case b[0]&0x70 != 0:
		return f, breach("a reserved bit is set")
	case f.opcode > opBinary && f.opcode < opClose || f.opcode > opPong:
		return f, breach("unknown opcode")
	case b[1]&0x80 != 0:
		return f, breach("a server's frame is masked")
	case f.opcode >= opClose && (!f.fin || b[1] > maxControl):
		return f, breach("a control frame is too large or in fragments")
	}
	n, head := uint64(b[1]), 2
	switch n {
	case 126:
		if len(b) < 4 {
			return f, errPartial
		}
		n, head = uint64(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 10 {
			return f, errPartial
		}
		n, head = binary.BigEndian.Uint64(b[2:]), 10
	}
	if n > uint64(maxPayload) {
		return f, breach(fmt.Sprintf("a message of more than %d bytes", maxPayload))
	}
	f.size = head + int(n)
	if len(b) < f.size {
		return f, errPartial
	}
	f.payload = b[head:f.size]
	return f, nil
}

// appendFrame appends a client's frame, whole and masked with key.
func appendFrame(dst []byte, opcode byte, payload []byte, key uint32) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, 0x80|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0x80|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 0x80|127), uint64(n))
	}
	dst = binary.LittleEndian.AppendUint32(dst, key)
	at := len(dst)
	dst = append(dst, payload...)
	mask(dst[at:], key)
	return dst
}

// mask applies a masking key, eight bytes at a time where it can.
func mask(p []byte, key uint32) {
	wide := uint64(key)<<32 | uint64(key)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^wide)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// fragments puts the frames of one connection together to messages. The zero
// value is ready.
type fragments struct {
	opcode byte   // of the message in progress, 0 if there is none
	part   []byte // its payload so far
}

// add takes a data frame. done tells that message is a whole one; it may point
// into the frame's payload.
func (a *fragments) add(f frame, maxMessage int) (opcode byte, message []byte, done bool, err error) {
	switch {
	case f.opcode == opContinuation && a.opcode == 0:
		return 0, nil, false, breach("a continuation without a start")
	case f.opcode != opContinuation && a.opcode != 0:
		return 0, nil, false, breach("a new message inside a fragmented one")
	case f.opcode != opContinuation && f.fin:
		return f.opcode, f.payload, true, nil
	case f.opcode != opContinuation:
		a.opcode = f.opcode
	}
	if len(a.part)+len(f.payload) > maxMessage {
		return 0, nil, false, breach(fmt.Sprintf("a message of more than %d bytes", maxMessage))
	}
	a.part = append(a.part, f.payload...)
	if !f.fin {
		return 0, nil, false, nil
	}
	opcode, message = a.opcode, a.part
	*a = fragments{}
	return opcode, message, true, nil
}

// parseClose reads the payload of a close frame; code 0: it has none.
func parseClose(p []byte) (code int, reason string) {
	if len(p) < 2 {
		return 0, ""
	}
	return int(binary.BigEndian.Uint16(p)), string(p[2:])
}
