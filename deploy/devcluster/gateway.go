package devcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// GatewayOptions describes a gateway on this machine.
type GatewayOptions struct {
	Program string   // path of tuitalk-gateway, see Build
	Name    string   // default "gateway"
	Dir     string   // for its log; is made if missing
	Listen  int      // port on 127.0.0.1 for users; default a free one
	Admin   int      // port on 127.0.0.1 for operators; default a free one
	Store   string   // as its flag takes it
	Bus     string   // as its flag takes it; default local
	Args    []string // further flags, of which the later win

	// Isolated puts it into a network of its own, where it reaches the store, the
	// bus and its users through Links only. Needs root, and numeric addresses.
	Isolated bool
	// Watchdog kills and restarts it when it has not answered /healthz for 3 s,
	// and restarts it when it ends by itself, as systemd does in a fleet.
	Watchdog bool
}

// Gateway is a real gateway. Its methods may be called from several goroutines;
// Close ends it, and so does the end of this process.
type Gateway struct {
	opts     GatewayOptions
	program  *Program
	network  *network // nil: that of this process
	links    map[Part]*Link
	watchdog *watchdog    // nil: none
	ready    atomic.Int64 // process id of the one that was ready last

	mu     sync.Mutex
	wanted bool // to run: the watchdog leaves alone what was ended on purpose
}

// Part is what a gateway has a link to.
type Part string

// The parts that a gateway depends on.
const (
	Users Part = "users" // Nginx, or clients without one
	Bus   Part = "redis"
	Store Part = "postgres"
	admin Part = "admin" // never cut: it is how the gateway is watched
)

// gatewayTimeout is how long a gateway may take until it is ready.
const gatewayTimeout = time.Minute

// StartGateway starts a gateway and returns when it is ready.
func StartGateway(ctx context.Context, opts GatewayOptions) (*Gateway, error) {
	g, err := launchGateway(opts)
	if err != nil {
		return nil, err
	}
	if err := g.Start(ctx); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// launchGateway makes everything that a gateway needs and does not start it.
func launchGateway(opts GatewayOptions) (*Gateway, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start gateway %s: %w", opts.Name, err)
	}
	procs := newProcStarter()
	g := &Gateway{opts: opts, links: map[Part]*Link{}}
	g.program = newProgram(procs, g.LogFile(), opts.Program, g.args())
	if opts.Isolated {
		if g.network, err = procs.isolate(); err == nil {
			err = g.openLinks()
		}
		if err != nil {
			g.Close()
			return nil, fmt.Errorf("isolate gateway %s: %w", opts.Name, err)
		}
	}
	if opts.Watchdog {
		g.watchdog = watch(g)
	}
	return g, nil
}

func (o GatewayOptions) withDefaults() (GatewayOptions, error) {
	if o.Name == "" {
		o.Name = "gateway"
	}
	if o.Bus == "" {
		o.Bus = "local"
	}
	if o.Program == "" || o.Dir == "" || o.Store == "" {
		return o, errors.New("it needs a program, a directory and a store")
	}
	for _, port := range []*int{&o.Listen, &o.Admin} {
		if *port != 0 {
			continue
		}
		var err error
		if *port, err = FreePort(); err != nil {
			return o, err
		}
	}
	return o, os.MkdirAll(o.Dir, 0o755)
}

func (g *Gateway) args() []string {
	args := []string{
		"-listen", g.Addr(), "-admin", g.adminAddr(), "-store", g.opts.Store, "-bus", g.opts.Bus, "-node", g.opts.Name,
		"-ping-after", "1s", "-trusted-proxies", "127.0.0.1", "-hosts", ownNames(),
	}
	return append(args, g.opts.Args...)
}

// ownNames are those at which pages reach this machine. Nginx passes on any, also one
// that a stranger has pointed here.
func ownNames() string {
	host, err := os.Hostname()
	if err != nil || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return "localhost"
	}
	return "localhost," + host + "," + host + ".local"
}

