package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"tuitalk/bench/peers/centrifugal"
	"tuitalk/bench/peers/floor"
	"tuitalk/bench/peers/gorilla"
)

const about = `peers is a chat server to compare TuiTalk with, at any path of its address:

  centrifuge        github.com/centrifugal/centrifuge, its broker in memory
  centrifuge-batching
                    the same, what is for one client collected for 10 ms
  centrifuge-redis  the same with Redis: history, positions, recovery
  gorilla           a goroutine-per-connection server on gorilla/websocket
  floor             a bare epoll loop: the least that any server must spend

When it listens it prints a line "listening on ADDRESS". SIGTERM ends it.
`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// batchDelay is how long centrifuge-batching collects. With 50 ms it did no more
// deliveries per second of the processor than with 10 ms.
const batchDelay = 10 * time.Millisecond

// server is one of the peers.
type server interface {
	Serve(net.Listener) error // until Close
	Close()
}

func run(args []string) error {
	f := flag.NewFlagSet("peers", flag.ExitOnError)
	kind := f.String("kind", "", "which `server`: centrifuge, centrifuge-batching, centrifuge-redis, gorilla or floor")
	listen := f.String("listen", "127.0.0.1:0", "`address` to listen on")
	redis := f.String("redis", "", "`host:port` of Redis, for centrifuge-redis")
	f.Usage = func() {
		fmt.Fprint(f.Output(), about, "\n")
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return err
	}
	s, err := open(*kind, *redis)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return serve(ctx, s, *listen)
}

func open(kind, redis string) (server, error) {
	switch {
	case kind == "centrifuge":
		return centrifugal.New(centrifugal.Options{})
	case kind == "centrifuge-batching":
		return centrifugal.New(centrifugal.Options{Delay: batchDelay})
	case kind == "centrifuge-redis" && redis == "":
		return nil, fmt.Errorf("centrifuge-redis needs -redis host:port")
	case kind == "centrifuge-redis":
		return centrifugal.New(centrifugal.Options{Redis: redis})
	case kind == "gorilla":
		return gorilla.New(), nil
	case kind == "floor":
		return floor.New()
	}
	return nil, fmt.Errorf("-kind %q is none of centrifuge, centrifuge-batching, centrifuge-redis, gorilla, floor", kind)
}

// serve listens, says so, and serves until ctx ends.
func serve(ctx context.Context, s server, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	fmt.Println("listening on", l.Addr())
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
		s.Close()
		return <-served
	}
}
