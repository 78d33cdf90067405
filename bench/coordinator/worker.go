package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tuitalk/bench/measure"
	"tuitalk/bench/virtualuser"
)

// LoadGenerator is a worker's share of the clients; a virtualuser.Group is one. Its package
// says what the methods do.
type LoadGenerator interface {
	Connect(ctx context.Context) error
	Begin(at time.Time)
	StopPosting()
	Rate(perSecond float64)
	Storm()
	Sample() measure.Sample
	Outages() []virtualuser.Outage
	Owed() (clients, messages int)
	Heads(heads map[int32]int64)
	Close() error
}

var _ LoadGenerator = (*virtualuser.Group)(nil)

// silenceTimeout is how long a coordinator may say nothing; it asks for the time every
// few seconds.
const silenceTimeout = time.Minute

// Worker answers coordinators. The zero value but for Build is one that only
// coordinators without a key can use.
type Worker struct {
	Key   string // that coordinators must know
	Build string // of this program
	Once  bool   // it ends with its first coordinator, and when none comes
	Logf  func(format string, args ...any)

	newSwarm func(virtualuser.Config) (LoadGenerator, error) // nil: the real one
	now      func() time.Time                                // nil: the real one
	machine  string                                          // "": the real one
}

// Times of a worker.
const (
	firstPatience = time.Minute     // that one that serves once waits for its coordinator
	greetPatience = 2 * time.Second // for a stranger's greeting, and then for the run before to end
)

// mostGreeted are how many strangers are listened to at a time.
const mostGreeted = 64

// ErrBusy says that a worker serves somebody else.
var ErrBusy = errors.New("the worker serves another coordinator")

// Serve answers one coordinator after the other until ctx ends, and closes l.
func (w Worker) Serve(ctx context.Context, l net.Listener) error {
	w.fill()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer l.Close()
	if tcp, ok := l.(*net.TCPListener); ok && w.Once {
		if err := tcp.SetDeadline(time.Now().Add(firstPatience)); err != nil {
			return err
		}
	}
	d := workerServer{
		worker: &w, close: cancel, strangers: make(chan struct{}, mostGreeted), served: make(chan struct{}, 1), first: make(chan error, 1),
	}
	err := d.accept(ctx, l)
	cancel()
	d.talks.Wait()
	select {
	case err = <-d.first:
	default:
	}
	return err
}

func (w *Worker) fill() {
	if w.Logf == nil {
		w.Logf = func(string, ...any) {}
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.machine == "" {
		w.machine = machineID()
	}
	if w.newSwarm == nil {
		w.newSwarm = func(c virtualuser.Config) (LoadGenerator, error) { return virtualuser.New(c) }
	}
}

// serve is a run with a coordinator that is welcome.
func (w *Worker) serve(ctx context.Context, l *framedConn, cancel context.CancelFunc) error {
	s := &workerSession{worker: w, line: l, stop: cancel, clock: newSteady(w.now())}
	defer s.end()
	for {
		k, message, _, err := l.read(maxFrame, silenceTimeout)
		if err != nil {
			return fmt.Errorf("hear from the coordinator: %w", err)
		}
		over, err := s.handleCommand(ctx, k, message)
		if err != nil {
			return errors.Join(err, l.send(kindFailed, &sentence{err.Error()}))
		}
		if over {
			l.drain()
			return nil
		}
	}
}

// greet finds out whether the other side knows the key.
func (w *Worker) greet(l *framedConn) (mine []byte, g *greet, err error) {
	mine = nonce()
	if err := l.send(kindHello, &hello{protocol, mine}); err != nil {
		return nil, nil, err
	}
	if g, err = readMessage[greet](l, kindGreet, greetPatience); err != nil {
		return nil, nil, fmt.Errorf("greet the coordinator: %w", err)
	}
	if g.Version != protocol {
		err = fmt.Errorf("the coordinator speaks version %d of the protocol, this worker version %d", g.Version, protocol)
	} else if !proves(g.Proof, w.Key, asCoordinator, mine, g.Nonce) {
		err = ErrKey
	}
	if err != nil {
		return nil, nil, errors.Join(err, l.send(kindFailed, &sentence{err.Error()}))
	}
	return mine, g, nil
}

// welcome shows that this side knows the key, too.
func (w *Worker) welcome(l *framedConn, mine []byte, g *greet) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return l.send(kindWelcome, &welcome{
		Proof: proof(w.Key, asWorker, mine, g.Nonce), Machine: w.machine, Host: host, Build: w.Build, Files: mostFiles(),
	})
}

// mostFiles is how many files a process here may have open at most.
func mostFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Max
}

// workerSession is what a worker does for one coordinator. Its methods belong to the
// goroutine that reads from the coordinator, unless they say otherwise.
type workerSession struct {
	worker *Worker
	line   *framedConn
	stop   context.CancelFunc // ends the conversation
	clock  steady

	swarm    LoadGenerator // nil before the plan
	plan     *plan
	chunks   *chunks
	silent   chan struct{} // closed: no more ticks
	silenced sync.Once
	busy     sync.WaitGroup // goroutines of this worker session
	closed   bool           // the group is
}

// end waits for everything that the worker session has started.
func (s *workerSession) end() {
	s.stop()
	s.stopTicks()
	s.busy.Wait()
	if s.swarm != nil && !s.closed {
		if err := s.swarm.Close(); err != nil {
			s.worker.Logf("end the clients: %v", err)
		}
	}
}

func (s *workerSession) stopTicks() {
	if s.silent != nil {
		s.silenced.Do(func() { close(s.silent) })
	}
}
