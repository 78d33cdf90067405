package coordinator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"sync"
	"time"

	"tuitalk/bench/virtualuser"
)

// workerSession is what a worker does for one coordinator, who calls its exported
// methods (net/rpc), several at a time. Each method has what net/rpc wants: one argument,
// the answer, an error, which is told the coordinator.
type workerSession struct {
	worker *Worker
	clock  steady
	conn   *timedConn
	ctx    context.Context // ends with the connection
	ticks  chan Tick       // is closed behind the last
	record *recordingPipe

	sampling context.Context // ends with the ticks
	silence  context.CancelFunc
	busy     sync.WaitGroup // the goroutine that samples

	mu     sync.Mutex // held while clients are made
	group  LoadGenerator
	plan   Plan
	closed bool // the group is

	tellMu sync.Mutex
	told   []string // that the coordinator does not know yet
}

// mostTicks wait for a coordinator that is slow to ask for them.
const mostTicks = 60

// serve is a run with a coordinator that is welcome, until it hangs up.
func (w *Worker) serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timed := &timedConn{Conn: conn, silence: silenceTimeout, lost: cancel}
	s := &workerSession{
		worker: w, clock: newSteady(w.now()), conn: timed, ctx: ctx, ticks: make(chan Tick, mostTicks), record: newRecordingPipe(),
	}
	s.sampling, s.silence = context.WithCancel(ctx)
	defer context.AfterFunc(ctx, s.record.cut)()
	server := rpc.NewServer()
	if err := server.RegisterName(service, s); err != nil {
		return err
	}
	server.ServeCodec(newServerCodec(timed)) // until it hangs up, and no call is under way
	cancel()
	s.busy.Wait()
	if s.closed {
		return nil
	}
	err := timed.failed()
	if err == nil {
		err = errors.New("it does not speak as one does")
	}
	err = fmt.Errorf("hear from the coordinator: %w", err)
	if s.group != nil {
		err = errors.Join(err, s.group.Close())
	}
	return err
}

// Now tells the time by this worker's clock, in Unix ns.
func (s *workerSession) Now(_ struct{}, at *int64) error {
	*at = s.clock.now().UnixNano()
	return nil
}

// Prepare makes the clients of this share, and begins to tell how they are.
func (s *workerSession) Prepare(p Plan, _ *struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.group != nil || s.closed:
		return errors.New("the coordinator has a second plan")
	case p.Of < 1 || p.Share < 0 || p.Share >= p.Of:
		return fmt.Errorf("the coordinator wants share %d of %d", p.Share, p.Of)
	}
	if err := p.Scenario.Validate(); err != nil {
		return err
	}
	c := virtualuser.Config{
		Scenario: p.Scenario, Share: p.Share, Of: p.Of, Targets: p.Targets, Trust: p.Trust,
		Sources: p.Sources, Offset: p.Offset,
		Logf: s.tell,
	}
	if p.Record {
		c.Recording = s.record
	}
	group, err := s.worker.newGroup(c)
	if err != nil {
		return err
	}
	s.group, s.plan = group, p
	s.busy.Go(s.sample)
	return nil
}

// made is the group once it is made, as long as it is not closed.
func (s *workerSession) made() (LoadGenerator, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.group == nil || s.closed {
		return nil, errors.New("the coordinator asks something of clients that do not exist")
	}
	return s.group, nil
}

// do does something with the group.
func (s *workerSession) do(what func(LoadGenerator)) error {
	group, err := s.made()
	if err == nil {
		what(group)
	}
	return err
}

// Connect lets the clients in, and answers when all are in their rooms.
func (s *workerSession) Connect(struct{}, *struct{}) error {
	group, err := s.made()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.plan.Patience)
	defer cancel()
	if err = group.Connect(ctx); s.ctx.Err() != nil {
		return s.hangUp()
	}
	return err
}

// hangUp is what a call does that cannot be answered, as this worker ends: its answer
// would be taken for an error of the run.
func (s *workerSession) hangUp() error {
	_ = s.conn.Close() // its end is what the coordinator is to see
	return context.Cause(s.ctx)
}

// Begin lets arrivals begin at a time: Unix ns by the coordinator's clock.
func (s *workerSession) Begin(at int64, _ *struct{}) error {
	return s.do(func(g LoadGenerator) { g.Begin(time.Unix(0, at)) })
}

