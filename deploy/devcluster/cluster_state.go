package devcluster

import (
	"fmt"
	"os"
	"strconv"
	"time"

	json "github.com/goccy/go-json"
)

// Kind is what a part of a cluster is.
type Kind string

// The kinds of parts.
const (
	KindNginx    Kind = "nginx"
	KindGateway  Kind = "gateway"
	KindRedis    Kind = "redis"
	KindPostgres Kind = "postgres"
)

// ClusterState says of which processes a cluster consists, to those who look at
// it from outside. It holds passwords.
type ClusterState struct {
	Owner   Identity    `json:"owner"` // the process with which all others end
	Started time.Time   `json:"started"`
	URL     string      `json:"url"`
	Site    string      `json:"site"`
	Parts   []PartState `json:"parts"`
}

// PartState is one process of a cluster.
type PartState struct {
	Name    string   `json:"name"`
	Kind    Kind     `json:"kind"`
	Process Identity `json:"process"`
	Addr    string   `json:"addr"`             // host:port where others reach it
	Admin   string   `json:"admin,omitempty"`  // host:port where a gateway is watched
	Secret  string   `json:"secret,omitempty"` // its password
	Client  string   `json:"client,omitempty"` // path of PostgreSQL's own client
	Log     string   `json:"log"`
}

// Identity is a process, told apart from a later one with the same number.
type Identity struct {
	PID   int    `json:"pid"`   // 0: none
	Start string `json:"start"` // clock ticks since boot, as text
}

// identify finds out who has a process id now.
func identify(pid int) Identity {
	f := statFields(pid)
	if f == nil {
		return Identity{}
	}
	return Identity{PID: pid, Start: f[statStart]}
}

// identity is the zero one for a process that is dead.
func (p *process) identity() Identity {
	if p.state() == Dead {
		return Identity{}
	}
	return identify(p.pid())
}

// State tells what the kernel says of the process: Running, Stopped or Dead.
func (i Identity) State() string {
	f := statFields(i.PID)
	switch {
	case i.PID == 0, f == nil, f[statStart] != i.Start, f[statState] == "Z", f[statState] == "X":
		return Dead
	case f[statState] == "T":
		return Stopped
	}
	return Running
}

// State describes the cluster as it is now.
func (c *Cluster) State() ClusterState {
	s := ClusterState{Owner: identify(os.Getpid()), Started: c.started, URL: c.URL(), Site: c.Site()}
	s.Parts = append(s.Parts, PartState{
		Name: "nginx", Kind: KindNginx, Process: identify(c.Nginx.PID()), Addr: c.Nginx.Addr(), Log: c.Nginx.LogFile(),
	})
	for _, g := range c.Gateways {
		s.Parts = append(s.Parts, PartState{
			Name: g.Name(), Kind: KindGateway, Process: identify(g.PID()), Addr: g.Addr(), Admin: g.adminAddr(), Log: g.LogFile(),
		})
	}
	for i, n := range c.Redis.nodes {
		s.Parts = append(s.Parts, PartState{
			Name: redisName(i), Kind: KindRedis, Process: identify(c.Redis.PID(i)), Addr: n.addr,
			Secret: c.Redis.opts.Password, Log: n.logPath(),
		})
	}
	for i, p := range c.Postgres.servers {
		s.Parts = append(s.Parts, PartState{
			Name: postgresName(i), Kind: KindPostgres, Process: p.process().identity(), Addr: p.Addr(),
			Secret: p.password, Client: psql(p.options.Bin), Log: p.LogFile(),
		})
	}
	return s
}

func postgresName(i int) string { return "postgres-" + strconv.Itoa(i+1) }

func redisName(i int) string { return "redis-" + strconv.Itoa(i+1) }

// Save writes the state to a file, whole or not at all.
func (s ClusterState) Save(name string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	aside := name + ".new"
	if err := os.WriteFile(aside, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("save the state of the cluster: %w", err)
	}
	return os.Rename(aside, name)
}

// LoadClusterState reads what Save wrote.
func LoadClusterState(name string) (s ClusterState, err error) {
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return s, fmt.Errorf("read the state of the cluster: %w", err)
	}
	return s, nil
}
