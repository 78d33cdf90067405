package websocket

import "encoding/binary"

var (
	errNoStart     = &Error{CloseProtocolError, "a continuation without a start"}
	errInterleaved = &Error{CloseProtocolError, "a new message inside a fragmented one"}
	errNotUTF8     = &Error{CloseNotUTF8, "a text message must be UTF-8"}
)

// Assembler puts the data frames of one connection together to messages, and checks text.
// The zero value is ready. It has one user at a time.
type Assembler struct {
	opcode  byte        // of the message in progress, 0 if none
	part    []byte      // its payload so far; ours
	text    utf8Checker // of the message in progress, if it is a text
	checked int         // payload bytes of the incomplete frame that text has seen
}

// InProgress tells whether a message has begun and not ended.
func (a *Assembler) InProgress() bool { return a.opcode != 0 }

// Held is how many bytes of the message in progress are kept.
func (a *Assembler) Held() int { return cap(a.part) }

// Add takes a data frame. done tells that message is a whole one of the given opcode; it
// may point into the frame's payload.
func (a *Assembler) Add(f Frame, maxMessage int) (opcode byte, message []byte, done bool, err error) {
	if err := a.admit(f.Opcode, len(f.Payload), maxMessage); err != nil {
		return 0, nil, false, err
	}
	if a.kind(f.Opcode) == OpText && (!a.text.feed(f.Payload[a.checked:]) || f.Fin && !a.text.whole()) {
		return 0, nil, false, errNotUTF8
	}
	a.checked = 0
	if f.Opcode != OpContinuation {
		if f.Fin {
			return f.Opcode, f.Payload, true, nil
		}
		a.opcode = f.Opcode
	}
	a.part = append(a.part, f.Payload...)
	if !f.Fin {
		return 0, nil, false, nil
	}
	opcode, message = a.opcode, a.part
	a.opcode, a.part = 0, nil
	return opcode, message, true, nil
}

// kind is the opcode of the message to which a data frame belongs.
func (a *Assembler) kind(opcode byte) byte {
	if opcode == OpContinuation {
		return a.opcode
	}
	return opcode
}

// admit refuses a data frame that must not come now, or not with so many bytes.
func (a *Assembler) admit(opcode byte, n, maxMessage int) error {
	switch {
	case opcode == OpContinuation && a.opcode == 0:
		return errNoStart
	case opcode != OpContinuation && a.opcode != 0:
		return errInterleaved
	case len(a.part)+n > maxMessage:
		return tooBig(maxMessage)
	}
	return nil
}

// Peek refuses at once what has come of a client's frame that Parse calls partial, if no
// rest can make it right. It looks at each byte once, however many pieces the frame comes
// in; the input stays masked.
func (a *Assembler) Peek(b []byte, maxMessage int) error {
	if len(b) < 2 || b[0]&0x0f >= OpClose {
		return nil
	}
	n, header, err := payloadLength(b)
	if err != nil || len(b) < header+4 {
		return nil // of the length there is a part only
	}
	opcode := b[0] & 0x0f
	if err := a.admit(opcode, int(n), maxMessage); err != nil || a.kind(opcode) != OpText {
		return err
	}
	key, masked := binary.LittleEndian.Uint32(b[header:]), b[header+4:]
	var plain [512]byte // a multiple of the mask
	for a.checked < len(masked) {
		chunk := plain[:copy(plain[:], masked[a.checked:])]
		turn := 8 * (a.checked & 3)
		Mask(chunk, key>>turn|key<<(32-turn))
		if !a.text.feed(chunk) {
			return errNotUTF8
		}
		a.checked += len(chunk)
	}
	return nil
}
