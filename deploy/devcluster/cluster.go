package devcluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ClusterOptions describes a whole fleet on this machine. The zero value, but
// for Program, is Nginx, three gateways, a Redis Cluster of three masters and
// three replicas, and PostgreSQL with a synchronous standby, in a temporary
// directory.
type ClusterOptions struct {
	// Program is the path of tuitalk-gateway, see Build.
	Program string
	// Dir holds all data, logs, configuration and the ports. What an earlier
	// cluster left there is used again. Default: a temporary one, removed by Close.
	Dir      string
	Port     int // of Nginx; default the one of an earlier cluster, else a free one
	Gateways int // default 3
	Workers  int // of Nginx; default 2
	// Isolated is how many gateways, the first ones, are each put into a network of
	// its own, behind Links. Needs root.
	Isolated int
	// Watchdog restarts gateways that hang or die, as systemd does in a fleet.
	Watchdog    bool
	GatewayArgs []string // further flags for each gateway
	Redis       RedisOptions
	Postgres    PostgresOptions
	NoStandby   bool // PostgreSQL is one server
}

// unlimited tells whether the gateways were told to limit nothing; then Nginx does
// not either.
func (o *ClusterOptions) unlimited() bool {
	args := strings.Join(o.GatewayArgs, " ")
	return strings.Contains(args, "-limits none") || strings.Contains(args, "-limits=none") ||
		!strings.Contains(args, "-limits") && os.Getenv("TUITALK_LIMITS") == "none"
}

// EveryGateway is to be isolated.
const EveryGateway = math.MaxInt

// Cluster is a running fleet. Its parts are real processes and may be killed,
// frozen, cut off and started again one by one. All end with Close, and with
// this process.
type Cluster struct {
	Nginx    *Nginx
	Gateways []*Gateway
	Redis    *RedisCluster
	Postgres *PostgresPair

	opts      ClusterOptions
	temporary bool // Dir is to be removed
	ports     *ports
	started   time.Time
	closing   sync.Once
	closeErr  error
}

// clusterTimeout is how long the whole may take to start, beside others on a busy machine.
const clusterTimeout = 2 * time.Minute

