package swarm

import (
	"errors"
	"time"

	"tuitalk/client"
	"tuitalk/talk"
)

type lineState uint8

const (
	upgrading lineState = iota
	open
	gone // closed, or given up: nothing of it is wanted
)

// line is one connection of a person. It belongs to the person's loop.
type line struct {
	p       *person
	conn    client.ConnID
	sock    socket
	target  *target
	state   lineState
	joined  bool // it has led to a room
	dialled time.Time
	opened  time.Time
	heard   time.Time // when bytes came last

	in   []byte // the beginning of what is not complete; nil mostly
	part fragments
}

// received takes bytes that came at loop.now.
func (l *line) received(data []byte) {
	if l.state == gone {
		return
	}
	l.heard = l.p.loop.now
	l.p.loop.sample.BytesIn += int64(len(data))
	if len(l.in) > 0 {
		l.in = append(l.in, data...)
		data = l.in
	}
	for len(data) > 0 && l.state != gone {
		n, err := l.next(data)
		if errors.Is(err, errPartial) {
			break
		}
		if err != nil {
			l.fail(0, err.Error())
			return
		}
		data = data[n:]
	}
	switch {
	case len(data) == 0 || l.state == gone:
		l.in = nil
	default:
		l.in = append(l.in[:0], data...)
	}
}

// next handles the answer or the frame at the beginning of data and tells how
// long it is.
func (l *line) next(data []byte) (int, error) {
	if l.state == upgrading {
		n, err := l.target.answered(data)
		if err != nil {
			return 0, err
		}
		l.state, l.opened = open, l.p.loop.now
		l.p.loop.open++
		l.p.loop.opened = true
		l.p.speaker.opened(l)
		return n, nil
	}
	f, err := parseFrame(data, talk.MaxServerFrameBytes)
	if err != nil {
		return 0, err
	}
	switch f.opcode {
	case opPing:
		l.p.loop.write(l, opPong, f.payload)
		l.p.loop.flush()
	case opPong:
	case opClose:
		l.closedByServer(f.payload)
	default:
		opcode, message, done, err := l.part.add(f, talk.MaxServerFrameBytes)
		if err != nil {
			return 0, err
		}
		if done {
			l.p.speaker.message(l, opcode, message)
		}
	}
	return f.size, nil
}

func (l *line) closedByServer(payload []byte) {
	code, reason := parseClose(payload)
	l.p.loop.write(l, opClose, payload[:min(2, len(payload))])
	l.p.loop.flush()
	l.fail(code, reason)
}

// fail closes a line that is of no use any more, and tells its person. It must
// not be called while the person's speaker does something.
func (l *line) fail(code int, reason string) {
	if l.state == gone {
		return
	}
	l.drop(false)
	l.p.fell(l, code, reason)
}

// drop closes the line and tells nobody.
func (l *line) drop(hard bool) {
	if l.state == gone {
		return
	}
	if l.state == open {
		l.p.loop.open--
	}
	l.state, l.in, l.part = gone, nil, fragments{}
	l.sock.close(hard)
	l.p.forget(l)
}
