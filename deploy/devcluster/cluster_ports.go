package devcluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	json "github.com/goccy/go-json"
)

// ports are kept with a cluster's data: the nodes of a Redis Cluster know each
// other by them, and people keep addresses.
type ports struct {
	Nginx    int            `json:"nginx"`
	Postgres []int          `json:"postgres_servers"`
	Redis    []int          `json:"redis"`
	Gateways []gatewayPorts `json:"gateways"`
}

type gatewayPorts struct {
	Listen int `json:"listen"`
	Admin  int `json:"admin"`
}

// choosePorts takes the ports that are given, else those of the earlier cluster
// that left the file, else free ones, and writes them down.
func choosePorts(file string, opts ClusterOptions) (*ports, error) {
	p := &ports{}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, p)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the ports of the earlier cluster: %w", err)
	}
	opts.Redis = opts.Redis.withDefaults()
	if err := p.complete(opts); err != nil {
		return nil, err
	}
	if text, err = json.MarshalIndent(p, "", "  "); err != nil {
		return nil, err
	}
	return p, os.WriteFile(file, append(text, '\n'), 0o644)
}

// complete fills in what is missing, or taken by somebody else.
func (p *ports) complete(opts ClusterOptions) error {
	if opts.Port != 0 {
		p.Nginx = opts.Port
	}
	servers := 2
	if opts.NoStandby {
		servers = 1
	}
	p.Postgres = resize(p.Postgres, servers)
	if opts.Postgres.Port != 0 {
		p.Postgres[0] = opts.Postgres.Port
	}
	if len(opts.Redis.Ports) > 0 {
		p.Redis = opts.Redis.Ports
	}
	taken := make(map[int]bool)
	if err := p.completeRedis(opts.Redis); err != nil {
		return err
	}
	for _, port := range p.Redis {
		taken[port], taken[port+redisBusOffset] = true, true
	}
	p.Gateways = resize(p.Gateways, opts.Gateways)
	given := map[*int]bool{&p.Nginx: opts.Port != 0, &p.Postgres[0]: opts.Postgres.Port != 0}
	all := []*int{&p.Nginx}
	for i := range p.Postgres {
		all = append(all, &p.Postgres[i])
	}
	for i := range p.Gateways {
		all = append(all, &p.Gateways[i].Listen, &p.Gateways[i].Admin)
	}
	for _, port := range all {
		if !given[port] {
			if err := choosePort(port, taken); err != nil {
				return err
			}
		}
		taken[*port] = true
	}
	return nil
}

// resize cuts a list off, or adds what is to be chosen.
func resize[T any](list []T, count int) []T {
	return append(list, make([]T, max(0, count-len(list)))...)[:count]
}

// completeRedis chooses ports once and for all: a Redis Cluster cannot move.
func (p *ports) completeRedis(opts RedisOptions) (err error) {
	count := opts.Masters * (1 + opts.Replicas)
	if len(p.Redis) == 0 {
		p.Redis, err = freeRedisPorts("127.0.0.1", count)
		return err
	}
	if len(p.Redis) != count {
		return fmt.Errorf("%d ports for %d Redis nodes", len(p.Redis), count)
	}
	for _, port := range p.Redis {
		if !free(port) || !free(port+redisBusOffset) {
			return fmt.Errorf("port %d or %d, where a Redis node was, is taken by another program", port, port+redisBusOffset)
		}
		keepAgain(port, port+redisBusOffset)
	}
	return nil
}

// choosePort leaves a port that is set and free, and else takes another.
func choosePort(port *int, taken map[int]bool) (err error) {
	for *port == 0 || taken[*port] || !free(*port) {
		if *port, err = FreePort(); err != nil {
			return err
		}
	}
	keepAgain(*port)
	return nil
}
