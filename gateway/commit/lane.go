package commit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tuitalk/gateway/sched"
	"tuitalk/history"
	"tuitalk/talk"
)

// MaxBatch is the most entries that one group commit carries.
const MaxBatch = 500

// retryMoves is how long a lane waits before it repeats changes of presence
// that the store did not take. They are never given up: only a clear answer
// tells where a session is.
const retryMoves = 250 * time.Millisecond

// Move is a change of presence on its way to the store. Done is called once, on
// the lane's goroutine, with the answer.
type Move struct {
	history.Move
	Done func(history.Moved)
}

// lane appends the entries of its rooms in group commits: one in flight, and
// the next carries whatever arrived meanwhile. No timer delays an idle lane.
type lane struct {
	*Committer
	loop *sched.Loop
	ctx  context.Context // of the loop; a commit is not cancelled by a drain
	turn history.Turn    // of the last attempt to store moves; owned by the loop
	size commitSize      // owned by the loop

	// how many of each the store gets at once
	appending, moving batchSizer

	mu            sync.Mutex
	wake          *sync.Cond
	posts         postQueue
	retained      []Post // waiting for another attempt, oldest first; see retain
	retainedBytes int
	moves         []Move // waiting moves, oldest first
	movesHeld     bool   // the store refused moves a moment ago
	stopped       bool
}

func newLane(c *Committer, number int) *lane {
	l := &lane{
		Committer: c, posts: newPostQueue(), size: commitSize{bytes: mostCommit},
		loop: c.cfg.Loops.Add(fmt.Sprintf("lane %d", number)),
	}
	l.ctx = l.loop.Context(context.Background())
	l.turn = history.Turn{Gateway: c.cfg.Gateway, Lane: int32(number)}
	l.wake = sync.NewCond(&l.mu)
	return l
}

// lane returns the lane of a room.
func (c *Committer) lane(room int32) *lane {
	return c.lanes[(uint32(room)*2654435761>>16)%uint32(len(c.lanes))]
}

// enqueuePost queues p; false when too much waits already.
func (l *lane) enqueuePost(p Post) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped || l.posts.full(&p, l.cfg.QueueBytes/len(l.lanes)-l.retainedBytes) {
		return false
	}
	p.queued = l.cfg.Clock.Coarse()
	l.posts.push(false, p)
	l.awake()
	return true
}

// queued is how many posts wait.
func (l *lane) queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.posts.count + len(l.retained)
}

// crowded tells whether so many moves wait that no more may be asked for.
func (l *lane) crowded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.moves) > l.cfg.MaxMoves
}

// enqueueMove queues m. Joins ask crowded first; each of the others follows a join.
func (l *lane) enqueueMove(m Move) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moves = append(l.moves, m)
	l.awake()
}

// awake sees to it that the lane looks for work. Call with mu held.
func (l *lane) awake() {
	if l.loop.Idle() && l.hasWork() {
		l.loop.Begin() // from now on it is late, if it does not come
	}
	l.wake.Signal()
}

// hasWork: moves that the store refused a moment ago wait. Call with mu held.
func (l *lane) hasWork() bool { return l.posts.count > 0 || len(l.moves) > 0 && !l.movesHeld }

// stop lets what is queued be committed, as long as the store takes it, and ends.
func (l *lane) stop() {
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.wake.Signal()
}

func (l *lane) run() {
	var moves []Move
	var posts []Post
	var entries []talk.Entry
	for more := true; ; {
		if moves, posts, more = l.next(posts[:0]); !more {
			return
		}
		if len(moves) > 0 {
			l.commitMoves(moves)
		}
		inTurn := l.inOrder(posts)
		if len(inTurn) > 0 {
			entries = l.commitPosts(inTurn, entries[:0])
			clear(entries)
		}
		clear(posts)
	}
}

// next waits for work; more is false when the lane has stopped.
func (l *lane) next(batch []Post) (moves []Move, posts []Post, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.hasWork() {
		l.loop.End()
		if l.stopped && len(l.retained) == 0 {
			return nil, nil, false
		}
		if l.stopped {
			l.requeue() // once more, the last time
			continue
		}
		l.wake.Wait()
	}
	l.loop.Begin()
	if !l.movesHeld {
		moves = l.takeMoves()
	}
	return moves, l.takePosts(batch), true
}

func (l *lane) takeMoves() []Move {
	n := min(len(l.moves), l.moving.size())
	taken := l.moves[:n:n]
	l.moves = l.moves[n:]
	if len(l.moves) == 0 {
		l.moves = nil
	}
	return taken
}

// takePosts takes what one commit carries. Call with mu held.
func (l *lane) takePosts(batch []Post) []Post {
	most := l.appending.size()
	for bytes := 0; len(batch) < most && bytes < l.size.bytes && l.posts.count > 0; {
		p := l.posts.pop()
		bytes += p.size()
		batch = append(batch, p)
	}
	return batch
}

// expire sends back what has waited since before old, when the lane itself does not
// come to it. The later posts of the same people the lane sends back, by their turn.
func (l *lane) expire(old int64) {
	for _, p := range l.takeOlder(old) {
		p.From.SendAgain(&p, talk.CodeBusy, "the gateway is too busy, your message waits")
	}
}

func (l *lane) takeOlder(old int64) []Post {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.posts.takeOlder(old)
}

