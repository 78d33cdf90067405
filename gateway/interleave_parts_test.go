package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/fanout"
	"tuitalk/fanout/fanouttest"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/talk"
)

// cutStore is one node's way to the store. It can be cut off, and a test can step
// in behind a call or refuse entries.
type cutStore struct {
	history.Store
	away     atomic.Bool // nothing is answered
	headless atomic.Bool // Heads is not answered
	lost     atomic.Bool // an Append under way comes to nothing
	unheard  atomic.Bool // an Append is done, and its answer is lost
	behind   stepper     // called with the name of a read that has been answered
	refuse   atomic.Pointer[func(talk.Entry) bool]
	tried    atomic.Int64 // entries offered
	pace     atomic.Int64 // nanoseconds that each entry of an Append takes
	cold     atomic.Int64 // nanoseconds that Append takes until one was answered
	largest  atomic.Int64 // entries of the largest Append that was answered
}

// stepper is a function of a test that is called at a step.
type stepper struct{ do atomic.Pointer[func(string)] }

func (s *stepper) set(do func(step string)) { s.do.Store(&do) }

func (s *stepper) at(step string) {
	if do := s.do.Load(); do != nil {
		(*do)(step)
	}
}

func (c *cutStore) err() error {
	if c.away.Load() {
		return errors.Join(history.ErrUnavailable, errAway)
	}
	return nil
}

// Append refuses the guilty entries and stores the others, as every store does.
func (c *cutStore) Append(ctx context.Context, entries []talk.Entry) ([]history.Result, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	c.tried.Add(int64(len(entries)))
	if err := c.takeTime(ctx, len(entries)); err != nil {
		return nil, err
	}
	results := make([]history.Result, len(entries))
	var good []talk.Entry
	var index []int
	for i, e := range entries {
		if refuse := c.refuse.Load(); refuse != nil && (*refuse)(e) {
			results[i].Err = history.ErrBadEntry
			continue
		}
		good, index = append(good, e), append(index, i)
	}
	if c.lost.Load() {
		return nil, errors.Join(history.ErrUnavailable, errAway)
	}
	stored, err := c.Store.Append(context.WithoutCancel(ctx), good) // a commit is never cancelled
	if err != nil {
		return nil, err
	}
	if c.unheard.Load() {
		return nil, errors.Join(history.ErrUnavailable, errAway)
	}
	for i, r := range stored {
		results[index[i]] = r
	}
	return results, nil
}

// takeTime waits as long as so many entries take. Who does not wait that long has
// stored nothing: the database notices that he has gone.
func (c *cutStore) takeTime(ctx context.Context, entries int) error {
	if took := time.Duration(c.pace.Load())*time.Duration(entries) + time.Duration(c.cold.Load()); took > 0 {
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return errors.Join(history.ErrUnavailable, ctx.Err())
		}
	}
	c.largest.Store(max(c.largest.Load(), int64(entries)))
	c.cold.Store(0)
	return nil
}

func (c *cutStore) Move(ctx context.Context, m []history.Move) ([]history.Moved, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.Store.Move(ctx, m)
}

func (c *cutStore) After(ctx context.Context, room int32, after int64, limit int) ([]talk.Entry, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.Store.After(ctx, room, after, limit)
}

func (c *cutStore) Before(ctx context.Context, room int32, before int64, limit int) ([]talk.Entry, bool, error) {
	if err := c.err(); err != nil {
		return nil, false, err
	}
	entries, complete, err := c.Store.Before(ctx, room, before, limit)
	c.behind.at("entries")
	return entries, complete, err
}

