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
	"time"

	"tuitalk/deploy/redis"
)

// RedisOptions describes a Redis Cluster on this machine. The zero value, but
// for Dir, is three masters with a replica each.
type RedisOptions struct {
	Masters  int    // default 3
	Replicas int    // of each master; default 1, -1 for none
	Dir      string // holds data, logs and configuration; is made if missing
	Host     string // the address that all nodes bind and announce; default 127.0.0.1
	Ports    []int  // one per node, masters first; +10000 must be free too; default: free ones
	Password string // default none
	Server   string // default redis-server from PATH
	// Cuttable lets Isolate cut nodes off from each other.
	Cuttable bool
	// Args are added to each node's command line, such as "--cluster-node-timeout", "1000".
	Args []string
}

// RedisCluster is a running Redis Cluster. Nodes are numbered from 0; at first
// the masters come first, and node i+k*Masters replicates node i. Methods may
// be called from several goroutines.
type RedisCluster struct {
	opts  RedisOptions
	nodes []*redisNode
	procs *procStarter
	buses *busRelays // nil unless cuttable

	closing sync.Once
}

// redisStart is how long a node may take to answer, and the cluster to be whole.
const redisStart = time.Minute

// StartRedisCluster starts a cluster and returns when it is whole: every slot
// served, every replica in step. If Dir holds one from before, on the same
// ports, that one is started. The processes end with Close, or with this
// process, whichever comes first.
func StartRedisCluster(ctx context.Context, opts RedisOptions) (*RedisCluster, error) {
	opts = opts.withDefaults()
	if opts.Dir == "" {
		return nil, errors.New("start the redis cluster: no directory given")
	}
	ctx, cancel := context.WithTimeout(ctx, redisStart)
	defer cancel()
	const attempts = 3 // a port that was free may be taken when Redis binds it
	var err error
	for try := 0; try < attempts; try++ {
		var c *RedisCluster
		if c, err = startRedis(ctx, opts); err == nil {
			return c, nil
		}
		if len(opts.Ports) > 0 || !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, fmt.Errorf("start the redis cluster: %w", err)
}

func (o RedisOptions) withDefaults() RedisOptions {
	if o.Masters == 0 {
		o.Masters = 3
	}
	switch {
	case o.Replicas == 0:
		o.Replicas = 1
	case o.Replicas < 0:
		o.Replicas = 0
	}
	if o.Host == "" {
		o.Host = "127.0.0.1"
	}
	if o.Server == "" {
		o.Server = "redis-server"
	}
	return o
}

func startRedis(ctx context.Context, opts RedisOptions) (*RedisCluster, error) {
	count := opts.Masters * (1 + opts.Replicas)
	ports := opts.Ports
	if len(ports) == 0 {
		var err error
		if ports, err = freeRedisPorts(opts.Host, count); err != nil {
			return nil, err
		}
	}
	if len(ports) != count {
		return nil, fmt.Errorf("%d ports for %d nodes", len(ports), count)
	}
	conf := filepath.Join(opts.Dir, "redis-cluster.conf")
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(conf, redis.ClusterConf, 0o644); err != nil {
		return nil, err
	}

	c := &RedisCluster{opts: opts, procs: newProcStarter()}
	for i, port := range ports {
		c.nodes = append(c.nodes, &redisNode{
			index: i,
			addr:  net.JoinHostPort(opts.Host, strconv.Itoa(port)),
			port:  port,

			busPort: port + redisBusOffset,
			dir:     filepath.Join(opts.Dir, "redis-"+strconv.Itoa(port)),
			conf:    conf,
			opts:    &c.opts,
			procs:   c.procs,
		})
	}
	if opts.Cuttable {
		var err error
		if c.buses, err = newBusRelays(c.nodes); err != nil {
			c.Close()
			return nil, err
		}
	}
	if err := c.bringUp(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// bringUp starts all nodes and makes them one cluster, unless they are one.
func (c *RedisCluster) bringUp(ctx context.Context) error {
	fresh := true
	for _, n := range c.nodes {
		if _, err := os.Stat(filepath.Join(n.dir, "nodes.conf")); err == nil {
			fresh = false
		}
	}
	if err := c.each(func(n *redisNode) error { return n.start(ctx) }); err != nil {
		return err
	}
	if c.buses != nil {
		if err := c.learnIDs(ctx); err != nil {
			return err
		}
	}
	if fresh {
		if err := c.form(ctx); err != nil {
			return err
		}
	}
	return c.AwaitWhole(ctx)
}

// form gives the slots to the masters, introduces the nodes to each other and
// hands the replicas to their masters.
func (c *RedisCluster) form(ctx context.Context) error {
	masters := c.opts.Masters
	for i, n := range c.nodes {
		if _, err := n.do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1)); err != nil {
			return err
		}
		if i >= masters {
			continue
		}
		from, to := redisSlots*i/masters, redisSlots*(i+1)/masters-1
		if _, err := n.do(ctx, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(from), strconv.Itoa(to)); err != nil {
			return err
		}
	}
	for _, n := range c.nodes[1:] {
		// Both ways, so that nobody waits for the gossip to come round.
		if err := meet(ctx, c.nodes[0], n); err != nil {
			return err
		}
	}
	if err := c.await(ctx, "the nodes to know each other", c.allKnown); err != nil {
		return err
	}
	return c.each(func(n *redisNode) error {
		if n.index < masters {
			return nil
		}
		id, err := c.nodes[n.index%masters].do(ctx, "CLUSTER", "MYID")
		if err != nil {
			return err
		}
		_, err = n.do(ctx, "CLUSTER", "REPLICATE", id.text)
		return err
	})
}

func meet(ctx context.Context, a, b *redisNode) error {
	for _, pair := range [][2]*redisNode{{a, b}, {b, a}} {
		met := pair[1]
		if _, err := pair[0].do(ctx, "CLUSTER", "MEET", met.opts.Host, strconv.Itoa(met.port), strconv.Itoa(met.busPort)); err != nil {
			return err
		}
	}
	return nil
}

// Addrs returns the address of each node, as host:port.
func (c *RedisCluster) Addrs() []string {
	addrs := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		addrs[i] = n.addr
	}
	return addrs
}

// URL is what a gateway takes as its -bus.
func (c *RedisCluster) URL() string {
	var password string
	if c.opts.Password != "" {
		password = ":" + c.opts.Password + "@"
	}
	return "redis://" + password + strings.Join(c.Addrs(), ",")
}

// Close ends all nodes, in whatever state they are.
func (c *RedisCluster) Close() {
	c.closing.Do(func() {
		_ = c.each((*redisNode).end)
		c.procs.close()
		if c.buses != nil {
			c.buses.close()
		}
	})
}

// each calls f for all nodes at once and returns one of the errors.
func (c *RedisCluster) each(f func(*redisNode) error) error {
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { errs[i] = f(n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// await asks until done has no error.
func (c *RedisCluster) await(ctx context.Context, what string, done func(context.Context) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := done(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, err)
		case <-tick.C:
		}
	}
}