// commitMoves tries once. What the store did not take goes back to the front and
// is tried again after a while; posts need not wait for it.
func (l *lane) commitMoves(moves []Move) {
	l.turn.Number++
	args := make([]history.Move, len(moves))
	for i, m := range moves {
		args[i] = m.Move
		args[i].Turn = l.turn
	}
	began := time.Now()
	answers, err := l.askMoves(args)
	if err == nil {
		l.cfg.Metrics.Moved(len(moves), time.Since(began))
		for i, a := range answers {
			if a.Err != nil {
				l.cfg.Log.Error("the store refuses a change of presence", "err", a.Err)
			}
			moves[i].Done(a)
			l.loop.Begin() // each may be shown to thousands
		}
		return
	}
	if !errors.Is(err, ErrDown) {
		l.cfg.Log.Warn("the store did not take changes of presence; they will be repeated", "count", len(moves), "err", err)
	}
	l.holdMoves(moves)
}

// holdMoves puts moves back and lets them wait for a while.
func (l *lane) holdMoves(moves []Move) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moves = append(moves, l.moves...)
	l.movesHeld = true
	l.cfg.Timers.After(retryMoves, l.releaseMoves)
}

func (l *lane) releaseMoves() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.movesHeld = false
	l.awake()
}

// ErrDown: the store is known to be away.
var ErrDown = errors.New("the store is away")

// askMoves calls the store. Where posts can go to the spool, moves must not hold
// them up for long.
func (l *lane) askMoves(moves []history.Move) ([]history.Moved, error) {
	patience := lastEntryTimeout
	if l.spool != nil {
		if !l.store.Up() {
			return nil, ErrDown
		}
		patience = l.timeout.now()
	}
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	began := time.Now()
	answers, err := l.cfg.Presence.Move(ctx, moves)
	l.NoteStore(ctx, err, patience)
	l.moving.learn(len(moves), began, err, ctx.Err() != nil)
	return answers, err
}

// lastEntryTimeout is how long an append or a change of presence may take where there
// is no spool.
const lastEntryTimeout = 4 * time.Second

// appendPosts calls the store. Without a spool it waits long; with one it gives up after
// a while, and does not try while the store is known to be away.
func (l *lane) appendPosts(posts []Post, entries []talk.Entry) ([]history.Result, error) {
	patience := lastEntryTimeout
	if sp := l.spool; sp != nil {
		if !l.store.Up() {
			return nil, ErrDown
		}
		if err := sp.drainBeforeAppend(l.ctx, posts); err != nil {
			return nil, err
		}
		patience = l.timeout.now()
	}
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	for i := range posts {
		posts[i].unclear = true // until there is an answer
	}
	began := time.Now()
	results, err := l.cfg.History.Append(ctx, entries)
	l.NoteStore(ctx, err, patience)
	l.appending.learn(len(entries), began, err, ctx.Err() != nil)
	return results, err
}

// inOrder takes out the posts that must wait for an earlier one of their
// connection, and returns the others, in order.
func (l *lane) inOrder(posts []Post) []Post {
	now := posts[:0]
	for i := range posts {
		p := &posts[i]
		superseded, behind, name := p.From.MustFollow(p)
		p.Entry.Name = name // it may have been renamed in another window meanwhile
		switch {
		case superseded:
			p.From.SendAgain(p, talk.CodeOutOfTurn, "an earlier message was refused and comes first")
		case behind:
			l.retain(*p)
		default:
			now = append(now, *p)
		}
	}
	return now
}

// commitPosts appends once. What the store does not take goes to the spool if
// there is one; else the client is told so and sends again.
func (l *lane) commitPosts(posts []Post, entries []talk.Entry) []talk.Entry {
	for _, p := range posts {
		entries = append(entries, p.Entry)
	}
	began := time.Now()
	results, err := l.appendPosts(posts, entries)
	if err != nil {
		l.cfg.Metrics.Count(AppendErrors, 1)
		if l.spool != nil {
			l.spool.accept(l.ctx, posts)
			return entries
		}
		l.cfg.Log.Error("the store did not take entries", "count", len(posts), "err", err)
		l.refusePosts(posts, err)
		return entries
	}
	took := time.Since(began)
	l.size.took(posts, took)
	l.cfg.Metrics.Appended(len(posts), took)
	for i, r := range results {
		if r.Err != nil && !errors.Is(r.Err, history.ErrBadEntry) {
			l.cfg.Log.Error("unexpected error of one entry", "err", r.Err)
		}
		entries[i].Seq, entries[i].UnixTime = r.Seq, r.UnixTime
	}
	l.ackPosts(posts, entries, results, l.loop.Begin)
	return entries
}

// ackPosts shows what was stored and tells the authors. entries carry the seq
// and time that results have. step is called before each room, which may have
// thousands of members.
func (c *Committer) ackPosts(posts []Post, entries []talk.Entry, results []history.Result, step func()) {
	byRoom := map[int32][]talk.Entry{}
	for i, r := range results {
		if r.Err == nil && !r.Repeat {
			e := entries[i]
			e.Round = 0
			byRoom[e.RoomID] = append(byRoom[e.RoomID], e)
		}
	}
	for id, list := range byRoom {
		step()
		c.cfg.Rooms.Place(id, list)
	}
	for i := range posts {
		posts[i].From.Stored(&posts[i], results[i])
	}
}

// refusePosts tells the authors that the store did not take their entries, which
// is not to say that it does not have them: they send again, with the same ids.
func (c *Committer) refusePosts(posts []Post, why error) {
	sentence := "the history is away, your message waits"
	if errors.Is(why, history.ErrCorrupt) {
		sentence = "the history is damaged, your message waits for an operator"
	}
	for _, p := range posts {
		c.refuseNotTaken(p, talk.CodeUnavailable, sentence)
	}
}
