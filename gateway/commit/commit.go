package commit

import (
	"log/slog"
	"sync"
	"time"

	"tuitalk/fanout"
	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// Poster is who says something and waits for what becomes of it. A lane calls it on its
// own goroutine, under no lock of this package.
type Poster interface {
	// MustFollow tells whether something that he said before comes first: it was refused,
	// and he says both again (superseded), or it is kept here (behind). name is what he is
	// called by now. What is asked for is kept no longer.
	MustFollow(p *Post) (superseded, behind bool, name string)
	// Repeats tells whether his client sends again, with its id, what was refused for now.
	Repeats() bool
	// Retained hears that a post is kept, to be offered again.
	Retained(number uint64)
	// RefuseBehindRetained lets go of what has waited for too long behind what is kept.
	RefuseBehindRetained()

	// Of each post he hears one of these in the end. Stored: or refused for good, where the
	// result has an error.
	Stored(p *Post, r history.Result)
	// Accepted: it is in the spool.
	Accepted(p *Post)
	// SendAgain: it was refused for now, and so is what he has said behind it.
	SendAgain(p *Post, code talk.Code, sentence string)
	// Unclear: this node ends, and nobody knows.
	Unclear()
}

// Rooms are the live ends of the logs on this node, and what other nodes are told of them.
type Rooms interface {
	// Get returns a room, nil if it is not here.
	Get(id int32) Room
	List() []Room
	// Place shows what was stored, here and elsewhere.
	Place(room int32, entries []talk.Entry)
	// ShowAccepted shows what this node has put into the spool, here and elsewhere.
	ShowAccepted(room int32, entries []talk.Entry)
	// Replayed shows what came out of the spool, by what the store says of it, here and
	// elsewhere, and tells its authors.
	Replayed(entries []talk.Entry, results []history.Result)
	// Withdraw takes back what was shown as accepted, here.
	Withdraw(room int32, gone []fanout.Gone)
}

// Room is what one room shows as stored, and as accepted and not stored (pending).
type Room interface {
	ID() int32
	// SeqOf is the seq of an entry that it shows as stored, else 0.
	SeqOf(author, id talk.UUID) int64
	PendingCount() int
	// PendingSince returns what is pending no shorter than since then (coarse time), in the
	// order in which it may be stored.
	PendingSince(at int64) []talk.Entry
	// OwnPending returns what of it this node accepted, in the order in which it did.
	OwnPending() []talk.Entry
	// StillPending returns those of entries that are.
	StillPending(entries []talk.Entry) []talk.Entry
	// FindLastOwn looks for the last of OwnPending of each author, and counts all of them.
	FindLastOwn(of LastOwn) (count int)
	// OthersPending names what other nodes accepted and is pending no shorter: all, or what
	// stands behind a gap.
	OthersPending(at int64, all bool) []fanout.Gone
}

// LastOwn has authors, and of each the pending entry in a room that this node accepted
// last; the zero value for none.
type LastOwn map[talk.UUID]talk.Entry

// MaxPending bounds the pending entries that a room keeps: those of this node, and all
// if another one comes on top.
const MaxPending = 2000

// Store is what is known of the store.
type Store interface {
	// Up tells whether its last use went well.
	Up() bool
	// Outages is how often it has stopped answering. It counts an outage before Up can be
	// true again.
	Outages() int64
	// Note notes how its last use went.
	Note(err error)
}

// Counter is what Metrics count.
type Counter uint8

const (
	AppendErrors Counter = iota // batches of posts that the store did not take
	KeptPosts                   // attempts to store a post that ended unclear, and are repeated
	Unclear                     // posts of which this node did not know at its end whether they are stored
	Spooled                     // entries accepted by the spool
	SpoolRefused                // entries that it did not take
	Drained                     // entries brought from the spool into the store
	Rescued                     // pending entries that the spool had lost, and this node stored
	Counters
)

// Metrics hear how much is done, and how long the store takes.
type Metrics interface {
	Count(c Counter, n int)
	Appended(entries int, took time.Duration)
	Moved(moves int, took time.Duration)
}

// Config is what a Committer works with.
type Config struct {
	Gateway    talk.UUID
	Lanes      int
	QueueBytes int // what the posts that wait may take, in all lanes together
	MaxMoves   int // that wait in a lane; see Crowded

	History  history.Log
	Presence history.Presence
	Store    Store
	Rooms    Rooms
	Metrics  Metrics

	Clock     *sched.Clock
	Loops     *sched.Loops
	Timers    *sched.Timers
	Log       *slog.Logger
	Failpoint func(name string) // called where a replay is at work
}

// Committer has all that waits for the store.
type Committer struct {
	cfg     Config
	store   Store
	lanes   []*lane
	timeout storeTimeout
	spool   *spooler // nil: there is none; set before Start

	committing sync.WaitGroup
}

// New returns a Committer that is yet to be started.
func New(cfg Config) *Committer {
	c := &Committer{cfg: cfg, store: cfg.Store, lanes: make([]*lane, cfg.Lanes)}
	for i := range c.lanes {
		c.lanes[i] = newLane(c, i)
	}
	return c
}

// UseSpool puts what the store does not take into a spool; nil: there is none. Call before
// Start.
func (c *Committer) UseSpool(stream fanout.Spool) {
	c.spool = nil
	if stream != nil {
		c.spool = newSpooler(c, stream)
	}
}

// Start begins to commit, on goroutines that vital makes of the lanes.
func (c *Committer) Start(vital func(*sched.Loop, func()) func()) {
	for _, l := range c.lanes {
		c.committing.Go(vital(l.loop, l.run))
	}
}

// Stop lets what is queued be committed, as long as the store takes it. Await waits until
// that is done.
func (c *Committer) Stop() {
	for _, l := range c.lanes {
		l.stop()
	}
}

// Await waits for what Stop began.
func (c *Committer) Await() { c.committing.Wait() }

// Post queues a post; false when too much waits already.
func (c *Committer) Post(p Post) bool { return c.lane(p.Entry.RoomID).enqueuePost(p) }

// Move queues a change of presence. Who asks for a join asks Crowded first; each of the
// others follows a join.
func (c *Committer) Move(m Move) { c.lane(m.Key.RoomID).enqueueMove(m) }

// Crowded tells whether so many moves wait where a room's do that no more may be asked for.
func (c *Committer) Crowded(room int32) bool { return c.lane(room).crowded() }

// Expire sends back what has waited since before old (coarse time), when no lane comes to it.
func (c *Committer) Expire(old int64) {
	for _, l := range c.lanes {
		l.expire(old)
	}
}

// Queued is how many posts wait.
func (c *Committer) Queued() (n int) {
	for _, l := range c.lanes {
		n += l.queued()
	}
	return n
}

// HasSpool tells whether entries can be accepted while the store is away.
func (c *Committer) HasSpool() bool { return c.spool != nil }

// SpoolWorks returns why nothing could be accepted now, nil if it could. Ask HasSpool first.
func (c *Committer) SpoolWorks() error { return c.spool.stream.Working() }

// SpoolDepth is the number of entries that wait in the spool, as last seen.
func (c *Committer) SpoolDepth() int64 {
	if c.spool == nil {
		return 0
	}
	return c.spool.depth.Load()
}

// MarkDirty notes that entries of a room wait in the spool, or may do so.
func (c *Committer) MarkDirty(room int32) {
	if c.spool != nil {
		c.spool.markDirty(room)
	}
}

// MarkShown notes that a room shows another pending entry.
func (c *Committer) MarkShown() {
	if c.spool != nil {
		c.spool.shown.marked.Add(1)
	}
}
