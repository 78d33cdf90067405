package fleetsim

import (
	"errors"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// line is a connection through the simulated network: two ends, each of which has
// what is on its way to it. A line is whole, silent (what is sent stays on its way)
// or cut.
type line struct {
	net  *network
	node *node  // at the far end
	who  string // at the near end
	from net.Addr

	mu     sync.Mutex
	ends   [2]*end // near: the client's; far: the gateway's
	silent []*hush // each holds back what is sent
	over   bool
	own    time.Duration    // latency, if nothing makes it slower
	slower []*time.Duration // what does
	heard  time.Time        // when the gateway sent last, as the balancer knows
}

const near, far = 0, 1

// hush is one reason for silence.
type hush struct{ _ byte }

// end is one side of a line.
type end struct {
	line *line
	side int
	cond *sync.Cond // of line.mu; signalled when anything below has changed

	coming  []segment // on its way, in order
	unread  []byte    // has arrived
	fin     bool      // and behind it nothing more comes
	err     error     // the connection was reset, or is closed here
	closed  bool      // by who has this end
	changed func()    // instead of cond: something has arrived, or there is room to send
}

// segment is some bytes under way; nil data is the end of the stream.
type segment struct {
	data []byte
	at   time.Time
}

func newLine(n *network, to *node, latency time.Duration) *line {
	l := &line{net: n, node: to, own: latency, heard: time.Now()}
	for side := range l.ends {
		l.ends[side] = &end{line: l, side: side, cond: sync.NewCond(&l.mu)}
	}
	return l
}

func (e *end) peer() *end { return e.line.ends[1-e.side] }

// notify wakes who waits at this end. Call with mu held.
func (e *end) notify() {
	e.cond.Broadcast()
	if e.changed != nil {
		e.changed()
	}
}

// room is how many bytes this end may send now. Call with mu held.
func (e *end) room() int {
	p := e.peer()
	used := len(p.unread)
	for _, s := range p.coming {
		used += len(s.data)
	}
	return max(0, e.line.net.window-used)
}

// send puts bytes on their way, as many as there is room for.
func (e *end) send(b []byte) (int, error) {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case e.err != nil:
		return 0, e.err
	}
	if b = b[:min(len(b), e.room())]; len(b) == 0 {
		return 0, nil
	}
	e.put(append([]byte(nil), b...))
	return len(b), nil
}

// put puts a segment on its way to the peer. Call with mu held.
func (e *end) put(data []byte) {
	l, p := e.line, e.peer()
	at := time.Now().Add(l.latency())
	if n := len(p.coming); n > 0 && p.coming[n-1].at.After(at) {
		at = p.coming[n-1].at
	}
	p.coming = append(p.coming, segment{data, at})
	if e.side == far {
		l.heard = time.Now()
	}
	time.AfterFunc(time.Until(at), p.arrive)
}

// arrive takes in what has come by now.
func (e *end) arrive() {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	if len(e.line.silent) > 0 {
		return
	}
	n := 0
	for n < len(e.coming) && !e.coming[n].at.After(time.Now()) {
		if s := e.coming[n]; s.data == nil {
			e.fin = true
		} else if !e.closed {
			e.unread = append(e.unread, s.data...)
		}
		n++
	}
	if e.coming = e.coming[n:]; n > 0 {
		e.notify()
	}
}

// take reads what has arrived, without waiting.
func (e *end) take(b []byte) (n int, err error) {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	return e.takeLocked(b)
}

func (e *end) takeLocked(b []byte) (int, error) {
	switch {
	case e.closed:
		return 0, net.ErrClosed
	case len(e.unread) > 0:
		n := copy(b, e.unread)
		if e.unread = e.unread[n:]; len(e.unread) == 0 {
			e.unread = nil
		}
		e.peer().notify()
		return n, nil
	case e.err != nil:
		return 0, e.err
	case e.fin:
		return 0, io.EOF
	}
	return 0, nil
}

// finish sends the end of the stream.
func (e *end) finish() error {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	if e.closed || e.err != nil {
		return net.ErrClosed
	}
	e.put(nil)
	return nil
}

