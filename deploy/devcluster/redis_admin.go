package devcluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// redisSlots is the number of hash slots of a Redis Cluster.
const redisSlots = 16384

// member is one line of CLUSTER NODES.
type member struct {
	id     string
	addr   string
	master string // id of the master that it replicates; "" for a master
	epoch  int
	failed bool
	linked bool
	slots  [][2]int
}

// members asks a node what it knows of the cluster.
func (n *redisNode) members(ctx context.Context) ([]member, error) {
	reply, err := n.do(ctx, "CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	var all []member
	for line := range strings.Lines(reply.text) {
		f := strings.Fields(line)
		if len(f) < 8 {
			return nil, fmt.Errorf("cluster nodes of %s: bad line %q", n.addr, line)
		}
		addr, _, _ := strings.Cut(f[1], "@")
		m := member{
			id:     f[0],
			addr:   addr,
			failed: strings.Contains(f[2], "fail"), // fail or, not yet agreed on, fail?
			linked: f[7] == "connected",
		}
		if f[3] != "-" {
			m.master = f[3]
		}
		m.epoch, _ = strconv.Atoi(f[6])
		for _, s := range f[8:] {
			if strings.HasPrefix(s, "[") {
				continue // a slot on the move
			}
			from, to, ranged := strings.Cut(s, "-")
			if !ranged {
				to = from
			}
			a, _ := strconv.Atoi(from)
			b, _ := strconv.Atoi(to)
			m.slots = append(m.slots, [2]int{a, b})
		}
		all = append(all, m)
	}
	return all, nil
}

func (m *member) owns(slot int) bool {
	for _, s := range m.slots {
		if s[0] <= slot && slot <= s[1] {
			return true
		}
	}
	return false
}

// allKnown: every node is linked to every other.
func (c *RedisCluster) allKnown(ctx context.Context) error {
	for _, n := range c.nodes {
		all, err := n.members(ctx)
		if err != nil {
			return err
		}
		known := 0
		for _, m := range all {
			if m.linked {
				known++
			}
		}
		if known != len(c.nodes) {
			return fmt.Errorf("%s knows %d of %d nodes", n.addr, known, len(c.nodes))
		}
	}
	return nil
}

// AwaitWhole waits until all slots are served, the living nodes agree on by
// whom, and every living replica is in step with its master.
func (c *RedisCluster) AwaitWhole(ctx context.Context) error {
	return c.await(ctx, "the cluster to be whole", c.whole)
}

func (c *RedisCluster) whole(ctx context.Context) error {
	var view string
	living := 0
	for _, n := range c.nodes {
		if n.state() != Running {
			continue
		}
		living++
		if err := n.inStep(ctx); err != nil {
			return err
		}
		all, err := n.members(ctx)
		if err != nil {
			return err
		}
		v, err := ownership(all)
		if err != nil {
			return fmt.Errorf("%s: %w", n.addr, err)
		}
		if view == "" {
			view = v
		} else if view != v {
			return errors.New("the nodes disagree on who serves which slot")
		}
	}
	if living == 0 {
		return errors.New("no node is alive")
	}
	return nil
}

// inStep: the node finds the cluster well, and if it is a replica, has caught
// up with its master.
func (n *redisNode) inStep(ctx context.Context) error {
	info, err := n.do(ctx, "CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if !strings.Contains(info.text, "cluster_state:ok") {
		return fmt.Errorf("%s finds the cluster down", n.addr)
	}
	if info, err = n.do(ctx, "INFO", "replication"); err != nil {
		return err
	}
	if strings.Contains(info.text, "master_link_status:down") {
		return fmt.Errorf("%s is not in step with its master", n.addr)
	}
	return nil
}

// ownership describes who serves which slots.
func ownership(all []member) (string, error) {
	owners, served := make([]string, redisSlots), 0
	for i := range all {
		if all[i].master != "" || all[i].failed {
			continue
		}
		for _, s := range all[i].slots {
			for slot := s[0]; slot <= s[1] && slot < redisSlots; slot++ {
				if owners[slot] != "" {
					return "", fmt.Errorf("slot %d is served by two", slot)
				}
				owners[slot] = all[i].id
				served++
			}
		}
	}
	if served != redisSlots {
		return "", fmt.Errorf("%d of %d slots are served", served, redisSlots)
	}
	var view strings.Builder
	for slot, owner := range owners {
		if slot == 0 || owner != owners[slot-1] {
			fmt.Fprintf(&view, "%d:%s ", slot, owner)
		}
	}
	return view.String(), nil
}

// Master returns the node that serves a slot, by the newest claim that any
// living node knows of.
func (c *RedisCluster) Master(ctx context.Context, slot int) (int, error) {
	best, epoch := -1, -1
	for _, n := range c.nodes {
		if n.state() != Running {
			continue
		}
		all, err := n.members(ctx)
		if err != nil {
			continue
		}
		for _, m := range all {
			if i := c.indexOf(m.addr); i >= 0 && m.owns(slot) && m.epoch > epoch {
				best, epoch = i, m.epoch
			}
		}
	}
	if best < 0 {
		return 0, fmt.Errorf("no living node knows who serves slot %d", slot)
	}
	return best, nil
}

// Replicas returns the living replicas of a master.
func (c *RedisCluster) Replicas(ctx context.Context, master int) ([]int, error) {
	var replicas []int
	for _, n := range c.nodes {
		if n.state() != Running {
			continue
		}
		all, err := n.members(ctx)
		if err != nil {
			return nil, err
		}
		ids := make(map[string]string) // id → address
		for _, m := range all {
			ids[m.id] = m.addr
		}
		for _, m := range all {
			if m.addr == n.addr && m.master != "" && ids[m.master] == c.nodes[master].addr {
				replicas = append(replicas, n.index)
			}
		}
	}
	return replicas, nil
}

func (c *RedisCluster) indexOf(addr string) int {
	for _, n := range c.nodes {
		if n.addr == addr {
			return n.index
		}
	}
	return -1
}

// Failover makes a replica the master of its shard, without loss, and returns
// when it is.
func (c *RedisCluster) Failover(ctx context.Context, replica int) error {
	n := c.nodes[replica]
	if _, err := n.do(ctx, "CLUSTER", "FAILOVER"); err != nil {
		return fmt.Errorf("fail over to %s: %w", n.addr, err)
	}
	return c.await(ctx, n.addr+" to take over", func(ctx context.Context) error {
		role, err := n.do(ctx, "ROLE")
		if err == nil && (len(role.list) == 0 || role.list[0].text != "master") {
			err = errors.New("it is still a replica")
		}
		return err
	})
}

// MigrateSlot moves a slot with its keys to another master.
func (c *RedisCluster) MigrateSlot(ctx context.Context, slot, to int) error {
	from, err := c.Master(ctx, slot)
	if err == nil && from != to {
		err = c.migrate(ctx, strconv.Itoa(slot), c.nodes[from], c.nodes[to])
	}
	if err != nil {
		return fmt.Errorf("migrate slot %d to %s: %w", slot, c.nodes[to].addr, err)
	}
	return nil
}

func (c *RedisCluster) migrate(ctx context.Context, slot string, from, to *redisNode) error {
	source, err := from.do(ctx, "CLUSTER", "MYID")
	if err != nil {
		return err
	}
	target, err := to.do(ctx, "CLUSTER", "MYID")
	if err != nil {
		return err
	}
	if _, err := to.do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", source.text); err != nil {
		return err
	}
	if _, err := from.do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", target.text); err != nil {
		return err
	}
	for {
		keys, err := from.do(ctx, "CLUSTER", "GETKEYSINSLOT", slot, "100")
		if err != nil {
			return err
		}
		if len(keys.list) == 0 {
			break
		}
		args := []string{"MIGRATE", c.opts.Host, strconv.Itoa(to.port), "", "0", "5000"}
		if c.opts.Password != "" {
			args = append(args, "AUTH", c.opts.Password)
		}
		args = append(args, "KEYS")
		for _, key := range keys.list {
			args = append(args, key.text)
		}
		if _, err := from.do(ctx, args...); err != nil {
			return err
		}
	}
	for _, n := range []*redisNode{to, from} {
		if _, err := n.do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", target.text); err != nil {
			return err
		}
	}
	return nil
}
