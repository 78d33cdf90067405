package gateway

import (
	"errors"

	"tuitalk/talk"
)

// entryPacket encodes an entry in a form.
func entryPacket(e *talk.Entry, form talk.Form) *packet {
	payload := talk.AppendEntry(make([]byte, maxHead, maxHead+entryOverhead+64+len(e.Text)+len(e.Name)), form, e)
	return framed(payload, form)
}

// messagePacket encodes a message in a form.
func messagePacket(m talk.Message, form talk.Form) (*packet, error) {
	return encode(m, form, 256-2*maxHead)
}

// encode encodes a message of about so many bytes.
func encode(m talk.Message, form talk.Form, bytes int) (*packet, error) {
	payload, err := talk.Append(make([]byte, maxHead, 2*maxHead+bytes), form, m)
	if err != nil {
		return nil, err
	}
	return framed(payload, form), nil
}

// framed puts the head of a frame right before the payload, for which the first
// maxHead bytes of b are free.
func framed(b []byte, form talk.Form) *packet {
	opcode := byte(opText)
	if form.IsBinary() {
		opcode = opBinary
	}
	var head [maxHead]byte
	h := appendHead(head[:0], opcode, len(b)-maxHead)
	start := maxHead - len(h)
	copy(b[start:], h)
	return &packet{bytes: b[start:]}
}

// codeOf returns the code of a refusal that talk's checks gave.
func codeOf(err error, other talk.Code) talk.Code {
	var r *talk.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return other
}
