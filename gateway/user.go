package gateway

import (
	"net/netip"
	"time"

	"tuitalk/gateway/limits"
	"tuitalk/talk"
	"tuitalk/websocket"
)

// user is what a connection has become by what it said. Guarded by conn.mu.
type user struct {
	from         netip.Addr // who speaks, behind a trusted proxy
	unnamedProxy bool       // from is a proxy's, and many others'
	formKnown    bool       // the form is decided
	form         talk.Form
	// identified: the budgets know who this is.
	identified bool
	who        limits.Who
	keptOut    bool // and is not to be served

	uuid    talk.UUID // zero until Hello or the first JoinRoom
	session talk.UUID
	name    string

	place      placeState
	room       *room     // where it is; nil while it is nowhere or on the way
	epoch      int64     // of its session in that room; 0 while provisional
	entered    talk.UUID // id of the Enter that took it there; see enterID
	wishedName *rename   // the newest name that it has asked for on this connection; nil: none
	namedAt    int64     // what the log of room says of names up to this seq is older than name; 0 if that is not known
	joining    *join     // the store is asked to let it in there
	// renaming: the newest rename that the store has not confirmed; nil: none.
	renaming *rename
	asking   *rename // the one that is on its way to the store

	async        asyncState     // its request that is under way
	unstored     int            // posts that are on their way to the store
	retained     []uint64       // numbers of those of them that are kept, ascending; see Retained
	fetch        *historyStream // a Fetch is being answered; nil for none
	backlog      []arrival      // what waits, oldest first
	waiting      int            // bytes of it, as they came
	messageCount uint64         // messages that came
	order        sendOrder
	wakeAt       time.Duration // the budgets may let the next message through; see clock.Elapsed
	delayedBy    limits.Level  // which of them did not
}

// locked runs f with mu held. Like every other place that takes a lock which a
// recovered panic may leave, it lets go of it by defer.
func (c *conn) locked(f func(u *user)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.user)
}

// arrival is a message with its number among those of its connection.
type arrival struct {
	talk.Message
	number uint64
	size   int   // of its frame
	at     int64 // coarse time at which it came
}

// from is the address of who speaks.
func (c *conn) from() netip.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user.from
}

// maxBacklog bounds what waits when flood control is off.
const maxBacklog = 256

// onMessage takes one whole message. It runs on the poller goroutine.
func (c *conn) onMessage(opcode byte, data []byte) {
	form, ok := c.formOf(opcode, data)
	if !ok {
		c.refuseAtOnce(len(data), talk.CodeBadFrame, "this connection began with the other kind of frame")
		return
	}
	c.srv.opts.Failpoint("decode")
	m, err := talk.DecodeFromClient(form, data)
	if err != nil {
		c.refuseAtOnce(len(data), talk.CodeBadFrame, err.Error())
		return
	}
	switch m := m.(type) {
	case talk.History: // takes more memory than its frame: it must not wait
		c.refuseAtOnce(len(data), talk.CodeNotForYou, sentenceNotForYou)
		return
	case talk.Ping:
		if c.form().IsExtended() {
			c.ping(m, len(data))
			return
		}
	}
	var refusal talk.Error
	c.locked(func(*user) { refusal = c.enqueueMessage(m, len(data)) })
	if refusal.Code != "" {
		c.refuseFrame(len(data), refusal)
		c.resumeBacklog()
	}
}

// refuseAtOnce refuses what never waits for its turn, and lets it be paid for.
func (c *conn) refuseAtOnce(bytes int, code talk.Code, sentence string) {
	c.chargeFor(limits.Cost{Messages: 1, Bytes: float64(bytes)})
	c.refuseFrame(bytes, talk.Error{Code: code, Message: sentence})
}

// form is the form in which this client is answered.
func (c *conn) form() talk.Form {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.user.form
}

// formOf returns the form of a frame: the first one decides for good.
func (c *conn) formOf(opcode byte, data []byte) (talk.Form, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := &c.user
	if !u.formKnown {
		u.formKnown = true
		u.form = talk.FirstForm(opcode == websocket.OpBinary, data)
	}
	return u.form, (opcode == websocket.OpBinary) == u.form.IsBinary()
}

// enqueueMessage takes a message if it can, else lets it wait, else refuses it. Call with
// mu held.
func (c *conn) enqueueMessage(m talk.Message, size int) talk.Error {
	u := &c.user
	if u.async == asyncClosed {
		return talk.Error{}
	}
	u.messageCount++
	a := arrival{m, u.messageCount, size, c.srv.clock.Coarse()}
	most := maxBacklog
	if n := c.srv.opts.Limits.Backlog; n > 0 {
		most = n
	}
	if !c.enqueue(a, most) {
		return c.overflow(a)
	}
	if _, ok := m.(talk.JoinRoom); ok {
		c.wantsRoom(true)
	}
	return c.processBacklog()
}

// refusal is an Error about m.
func (c *conn) refusal(m talk.Message, code talk.Code, sentence string) talk.Error {
	e := talk.Error{Code: code, Message: sentence}
	switch m := m.(type) {
	case talk.Entry:
		e.ID = m.ID
	case talk.ChangeName:
		e.ID = m.ID
	}
	return e
}