// StopPosting lets no more arrivals happen.
func (s *workerSession) StopPosting(struct{}, *struct{}) error {
	return s.do(LoadGenerator.StopPosting)
}

// Rate says how many posts a second this worker makes from now on.
func (s *workerSession) Rate(perSecond float64, _ *struct{}) error {
	return s.do(func(g LoadGenerator) { g.Rate(perSecond) })
}

// Storm cuts all connections.
func (s *workerSession) Storm(struct{}, *struct{}) error { return s.do(LoadGenerator.Storm) }

// Heads says up to which seq each room's store has entries: what everybody is owed.
func (s *workerSession) Heads(heads map[int32]int64, _ *struct{}) error {
	return s.do(func(g LoadGenerator) { g.Heads(heads) })
}

// Outages answers with those until now.
func (s *workerSession) Outages(_ struct{}, all *[]virtualuser.Outage) error {
	return s.do(func(g LoadGenerator) { *all = append(*all, g.Outages()...) }) // never nil, which jsonrpc takes for no answer
}

// Tick answers with the next second, when it is over.
func (s *workerSession) Tick(_ struct{}, t *Tick) error {
	select {
	case tick, more := <-s.ticks:
		*t = tick
		t.Over = !more
		return nil
	case <-s.ctx.Done():
		return s.hangUp()
	}
}

// Recording answers with the next piece, when there is one; nothing is behind an empty
// one.
func (s *workerSession) Recording(_ struct{}, piece *[]byte) (err error) {
	if *piece, err = s.record.next(); err != nil {
		return s.hangUp()
	}
	return nil
}

// Stop ends the clients, and answers when all of the recording was taken.
func (s *workerSession) Stop(_ struct{}, e *Ended) error {
	group, err := s.made()
	if err != nil {
		return err
	}
	s.silence()
	s.busy.Wait()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if err := group.Close(); err != nil {
		e.Error = err.Error()
	}
	e.Recorded = s.record.end()
	e.Told = s.tellings()
	return nil
}

// tell keeps a line for people until the coordinator asks.
func (s *workerSession) tell(format string, args ...any) {
	s.tellMu.Lock()
	defer s.tellMu.Unlock()
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

func (s *workerSession) tellings() []string {
	s.tellMu.Lock()
	defer s.tellMu.Unlock()
	told := s.told
	s.told = nil
	return told
}

// sample takes a sample each second, in a goroutine of its own. The seconds are those of
// the coordinator's clock.
func (s *workerSession) sample() {
	defer close(s.ticks)
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for last := int64(0); ; {
		here := s.clock.now().Add(s.plan.Offset)
		next := here.Truncate(time.Second).Add(time.Second)
		if next.Unix() == last { // the timer was early
			next = next.Add(time.Second)
		}
		last = next.Unix()
		timer.Reset(next.Sub(here))
		select {
		case <-timer.C:
		case <-s.sampling.Done():
			return
		}
		t := Tick{Sample: s.group.Sample()}
		t.Sample.At = last - 1
		t.Clients, t.Messages = s.group.Owed()
		t.Told = s.tellings()
		select {
		case s.ticks <- t:
		case <-s.sampling.Done():
			return
		}
	}
}

// recordingPipe is what the recorder writes to and the coordinator reads from.
type recordingPipe struct {
	in      *io.PipeWriter
	out     *io.PipeReader
	written int64 // owned by the writer, until end
}

var _ io.Writer = (*recordingPipe)(nil)

// pieceSize is the most that is taken at once.
const pieceSize = 1 << 20

func newRecordingPipe() *recordingPipe {
	out, in := io.Pipe()
	return &recordingPipe{in: in, out: out}
}

func (p *recordingPipe) Write(b []byte) (n int, err error) {
	if len(b) > 0 { // nothing would be taken for the end
		n, err = p.in.Write(b)
	}
	p.written += int64(n)
	return n, err
}

// end says that there is no more, and how much there was.
func (p *recordingPipe) end() int64 {
	_ = p.in.Close() // never fails
	return p.written
}

func (p *recordingPipe) next() ([]byte, error) {
	piece := make([]byte, pieceSize)
	n, err := p.out.Read(piece)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return piece[:n], err
}

// cut lets nobody wait for a reader that is gone.
func (p *recordingPipe) cut() { _ = p.out.CloseWithError(net.ErrClosed) } // never fails