func (c *cutStore) Heads(ctx context.Context, rooms []int32) ([]history.Head, error) {
	if c.headless.Load() {
		return nil, errAway
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	return c.Store.Heads(ctx, rooms)
}

func (c *cutStore) Room(ctx context.Context, room int32, listed int) (history.Room, error) {
	if err := c.err(); err != nil {
		return history.Room{}, err
	}
	state, err := c.Store.Room(ctx, room, listed)
	c.behind.at("head")
	return state, err
}

func (c *cutStore) EntryAt(ctx context.Context, room int32, seq int64) (history.Head, bool, error) {
	if err := c.err(); err != nil {
		return history.Head{}, false, err
	}
	return c.Store.EntryAt(ctx, room, seq)
}

func (c *cutStore) Renew(ctx context.Context, g talk.UUID) error {
	return errors.Join(c.err(), c.Store.Renew(ctx, g))
}

func (c *cutStore) Check(ctx context.Context) error { return errors.Join(c.err(), c.Store.Check(ctx)) }

// spoolBus is one node's bus, with a spool that all nodes share.
type spoolBus struct {
	fanout.Bus
	fanout.Fleet
	fanout.Spool
	around  stepper      // called around Subscribe
	deaf    atomic.Bool  // what this node publishes is lost
	unaware atomic.Bool  // this node does not see how much waits
	blind   atomic.Bool  // this node cannot read what waits
	reads   atomic.Int64 // in vain, while it is unverified
	newer   atomic.Int64 // so many entries of a newer form stand first in the spool
}

func (b *spoolBus) Subscribe(ctx context.Context, room int32) error {
	b.around.at("before the subscription")
	err := b.Bus.Subscribe(ctx, room)
	b.around.at("before its confirmation")
	return err
}

func (b *spoolBus) Publish(ctx context.Context, n *fanout.Note) error {
	if b.deaf.Load() {
		return nil
	}
	return b.Bus.Publish(ctx, n)
}

func (b *spoolBus) Depths(ctx context.Context) ([]int64, error) {
	if b.unaware.Load() {
		return make([]int64, b.Partitions()), nil
	}
	return b.Spool.Depths(ctx)
}

func (b *spoolBus) Read(ctx context.Context, part int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	if b.blind.Load() {
		b.reads.Add(1)
		return nil, errAway
	}
	var list []fanout.Spooled
	for i := range b.newer.Load() {
		if id := fanout.SpoolID(fmt.Sprintf("!%09d", i)); id > after && len(list) < limit {
			list = append(list, fanout.Spooled{ID: id, Err: fanout.ErrVersion})
		}
	}
	rest, err := b.Spool.Read(ctx, part, after, limit-len(list))
	return append(list, rest...), err
}

// spoolFleet is a fleet of this process: a store, a hub and a spool, and each
// gateway's own way to them.
type spoolFleet struct {
	t     *testing.T
	log   history.Store
	hub   *fanout.Hub
	spool *fanouttest.Spool
}

type spoolNode struct {
	*node
	way *cutStore
	bus *spoolBus
}

func newSpoolFleet(t *testing.T) *spoolFleet {
	t.Helper()
	store := openStore(t, filepath.Join(t.TempDir(), "talk.db"))
	t.Cleanup(func() { _ = store.Close() })
	return &spoolFleet{t, store, fanout.NewHub(), fanouttest.NewSpool(10000)}
}

func (f *spoolFleet) gateway(change func(*gateway.Options)) *spoolNode {
	f.t.Helper()
	opts := testOptions(f.t)
	if change != nil {
		change(&opts)
	}
	way := &cutStore{Store: f.log}
	server, err := gateway.New(opts, way)
	if err != nil {
		f.t.Fatal(err)
	}
	end := f.hub.Node(server)
	bus := &spoolBus{Bus: end, Fleet: end.(fanout.Fleet), Spool: f.spool}
	n := &spoolNode{serve(f.t, server, way, bus, &opts), way, bus}
	f.t.Cleanup(func() { way.away.Store(false) }) // it must hand over its sessions
	return n
}

// cut takes the store away from nodes, and waits until they know.
func (f *spoolFleet) cut(nodes ...*spoolNode) {
	f.t.Helper()
	f.setAway(true, nodes)
}

// mend gives them the store back, and waits until they know.
func (f *spoolFleet) mend(nodes ...*spoolNode) {
	f.t.Helper()
	f.setAway(false, nodes)
}

func (f *spoolFleet) setAway(away bool, nodes []*spoolNode) {
	f.t.Helper()
	for _, n := range nodes {
		n.way.away.Store(away)
	}
	want := map[bool]float64{true: 0, false: 1}[away]
	for _, n := range nodes {
		n.awaitMetric(f.t, "tuitalk_store_up", "", func(v float64) bool { return v == want })
	}
}

func (n *spoolNode) awaitMetric(t *testing.T, name, label string, good func(float64) bool) {
	t.Helper()
	awaitTrue(t, name+" "+label, func() bool { return good(n.metric(t, name, label)) })
}

func awaitTrue(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// waiting is how many entries are in the spool.
func (f *spoolFleet) waiting() (n int64) {
	f.t.Helper()
	depths, err := f.spool.Depths(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, d := range depths {
		n += d
	}
	return n
}

// lose takes everything out of the spool, as a failover to a replica does that
// did not have it yet.
func (f *spoolFleet) lose() {
	f.t.Helper()
	for part := range f.spool.Partitions() {
		list, err := f.spool.Read(f.t.Context(), part, "", 10000)
		for _, e := range list {
			err = errors.Join(err, f.spool.Remove(f.t.Context(), part, e.ID))
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// loseLast takes the last entries of a room's partition out of the spool.
func (f *spoolFleet) loseLast(room int32, n int) {
	f.t.Helper()
	part := f.spool.Partition(room)
	list, err := f.spool.Read(f.t.Context(), part, "", 10000)
	for _, e := range list[len(list)-n:] {
		err = errors.Join(err, f.spool.Remove(f.t.Context(), part, e.ID))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// leave puts texts of a gateway into the spool that is gone since.
func (f *spoolFleet) leave(room int32, texts ...string) {
	f.t.Helper()
	author := newID(4)
	for _, text := range texts {
		e := talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: author, Name: "gone", Text: text, ID: newID(4), Pending: true}
		e.SentAt = uint64(time.Now().Unix())
		if err := f.spool.Add(f.t.Context(), []talk.Entry{e})[0]; err != nil {
			f.t.Fatal(err)
		}
	}
}

// entryAt is an entry that is stored.
func (f *spoolFleet) entryAt(room int32, seq int64) history.Head {
	f.t.Helper()
	e, ok, err := f.log.EntryAt(f.t.Context(), room, seq)
	if err != nil || !ok {
		f.t.Fatalf("entry %d of room %d: %v, %v", seq, room, ok, err)
	}
	return e
}

// wantLog sees that these texts, and no others, are in the room's log, in order
// and without a gap.
func (f *spoolFleet) wantLog(room int32, want ...string) {
	f.t.Helper()
	entries, _, err := f.log.Before(f.t.Context(), room, 0, 5000)
	if err != nil {
		f.t.Fatal(err)
	}
	var texts []string
	for i, e := range entries {
		if e.Seq != int64(i)+1 {
			f.t.Errorf("seq %d at place %d", e.Seq, i+1)
		}
		if e.Kind == talk.KindPosted {
			texts = append(texts, e.Text)
		}
	}
	if !slices.Equal(texts, want) {
		f.t.Errorf("the log of room %d has %q, want %q", room, texts, want)
	}
}

// wantShown reads until the last of the texts is shown with its seq: these posts,
// and no others, are shown once each, in this order, without a gap.
func (p *peer) wantShown(texts ...string) {
	p.t.Helper()
	var shown []string
	last := int64(0)
	for !slices.Contains(shown, texts[len(texts)-1]) {
		e := expect[talk.Entry](p)
		if e.Pending {
			continue
		}
		if last != 0 && e.Seq != last+1 {
			p.t.Fatalf("entry %d after %d: %+v", e.Seq, last, e)
		}
		if last = e.Seq; e.Kind == talk.KindPosted {
			shown = append(shown, e.Text)
		}
	}
	if !slices.Equal(shown, texts) {
		p.t.Fatalf("shown are %q, want %q", shown, texts)
	}
}

// accept posts texts that go into the spool, and returns them.
func (p *peer) accept(room int32, texts ...string) []string {
	p.t.Helper()
	for _, text := range texts {
		id := p.post(room, text)
		if a := expect[talk.Accepted](p); a.ID != id {
			p.t.Fatalf("accepted %s, posted %s", a.ID, id)
		}
	}
	return texts
}

// postStored posts a text and waits until it is stored.
func (p *peer) postStored(room int32, text string) {
	p.t.Helper()
	id := p.post(room, text)
	for expect[talk.Stored](p).ID != id {
	}
}

// heardStored reads until a text comes with its seq: a busy store, or one that has just
// started, may have been too slow for it at first.
func (p *peer) heardStored(text string) {
	p.t.Helper()
	for p.heardText(text).Pending {
	}
}

// fate reads until the author is told of a post.
func (p *peer) fate(id talk.UUID) talk.Message {
	p.t.Helper()
	for {
		switch m := p.hear().(type) {
		case talk.Stored:
			if m.ID == id {
				return m
			}
		case talk.Accepted:
			if m.ID == id {
				return m
			}
		case talk.Error:
			return m
		}
	}
}

// heardPending reads until a text is shown as pending.
func (p *peer) heardPending(text string) {
	p.t.Helper()
	if e := p.heardText(text); !e.Pending || e.Seq != 0 {
		p.t.Fatalf("shown as %+v before it was stored", e)
	}
}

// holdAt returns a function that stops who calls it first with a step: reached is
// closed then, and it goes on with release.
func holdAt(t *testing.T, step string) (hold func(string), reached <-chan struct{}, release func()) {
	there, open := make(chan struct{}), make(chan struct{})
	stop := sync.OnceFunc(func() {
		close(there)
		<-open
	})
	release = sync.OnceFunc(func() { close(open) })
	t.Cleanup(release)
	return func(at string) {
		if at == step {
			stop()
		}
	}, there, release
}

func awaitStep(t *testing.T, what string, reached <-chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}