// blockLater makes the later posts of this connection wait for one that was
// refused for now. Call with mu held.
func (c *conn) blockLater(a arrival) {
	if e, ok := a.Message.(talk.Entry); ok && c.user.form.IsExtended() {
		u := &c.user
		u.order.refuse(e.Round, a.number, u.unstored == 0 && len(u.backlog) == 0)
	}
}

// processBacklog handles what waits, as far as it goes. Call with mu held.
func (c *conn) processBacklog() talk.Error {
	u := &c.user
	c.resumeFetch()
	for {
		if refusal := c.identify(); refusal.Code != "" {
			return refusal
		}
		if len(u.backlog) == 0 || u.async != asyncIdle || u.keptOut {
			break
		}
		m := u.backlog[0]
		refusal, wait := c.handle(m)
		if wait {
			break
		}
		c.dequeue()
		if refusal.Code != "" {
			return refusal
		}
	}
	return talk.Error{}
}

// resumeBacklog handles what waits after an asynchronous step, or when time has come.
// Whose goroutine it is has nothing to do with it: a panic ends this connection.
func (c *conn) resumeBacklog() { guard(c, c.processAll) }

func (c *conn) processAll() {
	for {
		var refusal talk.Error
		c.locked(func(*user) { refusal = c.processBacklog() })
		if refusal.Code == "" {
			return
		}
		c.refuse(refusal)
	}
}

// finishAsync ends an asynchronous step.
func (c *conn) finishAsync(f func(u *user)) {
	c.locked(func(u *user) {
		u.async.on(asyncDone)
		c.asyncBy.Store(0)
		f(u)
	})
	c.resumeBacklog()
}

// answer sends a message to this connection alone.
func (c *conn) answer(m talk.Message) { c.answerIn(c.form(), m) }

func (c *conn) answerIn(form talk.Form, m talk.Message) bool {
	queued, _ := c.answerSized(form, m)
	return queued
}

// answerSized tells how many bytes the answer takes, too.
func (c *conn) answerSized(form talk.Form, m talk.Message) (queued bool, bytes int) {
	p, err := prepareMessage(m, form)
	if err != nil {
		c.srv.log.Error("cannot encode an answer", "tag", m.Tag(), "err", err)
		return false, 0
	}
	return c.pushAnswer(p), len(p.Bytes)
}

// refuse sends an Error. Who collects too many, or claims to be somebody else,
// is closed.
func (c *conn) refuse(e talk.Error) { c.refuseFrame(0, e) }

// refuseFrame is refuse for what came in so many bytes: only what the answer takes
// beyond that is more than the client has brought.
func (c *conn) refuseFrame(came int, e talk.Error) {
	c.srv.metrics.refused(e.Code)
	var form talk.Form
	stranger, keptOut := false, false
	c.locked(func(u *user) {
		form = u.form
		stranger = e.Code == talk.CodeNotYou && u.uuid.IsZero()
		keptOut = u.keptOut
	})
	weight, why := weightOf(e), reasonErrors
	if e.Code == talk.CodeFlood || e.Retry {
		why = reasonFlood
	}
	if !form.IsExtended() {
		e.ID, e.Retry, e.RetryMS = talk.UUID{}, false, 0
	}
	_, bytes := c.answerSized(form, e)
	tooMany, tooDear := c.countRefusal(weight, max(0, bytes-came))
	switch {
	case stranger:
		c.closeFor(reasonNotYou)
	case keptOut:
		c.closeFor(reasonKeptOut)
	case tooMany:
		c.flooded(why)
	case tooDear:
		c.closeFor(why)
	}
}

// cleanup cleans up after a closed connection. Who cannot come back has left, at
// once, or as soon as the lease manager looks if something of his is still on its way: a
// move overtakes posts.
func (c *conn) cleanup() {
	var r *room
	var epoch int64
	var unstored int
	var key sessionKey
	c.locked(func(u *user) {
		u.async.on(asyncClose)
		c.srv.held.Changed(u.waiting, 0)
		u.backlog, u.waiting = nil, 0
		c.srv.limits.Leave(&c.account)
		r, epoch, unstored = u.room, u.epoch, u.unstored
		u.room = nil
		u.place.on(placeLeft)
		key = c.sessionKey(r)
	})
	c.srv.windows.remove(sessionIDOf(key), c)
	c.srv.arrivals.remove(c)
	if r == nil {
		return
	}
	c.srv.removeMember(r, c)
	if key.UUID.Proven() || epoch == 0 || unstored > 0 {
		c.srv.breakSession(key, epoch)
		return
	}
	c.srv.leaveSession(r, key, epoch)
}

// waitingFrames is how much of what one client said may wait to be handled, in
// frames of the greatest size.
const waitingFrames = 4

// enqueue puts a message behind those that wait, if there is room for it. Call with
// mu held.
func (c *conn) enqueue(a arrival, most int) bool {
	u := &c.user
	if len(u.backlog) >= most || len(u.backlog) > 0 && u.waiting+a.size > waitingFrames*c.srv.opts.FrameBytes {
		return false
	}
	u.backlog = append(u.backlog, a)
	u.waiting += a.size
	c.srv.held.Changed(0, a.size)
	return true
}

// dequeue takes the first of those that wait away. Call with mu held.
func (c *conn) dequeue() {
	u := &c.user
	size := u.backlog[0].size
	u.backlog[0] = arrival{}
	if u.backlog = u.backlog[1:]; len(u.backlog) == 0 {
		u.backlog = nil
	}
	u.waiting -= size
	c.srv.held.Changed(size, 0)
}
