package virtualuser

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"tuitalk/talk"

	"tuitalk/bench/measure"
	"tuitalk/websocket"
)

// loop is an event loop with the virtual users that belong to it.
type loop struct {
	// immutable
	group       *Group
	pacerThread atomic.Int64 // 0: not known yet
	clock       *clock
	poller      *poller
	users       []*user
	talkers     []*user // who may be drawn to say something

	mu sync.Mutex // guards what follows, and the virtual users

	now      time.Time // of the event under way
	micro    int64     // now, as stamps have it
	rng      *rand.Rand
	timers   timers
	due      time.Time // something is to be done then
	form     talk.Form
	cache    decodeCache
	failures []connFailure
	stopped  bool
	opened   bool // somebody has had a connection
	dials    int

	// what is being written
	outLine *connection
	out     []byte
	payload []byte

	handshakes
	plain [readBuffer + 16<<10]byte // what was encrypted in one read, and a record that began before it

	// schedules; nil: nothing is scheduled
	posting *measure.Arrivals
	actions []*action
	began   bool
	quiet   bool
	posts   map[talk.UUID]int64 // intended, in microseconds; until they are stored

	connecting

	// slow readers
	slow    []*slowSocket
	slowAt  time.Time
	slowBuf [4 << 10]byte

	// how things stand and, since the last Sample, what happened
	open, inside, arrived int
	nodes                 map[string]int
	sample                measure.Sample
	faults                map[string]int64 // since the start
}

// connFailure is a connection that failed while its user's protocol was doing something.
type connFailure struct {
	line   *connection
	code   int
	reason string
}

// at sets the time of the event that is handled next.
func (l *loop) at(now time.Time) {
	l.now, l.micro = now, l.clock.micro(now)
}

// onData takes what the poller has read at now.
func (l *loop) onData(line *connection, data []byte, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.at(now)
	line.received(data)
	l.flushFailures()
	if !now.Before(l.due) {
		l.turn()
	}
}

// onBroken takes the end of a connection that was not closed here.
func (l *loop) onBroken(line *connection, err error) {
	now := l.clock.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return
	}
	l.at(now)
	if line.tls == nil || line.tls.broke(err) {
		line.fail(0, line.whyBroken(err))
	}
	l.flushFailures()
}

// flushFailures tells of the connections that failed meanwhile.
func (l *loop) flushFailures() {
	for len(l.failures) > 0 {
		f := l.failures[0]
		l.failures = l.failures[1:]
		f.line.fail(f.code, f.reason)
	}
	l.failures = nil
}

// turn does everything that is due.
func (l *loop) turn() {
	for p := l.timers.pop(l.now); p != nil; p = l.timers.pop(l.now) {
		if p.ended {
			p.hangUpLate()
			continue
		}
		p.protocol.tick()
		l.flushFailures()
	}
	l.connectDue()
	l.postsUntil(l.now)
	l.dueActions()
	l.readSlow()
	l.flushFailures()
	l.plan()
}

// maxPause is how long nothing is looked at if nothing is known to be due.
const maxPause = 2 * time.Millisecond

// plan says when the next turn is.
func (l *loop) plan() {
	l.due = l.now.Add(maxPause)
	sooner := func(at time.Time, ok bool) {
		if ok && at.Before(l.due) {
			l.due = at
		}
	}
	sooner(l.timers.soonest())
	if l.posting != nil {
		sooner(l.posting.Next())
	}
	for _, a := range l.actions {
		sooner(a.times.Next())
	}
	if l.pace != nil {
		sooner(l.pace.Next())
	}
}

// maxBurst is how many posts are made before others have a turn.
const maxBurst = 64

// postsUntil makes posts that are due by then. more: there may be others.
func (l *loop) postsUntil(then time.Time) (more bool) {
	if l.posting == nil {
		return false
	}
	for range maxBurst {
		at, ok := l.posting.Next()
		if !ok || at.After(then) {
			return false
		}
		l.posting.Take()
		l.post(at)
	}
	return true
}

// post lets somebody say something that is intended for that time.
func (l *loop) post(intended time.Time) {
	p := l.talkers[l.rng.IntN(len(l.talkers))]
	l.at(l.clock.now())
	p.posts++
	cfg := &l.group.cfg
	st := stamp{cfg.Share, p.index, p.posts, l.clock.micro(intended), l.micro}
	l.sample.Intended++
	l.sample.Late.Record(l.now.Sub(intended), 1)
	id := l.uuid()
	l.posts[id] = st.intended
	if p.protocol.post(id, st.text(cfg.Scenario.Size)) {
		l.sample.Posted++
	} else {
		delete(l.posts, id)
		l.fault("a client has too many messages that are not stored")
	}
	l.flushFailures()
}

func (l *loop) uuid() talk.UUID {
	var b [16]byte
	for i := range b {
		b[i] = byte(l.rng.Uint32())
	}
	return talk.MakeUUID(4, b)
}

// stored notes that an author knows by now that a post is stored.
func (l *loop) stored(id talk.UUID) {
	intended, ok := l.posts[id]
	if !ok {
		return
	}
	delete(l.posts, id)
	l.sample.Counts.Stored++
	l.sample.Stored.Record(time.Duration(l.micro-intended)*time.Microsecond, 1)
}

// send writes a message; flush sends it off.
func (l *loop) send(line *connection, m talk.Message) { l.sendAs(line, l.form, m) }

// sendAs is send in another form.
func (l *loop) sendAs(line *connection, form talk.Form, m talk.Message) {
	var err error
	l.payload, err = talk.Append(l.payload[:0], form, m)
	if err != nil {
		l.fault("a message cannot be written: " + err.Error())
		return
	}
	l.write(line, opcodeOf(form), l.payload)
}

// opcodeOf is that of the frames in which a form travels.
func opcodeOf(form talk.Form) byte {
	if form.IsBinary() {
		return websocket.OpBinary
	}
	return websocket.OpText
}

// write adds a frame to what flush sends off.
func (l *loop) write(line *connection, opcode byte, payload []byte) {
	if line.state != open {
		return
	}
	if l.outLine != line {
		l.flush()
		l.outLine = line
	}
	l.out = websocket.AppendMasked(l.out, opcode, payload, l.rng.Uint32())
}

// flush hands what was written to the kernel.
func (l *loop) flush() {
	if len(l.out) == 0 {
		return
	}
	l.outLine.write(l.out)
	l.out, l.outLine = l.out[:0], nil
}

// maxFaults is how many kinds of faults are told apart.
const maxFaults = 64

// fault counts something that went wrong.
func (l *loop) fault(what string) {
	what = shortened(what)
	if _, known := l.faults[what]; !known && len(l.faults) >= maxFaults {
		what = "others"
	}
	l.faults[what]++
	if l.sample.Errors == nil {
		l.sample.Errors = map[string]int64{}
	}
	l.sample.Errors[what]++
}

// stepSize is how many are dealt with before others of the loop have a turn.
const stepSize = 32

// inSteps does something with each of all, and lets the loop do between whiles what
// is due.
func inSteps[T any](l *loop, all []T, do func(T)) {
	for len(all) > 0 {
		n := min(stepSize, len(all))
		l.mu.Lock()
		l.at(l.clock.now())
		for _, each := range all[:n] {
			do(each)
			l.flushFailures()
		}
		if !l.now.Before(l.due) && !l.stopped {
			l.turn()
		}
		l.mu.Unlock()
		all = all[n:]
	}
}
