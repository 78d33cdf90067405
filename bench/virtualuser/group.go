package virtualuser

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/recorder"
	"tuitalk/bench/scenario"
	"tuitalk/bench/tlsconfig"
	"tuitalk/talk"
)

// Config is one worker's share of a run.
type Config struct {
	Scenario  scenario.Scenario
	Share, Of int                  // worker Share of Of, from 0; client i belongs to worker i % Of
	Targets   []string             // ws or wss URLs; client i begins with Targets[i % len]
	Trust     tlsconfig.Policy     // of wss targets
	Sources   []netip.Addr         // local addresses to dial from, in turn; empty: the kernel chooses
	Offset    time.Duration        // to be added to this process's clock to get the coordinator's
	Recording io.Writer            // nil: nothing is recorded; else see bench/recorder
	Logf      func(string, ...any) // nil: nothing is told
	Loops     int                  // event loops, each with its share of the clients; default 1

	handshakes int // TLS handshakes that are under way in a loop at once; default maxHandshakes
}

// Group is one worker's share of a run. Its methods may be called from anywhere.
type Group struct {
	// immutable
	cfg     Config
	plan    *scenario.Plan
	clock   clock
	targets map[string]*target
	loops   []*loop
	clients int // of this share
	talkers int // of the whole run
	rec     *recorder.Recorder
	watch   *measure.Watch
	pacers  sync.WaitGroup
	closing sync.Once
	ended   error // of Close

	sampling sync.Mutex // guards what follows
	sampled  time.Time  // by the coordinator's clock
	heads    map[int32]int64
}

// spareFiles are those that a group has open besides its connections: of the
// program, and for the moment in which a connection is made.
const spareFiles = 100

// New checks the configuration, raises the limit on open files as far as it may,
// and starts the loops. Nothing is dialled before Connect.
func New(cfg Config) (*Group, error) {
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	s := &Group{cfg: cfg, targets: map[string]*target{}}
	if err := s.enoughFiles(); err != nil { // before a plan of millions is made
		return nil, err
	}
	s.plan = cfg.Scenario.Plan()
	s.clock = clock{base: time.Now(), offset: cfg.Offset}
	s.sampled = s.clock.shared(s.clock.now())
	for _, url := range cfg.Targets {
		t, err := findTarget(url, &cfg.Trust)
		if err != nil {
			return nil, err
		}
		s.targets[url] = t
	}
	// A poller that sleeps keeps its processor for a while; see the package
	// comment.
	if least := 2*cfg.Loops + 2; runtime.GOMAXPROCS(0) < least {
		runtime.GOMAXPROCS(least)
	}
	if cfg.Recording != nil {
		s.rec = recorder.New(cfg.Recording)
	}
	if err := s.populate(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (c *Config) fill() error {
	if c.Loops <= 0 {
		c.Loops = 1
	}
	if c.handshakes <= 0 {
		c.handshakes = maxHandshakes
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	if err := c.Scenario.Validate(); err != nil {
		return err
	}
	switch {
	case len(c.Targets) == 0:
		return errors.New("no target is given")
	case c.Of < 1 || c.Share < 0 || c.Share >= c.Of:
		return fmt.Errorf("there is no share %d of %d", c.Share, c.Of)
	case c.Recording != nil && c.Scenario.Speak != scenario.Session:
		return fmt.Errorf("only what clients of %q live through can be recorded, not of %q", scenario.Session, c.Scenario.Speak)
	}
	return nil
}

func (s *Group) enoughFiles() error {
	limit, err := measure.RaiseFiles()
	if err != nil {
		return err
	}
	mine := (s.cfg.Scenario.Clients - s.cfg.Share + s.cfg.Of - 1) / s.cfg.Of
	if need := mine + spareFiles; need > limit {
		return fmt.Errorf("%d clients in one process need %d open files, and it may have %d: use more workers, or raise the limit (ulimit -n)",
			mine, need, limit)
	}
	return nil
}

// populate makes the loops and who belongs to them.
func (s *Group) populate() error {
	form := s.cfg.Scenario.Form.OnWire()
	for i := range s.cfg.Loops {
		l := &loop{
			group: s, clock: &s.clock, rng: rand.New(rand.NewPCG(s.seed(i), 1<<42)), form: form, cache: newDecodeCache(form),
			posts: map[talk.UUID]int64{}, nodes: map[string]int{}, faults: map[string]int64{},
		}
		var err error
		if l.poller, err = startPoller(l); err != nil {
			return err
		}
		s.loops = append(s.loops, l)
	}
	for i := range s.cfg.Scenario.Clients {
		if s.plan.Talks(i) {
			s.talkers++
		}
		if i%s.cfg.Of != s.cfg.Share {
			continue
		}
		if err := s.add(s.loops[s.clients%len(s.loops)], i); err != nil {
			return fmt.Errorf("make client %d: %w", i, err)
		}
		s.clients++
	}
	s.watch = measure.NewWatch()
	for _, l := range s.loops {
		l.waiting = slices.Clone(l.users)
		s.watch.Loop(l.work)
		s.watch.Loop(l.handshakes.work)
		s.pacers.Go(l.keepTime)
	}
	return nil
}

func (s *Group) add(l *loop, index int) error {
	p := &user{loop: l, index: index, slow: s.plan.IsSlow(index), room: s.plan.Room(index)}
	if err := s.equip(p); err != nil {
		return err
	}
	l.users = append(l.users, p)
	if s.plan.Talks(index) {
		l.talkers = append(l.talkers, p)
	}
	return nil
}

// equip gives a user what it speaks, and a place in the recording.
func (s *Group) equip(p *user) (err error) {
	first := p.index % len(s.cfg.Targets)
	servers := slices.Concat(s.cfg.Targets[first:], s.cfg.Targets[:first])
	if s.rec != nil && !s.plan.IsOriginal(p.index) {
		p.rec = s.rec.Client(p.label())
	}
	p.protocol, err = newProtocol(p, servers, s.seed(1000+p.index+p.generation*s.cfg.Scenario.Clients))
	return err
}

func newProtocol(p *user, servers []string, seed uint64) (protocol, error) {
	if p.loop.group.plan.IsOriginal(p.index) {
		return newOriginal(p, servers, seed), nil
	}
	switch speech := p.loop.group.cfg.Scenario.Speak; speech {
	case scenario.Session:
		return newSession(p, servers, seed)
	case scenario.Wire:
		return newWire(p, servers, seed), nil
	case scenario.Centrifuge:
		return newCentrifuge(p, servers, seed), nil
	default:
		return nil, fmt.Errorf("nobody here speaks %q", speech)
	}
}

// seed is a seed of its own for each part of each worker of a run; never 0.
func (s *Group) seed(part int) uint64 {
	h := s.cfg.Scenario.Seed
	for _, v := range [...]int{s.cfg.Share + 1, part + 1} {
		h = (h ^ uint64(v)) * 0x9e3779b97f4a7c15
		h ^= h >> 32
	}
	return h | 1
}

// Close ends the record of each client, hangs up, and ends everything that New
// has begun. The error says whether the recording is whole.
func (s *Group) Close() error {
	s.closing.Do(func() {
		for _, l := range s.loops {
			l.end()
		}
		s.pacers.Wait()
		for _, l := range s.loops {
			l.handshakes.ended.Wait()
			l.poller.stop()
		}
		if s.rec != nil {
			s.ended = s.rec.Close()
		}
	})
	return s.ended
}

func (l *loop) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at(l.clock.now())
	l.stopped = true
	for _, p := range l.users {
		p.protocol.end()
		for len(p.conns) > 0 {
			p.conns[0].drop(false)
		}
	}
}