// StartCluster starts a fleet and returns when it is ready: every gateway says
// that it delivers, and Nginx leads to them.
func StartCluster(ctx context.Context, opts ClusterOptions) (*Cluster, error) {
	if opts.Program == "" {
		return nil, errors.New("start the cluster: no gateway program given")
	}
	if opts.Gateways == 0 {
		opts.Gateways = 3
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	c := &Cluster{opts: opts}
	err := c.prepare()
	if err == nil {
		err = c.startAll(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the cluster: %w", err), c.Close())
	}
	c.started = time.Now()
	return c, nil
}

// prepare makes the directory and chooses the ports.
func (c *Cluster) prepare() (err error) {
	if c.opts.Dir == "" {
		if c.opts.Dir, err = os.MkdirTemp("", "tuitalk-cluster-"); err != nil {
			return err
		}
		c.temporary = true
	}
	if c.opts.Dir, err = filepath.Abs(c.opts.Dir); err != nil {
		return err
	}
	if err := os.MkdirAll(c.opts.Dir, 0o755); err != nil {
		return err
	}
	if c.temporary {
		err = os.Chmod(c.opts.Dir, 0o755) // PostgreSQL's user must get through
	}
	if err == nil {
		err = checkTraversable(c.opts.Dir)
	}
	if err != nil {
		return err
	}
	c.ports, err = choosePorts(c.path("ports.json"), c.opts)
	return err
}

// checkTraversable finds the directory through which PostgreSQL's own user, if it
// has one, could not pass.
func checkTraversable(dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode()&1 == 0 {
			return fmt.Errorf("PostgreSQL runs as the user postgres, who may not pass through %s: choose another directory, or chmod o+x it", at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (c *Cluster) path(name string) string { return filepath.Join(c.opts.Dir, name) }

// startAll starts the parts: first, at once, what the gateways need.
func (c *Cluster) startAll(ctx context.Context) error {
	var below sync.WaitGroup
	var redisErr, postgresErr error
	below.Go(func() {
		opts := c.opts.Redis
		opts.Dir, opts.Ports = c.path("redis"), c.ports.Redis
		c.Redis, redisErr = StartRedisCluster(ctx, opts)
	})
	below.Go(func() {
		c.Postgres, postgresErr = c.startPostgres(ctx)
	})
	below.Wait()
	if err := errors.Join(redisErr, postgresErr); err != nil {
		return err
	}
	if err := c.startGateways(ctx); err != nil {
		return err
	}
	addrs := make([]string, len(c.Gateways))
	for i, g := range c.Gateways {
		addrs[i] = g.Addr()
	}
	var err error
	c.Nginx, err = StartNginx(ctx, NginxOptions{Dir: c.path("nginx"), Port: c.ports.Nginx, Workers: c.opts.Workers, Gateways: addrs, Unlimited: c.opts.unlimited()})
	return err
}

func (c *Cluster) startPostgres(ctx context.Context) (*PostgresPair, error) {
	var servers []PostgresOptions
	for i, port := range c.ports.Postgres {
		opts := c.opts.Postgres
		opts.Dir, opts.Port = c.path(postgresName(i)), port
		servers = append(servers, opts)
	}
	return StartPostgresPair(ctx, servers...)
}

func (c *Cluster) startGateways(ctx context.Context) error {
	for i, p := range c.ports.Gateways {
		g, err := launchGateway(GatewayOptions{
			Program: c.opts.Program, Name: "gateway-" + strconv.Itoa(i+1), Dir: c.path("gateways"),
			Listen: p.Listen, Admin: p.Admin, Store: c.Postgres.DSN(), Bus: c.Redis.URL(),
			Args: c.opts.GatewayArgs, Isolated: i < c.opts.Isolated, Watchdog: c.opts.Watchdog,
		})
		if err != nil {
			return err
		}
		c.Gateways = append(c.Gateways, g)
	}
	return c.eachGateway(func(g *Gateway) error { return g.Start(ctx) })
}

// eachGateway calls f for all gateways at once.
func (c *Cluster) eachGateway(f func(*Gateway) error) error {
	errs := make([]error, len(c.Gateways))
	var wg sync.WaitGroup
	for i, g := range c.Gateways {
		wg.Go(func() { errs[i] = f(g) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// URL is where clients connect.
func (c *Cluster) URL() string { return "ws://" + c.Nginx.Addr() + "/ws" }

// Site is where browsers go.
func (c *Cluster) Site() string { return "http://" + c.Nginx.Addr() + "/" }

// Dir holds all data and logs.
func (c *Cluster) Dir() string { return c.opts.Dir }

// Stop ends all parts in order: Nginx first, then the gateways store what they
// have accepted, then what they need.
func (c *Cluster) Stop(ctx context.Context) error {
	err := errors.Join(
		c.Nginx.Stop(ctx),
		c.eachGateway(func(g *Gateway) error { return g.Drain(ctx) }),
		c.Postgres.Stop(ctx, Fast),
	)
	return errors.Join(err, c.Close())
}

// Close ends all parts, whatever their state, and removes a temporary directory.
func (c *Cluster) Close() error {
	c.closing.Do(func() { c.closeErr = c.close() })
	return c.closeErr
}

func (c *Cluster) close() error {
	var errs []error
	if c.Nginx != nil {
		errs = append(errs, c.Nginx.Close())
	}
	errs = append(errs, c.eachGateway((*Gateway).Close))
	if c.Redis != nil {
		c.Redis.Close()
	}
	if c.Postgres != nil {
		errs = append(errs, c.Postgres.Close())
	}
	if c.temporary {
		errs = append(errs, os.RemoveAll(c.opts.Dir))
	}
	return errors.Join(errs...)
}
