package coordinator

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// Worker answers coordinators. The zero value is one that only coordinators
// without a key can use.
type Worker struct {
	Key  string // that coordinators must know
	Once bool   // it ends with its first coordinator, and when none comes
	Logf func(format string, args ...any)

	newGroup func(virtualuser.Config) (LoadGenerator, error) // nil: the real one
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

// errNoGreeting says that somebody does not greet as a coordinator does.
var errNoGreeting = errors.New("greet the coordinator")

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
	if w.newGroup == nil {
		w.newGroup = func(c virtualuser.Config) (LoadGenerator, error) { return virtualuser.New(c) }
	}
}

// greet finds out whether the other side knows the key.
func (w *Worker) greet(conn net.Conn) (mine []byte, theirs greeting, err error) {
	mine = nonce()
	if err := say(conn, greeting{Version: protocol, Nonce: mine}); err != nil {
		return nil, theirs, err
	}
	if theirs, err = hear(conn, greetPatience); err != nil {
		return nil, theirs, fmt.Errorf("%w: %w", errNoGreeting, err)
	}
	if err = sameVersion("coordinator", theirs.Version); err == nil && !proves(theirs.Proof, w.Key, asCoordinator, mine, theirs.Nonce) {
		err = ErrKey
	}
	return mine, theirs, err
}

// welcome shows that this side knows the key, too.
func (w *Worker) welcome(conn net.Conn, mine []byte, theirs greeting) error {
	return say(conn, greeting{Proof: proof(w.Key, asWorker, mine, theirs.Nonce), Machine: w.machine})
}

// mostFiles is how many files a process here may have open at most.
func mostFiles() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Max
}
