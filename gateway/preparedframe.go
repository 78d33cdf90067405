package gateway

import (
	"errors"

	"tuitalk/gateway/transport"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// prepareEntry encodes an entry in a form.
func prepareEntry(e *talk.Entry, form talk.Form) *transport.PreparedFrame {
	payload := talk.AppendEntry(make([]byte, websocket.MaxHeader, websocket.MaxHeader+entryOverhead+64+len(e.Text)+len(e.Name)), form, e)
	return prepareFrame(payload, form)
}

// prepareMessage encodes a message in a form.
func prepareMessage(m talk.Message, form talk.Form) (*transport.PreparedFrame, error) {
	return encode(m, form, 256-2*websocket.MaxHeader)
}

// encode encodes a message of about so many bytes.
func encode(m talk.Message, form talk.Form, bytes int) (*transport.PreparedFrame, error) {
	payload, err := talk.Append(make([]byte, websocket.MaxHeader, 2*websocket.MaxHeader+bytes), form, m)
	if err != nil {
		return nil, err
	}
	return prepareFrame(payload, form), nil
}

// prepareFrame puts the head of a frame right before the payload, for which the first
// websocket.MaxHeader bytes of b are free.
func prepareFrame(b []byte, form talk.Form) *transport.PreparedFrame {
	opcode := byte(websocket.OpText)
	if form.IsBinary() {
		opcode = websocket.OpBinary
	}
	var head [websocket.MaxHeader]byte
	h := websocket.AppendHeader(head[:0], opcode, len(b)-websocket.MaxHeader)
	start := websocket.MaxHeader - len(h)
	copy(b[start:], h)
	return &transport.PreparedFrame{Bytes: b[start:]}
}

// codeOf returns the code of a refusal that talk's checks gave.
func codeOf(err error, other talk.Code) talk.Code {
	var r *talk.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return other
}
