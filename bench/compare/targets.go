package compare

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
	"tuitalk/deploy/devcluster"
)

// startPatience is how long a server may take until it listens.
const startPatience = 20 * time.Second

// Targets are TuiTalk and all that it is compared with: gateway and peers are the
// paths of the programs tuitalk-gateway and peers.
func Targets(gateway, peers string) []Target {
	return []Target{
		{
			Name: "tuitalk", Speak: scenario.Wire, Start: startGateway(gateway),
			What: "tuitalk-gateway -store sqlite:… -bus local -limits none. It alone stores an entry before it sends it, and tells a room who joins",
		},
		{
			Name: "centrifuge", Speak: scenario.Centrifuge, Start: startPeer(peers, "centrifuge"),
			What: "centrifuge v0.40.1, broker in memory, no history",
		},
		{
			Name: "centrifuge batching", Speak: scenario.Centrifuge, Start: startPeer(peers, "centrifuge-batching"),
			What: "the same, but it collects what is for one client for 10 ms before it writes (WriteDelay)",
		},
		{
			Name: "centrifuge + Redis", Speak: scenario.Centrifuge, Start: startWithRedis(peers),
			What: "centrifuge v0.40.1, Redis broker, history and recovery; redis-server on the same processor, its time counted too",
		},
		{
			Name: "gorilla", Speak: scenario.Wire, Start: startPeer(peers, "gorilla"),
			What: "gorilla/websocket v1.5.3, two goroutines per connection, prepared frames, those that wait written together, nothing stored",
		},
		{
			Name: result.Floor, Speak: scenario.Wire, Start: startPeer(peers, "floor"),
			What: "a bare epoll loop that sends the same bytes, each message with a write of its own, and does nothing else",
		},
		{
			Name: "tuitalk, as users run it", Speak: scenario.Session, Aside: true, Start: startGateway(gateway),
			What: "the same gateway, and clients that are whole sessions (client.Session)",
		},
	}
}

func startGateway(program string) func(context.Context, string, int) (*Server, error) {
	return func(ctx context.Context, dir string, cpu int) (*Server, error) {
		return launch(ctx, dir, cpu, program, "-listen", "127.0.0.1:0", "-admin", "none",
			"-store", "sqlite:"+filepath.Join(dir, "chat.db"), "-bus", "local", "-limits", "none", "-drain", "0s")
	}
}

func startPeer(program, kind string) func(context.Context, string, int) (*Server, error) {
	return func(ctx context.Context, dir string, cpu int) (*Server, error) {
		return launch(ctx, dir, cpu, program, "-kind", kind)
	}
}

func startWithRedis(program string) func(context.Context, string, int) (*Server, error) {
	return func(ctx context.Context, dir string, cpu int) (*Server, error) {
		redis, address, err := startRedis(ctx, dir, cpu)
		if err != nil {
			return nil, err
		}
		s, err := launch(ctx, dir, cpu, program, "-kind", "centrifuge-redis", "-redis", address)
		if err != nil {
			return nil, errors.Join(err, redis.Close())
		}
		stop := s.Stop
		s.PIDs = append(s.PIDs, redis.PID())
		s.Stop = func() error { return errors.Join(stop(), redis.Close()) }
		return s, nil
	}
}

// startRedis starts one Redis that keeps everything in memory.
func startRedis(ctx context.Context, dir string, cpu int) (*devcluster.Program, string, error) {
	number, err := devcluster.FreePort()
	if err != nil {
		return nil, "", fmt.Errorf("find a port for redis-server: %w", err)
	}
	port := strconv.Itoa(number)
	address := net.JoinHostPort("127.0.0.1", port)
	redis := pinned(filepath.Join(dir, "redis.log"), cpu, "redis-server",
		"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
	if err := redis.Start(); err != nil {
		return nil, "", errors.Join(err, redis.Close())
	}
	ready := func() (string, bool) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return address, err == nil
	}
	if _, err := await(ctx, redis, ready); err != nil {
		return nil, "", errors.Join(err, redis.Close())
	}
	return redis, address, nil
}

// listens is what a server of ours prints or logs when it listens.
var listens = regexp.MustCompile(`(?:listening on |listen=)(127\.0\.0\.1:\d+)`)

// launch starts a server of ours and returns when it listens.
func launch(ctx context.Context, dir string, cpu int, program string, args ...string) (*Server, error) {
	p := pinned(filepath.Join(dir, filepath.Base(program)+".log"), cpu, program, args...)
	if err := p.Start(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	address, err := await(ctx, p, func() (string, bool) {
		found := listens.FindStringSubmatch(p.Log())
		if found == nil {
			return "", false
		}
		return found[1], true
	})
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &Server{URL: "ws://" + address + "/ws", PIDs: []int{p.PID()}, Stop: p.Close}, nil
}

// pinned describes a program that runs on one processor. There Go would also set
// GOMAXPROCS to 1, with which an epoll loop that sleeps in the kernel keeps all
// others from running: it is 4, for every target.
func pinned(log string, cpu int, program string, args ...string) *devcluster.Program {
	return devcluster.NewProgram(log, "taskset", append([]string{"-c", strconv.Itoa(cpu), "env", "GOMAXPROCS=4", program}, args...)...)
}

// await asks until a program is ready.
func await(ctx context.Context, p *devcluster.Program, ready func() (string, bool)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		if address, ok := ready(); ok {
			return address, nil
		}
		if !p.Running() {
			return "", fmt.Errorf("the server ended at once: %s", p.Log())
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the server to listen: %w; it says: %s", ctx.Err(), p.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
