package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"tuitalk/bench/checker"
	"tuitalk/bench/recorder"
	"tuitalk/deploy/devcluster"
	"tuitalk/history"
	"tuitalk/talk"
)

// Store is read at the end: what it has is the truth. A history.Store is one.
type Store interface {
	recorder.Source
	// Heads returns the newest entry of each room.
	Heads(ctx context.Context, rooms []int32) ([]history.Head, error)
}

// Options of a Run.
type Options struct {
	Cluster *devcluster.Cluster
	Store   Store
	People  int           // default 30
	Rooms   int           // default 6
	Every   time.Duration // between two messages of one person, in the mean; default 300 ms
	Calm    time.Duration // before the first fault, between two, and after the last; default 3 s
	Faults  []Fault       // one after the other
	Seed    uint64        // of everything that is random but for the time that things take
	Grace   time.Duration // of the gateways; default 30 s
	Tell    func(format string, args ...any)
}

func (o *Options) fill() error {
	if o.Cluster == nil || o.Store == nil {
		return errors.New("chaos needs a cluster and its store")
	}
	if o.People <= 0 {
		o.People = 30
	}
	if o.Rooms <= 0 {
		o.Rooms = 6
	}
	if o.Every <= 0 {
		o.Every = 300 * time.Millisecond
	}
	if o.Calm <= 0 {
		o.Calm = 3 * time.Second
	}
	if o.Grace <= 0 {
		o.Grace = 30 * time.Second
	}
	if o.Tell == nil {
		o.Tell = func(string, ...any) {}
	}
	return nil
}

// settlePatience is how long everybody may take, after the last fault is mended,
// to have everything.
const settlePatience = time.Minute

// Run breaks the fleet as planned and returns what the checker says of it. An
// error means that the run could not be done.
func Run(ctx context.Context, opts Options) (*checker.Report, error) {
	if err := opts.fill(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	rec := recorder.New(&out)
	r := &run{opts: &opts, rec: rec}
	runErr := r.all(ctx)
	if err := rec.Close(); err != nil || runErr != nil {
		return nil, errors.Join(runErr, err)
	}
	recording, err := checker.Decode(out.Bytes())
	if err != nil {
		return nil, err
	}
	return checker.Check(checker.Options{Grace: opts.Grace, Skew: Skew(opts.Faults)}, recording), nil
}

// run is one Run.
type run struct {
	opts   *Options
	rec    *recorder.Recorder
	people []*person
}

func (r *run) all(ctx context.Context) error {
	for i := range r.opts.People {
		p, err := newPerson(r.opts, r.rec, i)
		if err != nil {
			return err
		}
		r.people = append(r.people, p)
	}
	talking, hush := context.WithCancel(ctx)
	staying, sendHome := context.WithCancel(ctx)
	var living sync.WaitGroup
	defer living.Wait()
	defer sendHome()
	defer hush()
	for _, p := range r.people {
		living.Go(func() { p.live(talking, staying, r.opts.Every) })
	}
	if err := r.await(ctx, "everybody to be there", func(_ int32, seq int64, _ int) bool { return seq > 0 }); err != nil {
		return err
	}
	p := plan{r.opts.Cluster, r.opts.Faults, r.opts.Calm, rand.New(rand.NewPCG(r.opts.Seed, faultStream)), r.opts.Tell}
	if err := p.follow(ctx, personal{r}); err != nil {
		return err
	}
	hush()
	if err := r.settle(ctx); err != nil {
		return err
	}
	sendHome()
	living.Wait()
	return r.readStore(ctx)
}

// personal is the ledger of a Run.
type personal struct{ *run }

var _ ledger = personal{}

func (personal) Now() time.Time { return time.Now() }

func (l personal) mark(at time.Time, what string, held bool, evidence string) int {
	return l.rec.Fault(at, what, held, evidence)
}

func (l personal) took(entries []talk.Entry) { l.rec.Taken(entries) }

func (l personal) over(number int) { l.rec.FaultOver(number, time.Now()) }

// caughtUp has nothing to wait for: the people of a Run are few, and settle waits for them.
func (personal) caughtUp(context.Context, time.Duration) (int, error) { return 0, nil }

// settle waits until nothing is owed, marks how far the store is, and waits until
// everybody has been shown it.
func (r *run) settle(ctx context.Context) error {
	// who is not done by then is the checker's matter
	if err := r.await(ctx, "outboxes to be empty", func(_ int32, _ int64, owed int) bool { return owed == 0 }); err != nil {
		r.opts.Tell("%v", err)
	}
	rooms := r.rooms()
	heads, err := r.opts.Store.Heads(ctx, rooms)
	if err != nil {
		return fmt.Errorf("read how far the store is: %w", err)
	}
	head := map[int32]int64{}
	for i, room := range rooms {
		head[room] = heads[i].Seq
		r.rec.Head(room, heads[i].Seq)
	}
	if err := r.await(ctx, "everybody to see everything", func(room int32, seq int64, _ int) bool { return seq >= head[room] }); err != nil {
		r.opts.Tell("%v", err)
	}
	return ctx.Err()
}

func (r *run) rooms() []int32 {
	rooms := make([]int32, r.opts.Rooms)
	for i := range rooms {
		rooms[i] = int32(i + 1)
	}
	return rooms
}

// await waits until everybody is far enough.
func (r *run) await(ctx context.Context, what string, enough func(room int32, seq int64, owed int) bool) error {
	end := time.Now().Add(settlePatience)
	for {
		waiting := 0
		for _, p := range r.people {
			room, seq, owed := p.who.At()
			if !enough(room, seq, owed) {
				waiting++
			}
		}
		if waiting == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("waiting for %s: %d of %d people are not there", what, waiting, len(r.people))
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func (r *run) readStore(ctx context.Context) error {
	for _, room := range r.rooms() {
		if err := r.rec.ReadStore(ctx, r.opts.Store, room, 0); err != nil {
			return err
		}
	}
	return nil
}
