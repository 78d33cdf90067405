package virtualuser

import (
	"net/netip"
	"strconv"
	"time"

	"tuitalk/bench/recorder"
	"tuitalk/client"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// user is one client of the scenario. It belongs to its loop.
type user struct {
	// immutable
	loop     *loop
	index    int // in the scenario
	slow     bool
	protocol protocol
	rec      *recorder.Client // nil: nothing is recorded

	conns []*connection // that are dialled or open
	posts int64
	named int // names that it has taken since the first

	generation int  // how many were in this place before
	ended      bool // it has gone for good
	wake       wakeUp

	// what is shown
	room    int32
	last    int64 // seq
	inside  bool
	live    *connection // over which it is shown
	node    string      // that serves it
	left    bool        // it went on purpose, and comes back
	arrived bool        // it was inside once

	outages []Outage // since Begin
	owed    int64    // the last outage is over when so much is shown; 0: it is over, or not joined
}

// protocol is what a client is and speaks. Its methods are called with the loop's
// lock held, one at a time; what they send goes out when they return.
type protocol interface {
	// start begins; it dials.
	start()
	// opened: the connection is upgraded.
	opened(l *connection)
	// message: a whole message came. It is only lent.
	message(l *connection, opcode byte, payload []byte)
	// closed: the connection is gone or never came to be; code is WebSocket's, or 0.
	closed(l *connection, code int, reason string)
	// tick: the time that user.wakeAt was told has come.
	tick()
	// post says something, now or when there is a connection; false: it is not taken.
	post(id talk.UUID, text string) bool
	// enter goes to another room.
	enter(room int32)
	// rename takes another name.
	rename(name string)
	// fetch loads older history.
	fetch(limit int)
	// quit ends it for good: it says so, or it is killed. Its connections are hung up later.
	quit(killed bool)
	// behind is how many entries of its room it was not shown, of which the newest is head.
	behind(head int64) int
	// outbox is how many messages are posted and not known to be stored.
	outbox() int
	// end: nothing of it is wanted any more.
	end()
}

// name is what the user is called first: several windows of one have one name.
func (p *user) name() string {
	if p.generation > 0 {
		return p.label()
	}
	return "c" + strconv.Itoa(p.loop.group.plan.Owner(p.index))
}

// label names the client in reports.
func (p *user) label() string {
	if p.generation == 0 {
		return "c" + strconv.Itoa(p.index)
	}
	return "c" + strconv.Itoa(p.index) + "." + strconv.Itoa(p.generation)
}

// behind is how far it is behind a seq.
func (p *user) behind(head int64) int { return int(max(0, head-p.last)) }

// wakeAt asks for a tick; it replaces the one before.
func (p *user) wakeAt(at time.Time) { p.loop.timers.set(p, at) }

// dial begins a connection. A failure is told after the protocol has returned.
func (p *user) dial(conn client.ConnID, url string) *connection {
	l := p.loop
	line := &connection{p: p, conn: conn, target: l.group.targets[url], dialled: l.now, heard: l.now}
	p.conns = append(p.conns, line)
	l.sample.Dialled++
	recv := 0
	if p.slow {
		recv = slowRecv
	}
	fd, err := connect(line.target.addr, l.source(), recv)
	if err == nil {
		if p.slow {
			line.sock = l.adoptSlow(fd, line)
		} else {
			line.sock, err = l.poller.adopt(fd, line)
		}
	}
	if err != nil {
		line.sock = noSocket{}
		l.failures = append(l.failures, connFailure{line, 0, err.Error()})
		return line
	}
	if line.target.tls != nil {
		l.secure(line)
	} else {
		line.ask()
	}
	return line
}

// noSocket is that of a connection which could not be dialled.
type noSocket struct{}

func (noSocket) write([]byte) {}
func (noSocket) close(bool)   {}

// connection finds a connection; nil if it is gone.
func (p *user) connection(conn client.ConnID) *connection {
	for _, l := range p.conns {
		if l.conn == conn {
			return l
		}
	}
	return nil
}

func (p *user) forget(l *connection) {
	for i := range p.conns {
		if p.conns[i] == l {
			p.conns = append(p.conns[:i], p.conns[i+1:]...)
			break
		}
	}
	if p.live == l {
		p.live = nil
	}
}

// hangup closes a connection politely.
func (p *user) hangup(l *connection) {
	if p.ended {
		return // soon, by hangUpLate
	}
	if l.state == open {
		p.loop.write(l, websocket.OpClose, []byte{1000 >> 8, 1000 & 0xff})
		p.loop.flush()
	}
	l.hungUp = true
	l.drop(false)
}

// onFailure counts a connection that is gone and tells the protocol.
func (p *user) onFailure(l *connection, code int, reason string) {
	if p.ended {
		return
	}
	if l.joined {
		p.loop.sample.Lost++
	}
	p.loop.fault(connFault(l, code, reason))
	p.protocol.closed(l, code, reason)
}

func connFault(l *connection, code int, reason string) string {
	switch {
	case code != 0:
		return "closed by the server: " + strconv.Itoa(code) + " " + reason
	case reason != "":
		return reason
	case l.opened.IsZero():
		return "the target hangs up before the upgrade"
	}
	return "the line broke"
}

// joins notes that a connection has led to the room. after is where what is shown
// begins, unless it goes on where it was.
func (p *user) joins(l *connection, m *talk.Joined, anew bool) {
	s := &p.loop.sample
	if !l.joined {
		l.joined = true
		s.Joins++
		s.Joined.Record(p.loop.now.Sub(l.dialled), 1)
	}
	p.live, p.room = l, m.RoomID
	if anew {
		p.last = m.AfterSeq
	}
	p.comes(l, m.HeadSeq)
}

// shows notes that a message is shown. st is nil if it bears no stamp.
func (p *user) shows(seq int64, st *stamp) {
	p.last = seq
	if p.owed != 0 && seq >= p.owed {
		p.caughtUp()
	}
	if st == nil {
		return
	}
	l := p.loop
	l.sample.Delivered++
	if p.slow {
		return
	}
	l.sample.Latency.Record(time.Duration(l.micro-st.intended)*time.Microsecond, 1)
	l.sample.Service.Record(time.Duration(l.micro-st.real)*time.Microsecond, 1)
}

// told counts what a server says about posts.
func (p *user) told(d *decoded) {
	l := p.loop
	switch m := d.message.(type) {
	case talk.Entry:
		if d.stamp != nil && d.stamp.client == p.index && m.Seq > 0 {
			l.stored(m.ID)
		}
	case talk.Stored:
		l.stored(m.ID)
	case talk.Accepted:
		if _, ok := l.posts[m.ID]; ok {
			l.sample.Accepted++
		}
	case talk.Error:
		l.fault("the server refuses: " + string(m.Code))
	case talk.Gap:
		l.fault("the server leaves entries out")
	case talk.History:
		if !m.More {
			l.sample.Fetched++
		}
	}
}

// refused notes that an own message will never be stored.
func (p *user) refused(id talk.UUID) {
	if _, ok := p.loop.posts[id]; ok {
		delete(p.loop.posts, id)
		p.loop.sample.Refused++
	}
}

// serves notes which node serves the user; "" for none.
func (p *user) serves(node string) {
	if node == p.node {
		return
	}
	l := p.loop
	if p.node != "" {
		if l.nodes[p.node]--; l.nodes[p.node] == 0 {
			delete(l.nodes, p.node)
		}
	}
	if node != "" {
		l.nodes[node]++
	}
	p.node = node
}

// source is the next address to dial from; invalid: any.
func (l *loop) source() netip.Addr {
	sources := l.group.cfg.Sources
	if len(sources) == 0 {
		return netip.Addr{}
	}
	l.dials++
	return sources[l.dials%len(sources)]
}
