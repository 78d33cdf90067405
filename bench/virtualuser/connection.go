package virtualuser

import (
	"errors"
	"fmt"
	"time"

	"tuitalk/bench/tlsconfig"
	"tuitalk/client"
	"tuitalk/talk"
	"tuitalk/websocket"
)

type connState uint8

const (
	upgrading connState = iota
	securing            // of wss:// only, before upgrading: the TLS handshake is not done
	open
	gone // closed, or given up: nothing of it is wanted
)

// connection is one connection of a user. It belongs to the user's loop.
type connection struct {
	p       *user
	conn    client.ConnID
	sock    socket
	tls     *tlsSocket // is sock, for wss://; else nil
	target  *target
	state   connState
	joined  bool // it has led to a room
	hungUp  bool // by the user, in the middle of what was read
	dialled time.Time
	opened  time.Time
	heard   time.Time // when bytes came last

	in   []byte // the beginning of what is not complete; nil mostly
	part websocket.Assembler
}

// received takes bytes that came at loop.now.
func (l *connection) received(data []byte) {
	if l.state == gone {
		return
	}
	l.heard = l.p.loop.now
	l.p.loop.sample.BytesIn += int64(len(data))
	if l.tls != nil {
		l.tls.received(data)
		return
	}
	l.take(data)
}

// take takes what the other side has said.
func (l *connection) take(data []byte) {
	if len(data) == 0 || l.state == gone {
		return
	}
	if len(l.in) > 0 {
		l.in = append(l.in, data...)
		data = l.in
	}
	for len(data) > 0 && l.state != gone {
		n, err := l.next(data)
		if errors.Is(err, websocket.ErrPartial) {
			break
		}
		if err != nil {
			l.fail(0, protocolError(err).Error())
			return
		}
		data = data[n:]
	}
	if l.hungUp {
		l.overhear(data)
	}
	switch {
	case len(data) == 0 || l.state == gone:
		l.in = nil
	default:
		l.in = append(l.in[:0], data...)
	}
}

// protocolError says of what must not come that the target is to blame for it.
func protocolError(err error) error {
	if errors.As(err, new(*websocket.Error)) {
		return fmt.Errorf("the target breaks the WebSocket protocol: %w", err)
	}
	return err
}

// overhear reads the whole messages behind the frame for which the user has hung
// up, for the recording only: a message that seemed to be missing may be among
// them.
func (l *connection) overhear(data []byte) {
	for len(data) > 0 && l.p.rec != nil {
		f, err := websocket.Parse(data, websocket.Server, talk.MaxServerFrameBytes)
		if err != nil || f.Opcode == websocket.OpClose {
			return
		}
		data = data[f.Size:]
		if f.Opcode != opcodeOf(l.p.loop.form) || !f.Fin {
			continue
		}
		if d := l.p.loop.cache.decode(f.Payload); d.err == nil {
			l.p.rec.Overheard(l.p.loop.now, l.conn, d.message)
		}
	}
}

// write hands bytes to the socket. Those of the network are counted, which with
// TLS are others.
func (l *connection) write(b []byte) {
	if l.tls == nil {
		l.p.loop.sample.BytesOut += int64(len(b))
	}
	l.sock.write(b)
}

// ask asks for the upgrade.
func (l *connection) ask() { l.write(l.target.request) }

// whyBroken is a sentence about the end of its connection; "" if there is nothing
// to say but that.
func (l *connection) whyBroken(err error) string {
	switch {
	case l.state != securing || isUnreachable(err):
		return whyBroken(err)
	case err == nil:
		return tlsconfig.HungUp
	}
	return tlsconfig.Reason(l.target.host, err)
}

// silence is what is wrong with a connection on which nothing came in time.
func (l *connection) silence() string {
	switch {
	case l.state != securing:
		return "the target does not answer"
	case !l.tls.begun:
		return "the generator has too many TLS handshakes to make"
	}
	return tlsconfig.TimedOut
}

// next handles the answer or the frame at the beginning of data and tells how
// long it is.
func (l *connection) next(data []byte) (int, error) {
	if l.state == upgrading {
		n, err := l.target.answered(data)
		if err != nil {
			return 0, err
		}
		l.state, l.opened = open, l.p.loop.now
		l.p.loop.open++
		l.p.loop.opened = true
		l.p.protocol.opened(l)
		return n, nil
	}
	f, err := websocket.Parse(data, websocket.Server, talk.MaxServerFrameBytes)
	if err != nil {
		return 0, err
	}
	switch f.Opcode {
	case websocket.OpPing:
		l.p.loop.write(l, websocket.OpPong, f.Payload)
		l.p.loop.flush()
	case websocket.OpPong:
	case websocket.OpClose:
		l.closedByServer(f.Payload)
	default:
		opcode, message, done, err := l.part.Add(f, talk.MaxServerFrameBytes)
		if err != nil {
			return 0, err
		}
		if done {
			l.p.protocol.message(l, opcode, message)
		}
	}
	return f.Size, nil
}

func (l *connection) closedByServer(payload []byte) {
	code, reason, err := websocket.ParseClose(payload)
	if err != nil {
		l.fail(0, protocolError(err).Error())
		return
	}
	l.p.loop.write(l, websocket.OpClose, payload[:min(2, len(payload))])
	l.p.loop.flush()
	l.fail(code, reason)
}

// fail closes a connection that is of no use any more, and tells its user. It must
// not be called while the user's protocol does something.
func (l *connection) fail(code int, reason string) {
	if l.state == gone {
		return
	}
	l.drop(false)
	l.p.onFailure(l, code, reason)
}

// drop closes the connection and tells nobody.
func (l *connection) drop(hard bool) {
	if l.state == gone {
		return
	}
	if l.state == open {
		l.p.loop.open--
	}
	l.state, l.in, l.part = gone, nil, websocket.Assembler{}
	l.sock.close(hard)
	l.p.forget(l)
}
