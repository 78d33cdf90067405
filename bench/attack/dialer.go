package attack

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"tuitalk/client"
	"tuitalk/talk"
)

// dialer is the honest side's, from an address of its own.
type dialer struct {
	target *Target
	from   netip.Addr
}

// line is one connection of an honest session. run connects and reads; it ends with
// the connection.
type line struct {
	conn    client.ConnID
	deliver func(client.Event)
	ctx     context.Context
	cancel  context.CancelFunc

	mu     sync.Mutex
	open   bool
	queue  [][]byte // that waits to be written; bounded by maxQueue
	wake   chan struct{}
	saying bool // it is to be closed once all is written
}

var (
	_ client.Dialer = dialer{}
	_ client.Line   = (*line)(nil)
)

// maxQueue is how many frames may wait on an honest connection.
const maxQueue = 4096

func (d dialer) Dial(conn client.ConnID, _ string, deliver func(client.Event)) client.Line {
	l := &line{conn: conn, deliver: deliver, wake: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	go l.run(d)
	return l
}

func (l *line) run(d dialer) {
	defer l.cancel()
	code, err := l.serve(d)
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	l.deliver(client.Closed{Conn: l.conn, Code: code, Reason: reason})
}

// serve is the connection from its beginning to its end.
func (l *line) serve(d dialer) (code int, err error) {
	plain, tcp, err := dial(l.ctx, d.target, d.from, 0)
	if err != nil {
		return 0, err
	}
	defer tcp.Close()
	defer context.AfterFunc(l.ctx, func() { _ = tcp.Close() })()
	quiet := &crowd{tally: newTally(func() {})}
	c := &conn{ctx: l.ctx, crowd: quiet, Conn: plain, tcp: tcp}
	quiet.target = d.target
	c.r = bufio.NewReader(plain)
	if err := upgrade(c); err != nil {
		return 0, fmt.Errorf("the server cannot be reached: %w", err)
	}
	var writer sync.WaitGroup
	defer writer.Wait()
	defer l.cancel()
	writer.Go(func() { l.write(plain) })
	l.mu.Lock()
	l.open = true
	l.mu.Unlock()
	l.deliver(client.Opened{Conn: l.conn})
	for {
		text, err := c.next()
		if ended, ok := err.(endedError); ok {
			code, _ := strconv.Atoi(ended.how) // 0 if there was none
			return code, err
		}
		if err != nil {
			return 0, err
		}
		if m, err := talk.Decode(talk.Extended, text); err != nil {
			l.deliver(client.DecodeFailed{Conn: l.conn, Err: err})
		} else {
			l.deliver(client.Received{Conn: l.conn, Message: m})
		}
	}
}

// write writes what is queued until the connection ends.
func (l *line) write(wire net.Conn) {
	for {
		select {
		case <-l.wake:
		case <-l.ctx.Done():
			return
		}
		l.mu.Lock()
		queue, last := l.queue, l.saying
		l.queue = nil
		l.mu.Unlock()
		for _, frame := range queue {
			if _, err := wire.Write(frame); err != nil {
				l.cancel()
				return
			}
		}
		if last {
			_, _ = wire.Write(appendFrame(nil, fin|opClose, []byte{3, 232})) // it ends anyway
			l.cancel()
			return
		}
	}
}

func (l *line) Send(m talk.Message) error {
	text, err := talk.Append(nil, talk.Extended, m)
	if err != nil {
		return err
	}
	l.mu.Lock()
	full := len(l.queue) >= maxQueue
	if !full {
		l.queue = append(l.queue, appendFrame(nil, fin|opText, text))
	}
	l.mu.Unlock()
	if full {
		l.cancel()
		return fmt.Errorf("%d frames wait to be written", maxQueue)
	}
	l.signal()
	return nil
}

func (l *line) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Close lets what is queued be written, if the connection stands.
func (l *line) Close() {
	l.mu.Lock()
	l.saying = true
	open := l.open
	l.mu.Unlock()
	if !open {
		l.cancel()
	}
	l.signal()
}