// close ends this side: the peer reads what is under way, then the end.
func (e *end) close() {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	if e.closed {
		return
	}
	e.closed, e.unread = true, nil
	if e.err == nil {
		e.put(nil)
	}
	e.notify()
	e.line.ended()
}

// left tells whether nobody at this end waits for anything. Call with mu held.
func (e *end) left() bool { return e.closed || e.err != nil }

var errCut = error(syscall.ECONNRESET)

// cut resets both ends.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.ends {
		if e.err == nil && !e.closed {
			e.err, e.coming, e.unread = errCut, nil, nil
			e.notify()
		}
	}
	l.ended()
}

// reset is what one end can do: the peer gets nothing of what is under way.
func (e *end) reset() {
	e.line.mu.Lock()
	p := e.peer()
	if len(e.line.silent) == 0 && p.err == nil {
		p.err, p.coming, p.unread = errCut, nil, nil
		p.notify()
	}
	e.line.mu.Unlock()
	e.close()
}

// ended takes the line off the balancer's count. Call with mu held.
func (l *line) ended() {
	if !l.over && (l.ends[near].left() || l.ends[far].left()) {
		l.over = true
		l.node.open.Add(-1)
	}
}

// silence holds back what is sent, in both directions, until it is lifted.
func (l *line) silence() (lift func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := &hush{}
	l.silent = append(l.silent, one)
	return func() {
		l.mu.Lock()
		l.silent = slices.DeleteFunc(l.silent, func(s *hush) bool { return s == one })
		l.mu.Unlock()
		l.arrive()
	}
}

func (l *line) arrive() {
	l.ends[near].arrive()
	l.ends[far].arrive()
}

// hear ends all silence.
func (l *line) hear() {
	l.mu.Lock()
	l.silent = nil
	l.mu.Unlock()
	l.arrive()
}

func (l *line) isSilent() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.silent) > 0
}

// slow lets what is sent take longer, until it is lifted.
func (l *line) slow(latency time.Duration) (lift func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := &latency
	l.slower = append(l.slower, one)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.slower = slices.DeleteFunc(l.slower, func(s *time.Duration) bool { return s == one })
	}
}

// latency is how long what is sent takes. Call with mu held.
func (l *line) latency() time.Duration {
	longest := l.own
	for _, s := range l.slower {
		longest = max(longest, *s)
	}
	return longest
}

// conn is an end as a net.Conn, with reads and writes that wait.
type conn struct{ *end }

var _ net.Conn = conn{}

func (c conn) Read(b []byte) (int, error) {
	c.line.mu.Lock()
	defer c.line.mu.Unlock()
	for {
		if n, err := c.takeLocked(b); n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		c.cond.Wait()
	}
}

func (c conn) Write(b []byte) (sent int, err error) {
	for {
		n, err := c.send(b[sent:])
		if sent += n; err != nil || sent == len(b) {
			return sent, err
		}
		c.line.mu.Lock()
		for c.room() == 0 && !c.closed && c.err == nil {
			c.cond.Wait()
		}
		c.line.mu.Unlock()
	}
}

func (c conn) Close() error {
	c.close()
	return nil
}

var address = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}

func (c conn) LocalAddr() net.Addr              { return address }
func (c conn) SetDeadline(time.Time) error      { return nil }
func (c conn) SetReadDeadline(time.Time) error  { return nil }
func (c conn) SetWriteDeadline(time.Time) error { return nil }

// RemoteAddr: each client has an address of its own.
func (c conn) RemoteAddr() net.Addr {
	if c.side == far {
		return c.line.from
	}
	return address
}

// addressOf is where somebody connects from.
func addressOf(who string) net.Addr {
	h := fnv.New32a()
	_, _ = h.Write([]byte(who)) // never fails, by its documentation
	n := h.Sum32()
	return &net.TCPAddr{IP: net.IPv4(10, byte(n>>16), byte(n>>8), byte(n)), Port: 40000}
}

var errRefused = errors.New("connection refused")