// openLinks opens the only ways into the gateway's network and out of it. The
// addresses on either side are the same, so that nobody needs to know: also not
// the nodes of a Redis Cluster, which tell theirs to whom they speak with.
func (g *Gateway) openLinks() (err error) {
	store, err := addresses(g.opts.Store, "5432")
	if err != nil {
		return err
	}
	bus, err := addresses(g.opts.Bus, "6379")
	if err != nil {
		return err
	}
	for _, way := range []struct {
		part     Part
		from, to *network
		addrs    []string
	}{
		{Users, nil, g.network, []string{g.Addr()}},
		{admin, nil, g.network, []string{g.adminAddr()}},
		{Store, g.network, nil, store},
		{Bus, g.network, nil, bus},
	} {
		hops := make([]Hop, len(way.addrs))
		for i, addr := range way.addrs {
			hops[i] = Hop{Listen: addr, Dial: addr}
		}
		if g.links[way.part], err = openLink(way.from, way.to, hops...); err != nil {
			return err
		}
	}
	return nil
}

// Start starts it and waits until it is ready. A running one is only waited for.
func (g *Gateway) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	g.want(true)
	if g.program.State() == Dead {
		// The watchdog may be faster, which is as well.
		if err := g.program.Start(); err != nil && !g.program.Running() {
			return err
		}
	}
	if err := g.awaitReady(ctx); err != nil {
		return fmt.Errorf("start gateway %s: %w; its log: %s", g.opts.Name, err, tail(g.LogFile()))
	}
	return nil
}

func (g *Gateway) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		pid := g.PID()
		err := g.Ready(ctx)
		if err == nil {
			g.ready.Store(int64(pid))
			return nil
		}
		if g.watchdog == nil && g.program.State() == Dead {
			return errors.New("it ended")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// want tells the watchdog whether the gateway shall run.
func (g *Gateway) want(run bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wanted = run
}

func (g *Gateway) isWanted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wanted
}

// startIfWanted tells whether it has started the gateway. Who ends it on purpose
// meanwhile waits, and then ends it.
func (g *Gateway) startIfWanted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.wanted && g.program.Start() == nil
}

// Kill ends it with SIGKILL and waits until it is gone. The watchdog leaves it so.
func (g *Gateway) Kill() error {
	g.want(false)
	return g.program.Kill()
}

// Drain asks it with SIGTERM to move its users and to end, and waits for the end.
func (g *Gateway) Drain(ctx context.Context) error {
	g.want(false)
	return g.program.Terminate(ctx)
}

// Restart drains it and starts it again.
func (g *Gateway) Restart(ctx context.Context) error {
	if err := g.Drain(ctx); err != nil {
		return err
	}
	return g.Start(ctx)
}

// Freeze stops it with SIGSTOP: its kernel still accepts for it.
func (g *Gateway) Freeze() error { return g.program.Freeze() }

// Thaw wakes it after Freeze.
func (g *Gateway) Thaw() error { return g.program.Thaw() }

// State tells what the kernel says of it: Running, Stopped or Dead.
func (g *Gateway) State() string { return g.program.State() }

// PID is its process id, 0 if it is dead.
func (g *Gateway) PID() int { return g.program.PID() }

// Restarts counts how often the watchdog has started it.
func (g *Gateway) Restarts() int {
	if g.watchdog == nil {
		return 0
	}
	return int(g.watchdog.restarts.Load())
}

// Name is what it is called.
func (g *Gateway) Name() string { return g.opts.Name }

// Addr is where users, and Nginx, reach it.
func (g *Gateway) Addr() string { return loopback(g.opts.Listen) }

func (g *Gateway) adminAddr() string { return loopback(g.opts.Admin) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// LogFile is where it writes.
func (g *Gateway) LogFile() string { return filepath.Join(g.opts.Dir, g.opts.Name+".log") }

// Link is its link to a part. Only an isolated gateway has links; others give nil.
func (g *Gateway) Link(part Part) *Link { return g.links[part] }

// Close ends it, whatever its state, and its links.
func (g *Gateway) Close() error {
	g.want(false)
	if g.watchdog != nil {
		g.watchdog.close()
	}
	err := g.program.Close()
	for _, l := range g.links {
		if l != nil {
			l.Close()
		}
	}
	g.network.close()
	return err
}
