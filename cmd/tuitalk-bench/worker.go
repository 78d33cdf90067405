package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"tuitalk/bench/coordinator"
	"tuitalk/cmd/setting"
)

// workerPort is where workers listen unless told otherwise.
const workerPort = 9800

var work = &command{
	name: "worker",
	line: "hold a share of the clients, for a coordinator on another machine",
	about: `tuitalk-bench worker waits for coordinators and holds the clients that they want.
Start one on each machine that is to make load, and name them all to the command
that does the run:

    export TUITALK_BENCH_KEY=secret                      on all three machines
    tuitalk-bench worker -listen :9800                   on 10.0.0.7 and 10.0.0.8
    tuitalk-bench load -workers 10.0.0.7:9800,10.0.0.8:9800 -clients 30000 \
        -target wss://chat.example/ws

It serves one coordinator at a time, and holds as many connections as files may
be open (ulimit -Hn). It makes load against whatever the coordinator names, so it
wants a key unless it listens on loopback only. What goes between the two is not
encrypted. Certificates of wss:// targets are good if the worker's own machine
trusts them, or the coordinator's -ca.`,
	open: openWorker,
}

// post is what the flags of worker say.
type post struct {
	listen, key string
	once        bool
}

func openWorker(self *command) (*form, func(*call) error, error) {
	f, p := newForm(self), &post{}
	f.StringVar(&p.listen, "listen", fmt.Sprintf("127.0.0.1:%d", workerPort), "`address` for coordinators; with port 0 a free one is taken and printed", setting.HostPort(fmt.Sprintf("127.0.0.1:%d", workerPort)))
	f.StringVar(&p.key, "key", "", "that coordinators must know; better set as "+coordinator.KeyVariable+", as others can see a command line")
	f.BoolVar(&p.once, "once", false, "end with the first coordinator, and when the standard input ends")
	f.group("Settings", "listen", "key", "once")
	return f, p.serve, nil
}

func (p *post) serve(c *call) error {
	if host, _, err := net.SplitHostPort(p.listen); err != nil || p.key == "" && !loopback(host) {
		return usage{fmt.Errorf("-listen %s is open to others, so coordinators need a -key (%s)", p.listen, coordinator.KeyVariable)}
	}
	ctx, stop := interruptible()
	defer stop()
	l, err := net.Listen("tcp", p.listen)
	if err != nil {
		return fmt.Errorf("listen for coordinators: %w", err)
	}
	fmt.Fprintln(c.stdout, coordinator.Listening+l.Addr().String())
	w := coordinator.Worker{Key: p.key, Once: p.once, Logf: func(format string, args ...any) {
		fmt.Fprintf(c.stderr, format+"\n", args...)
	}}
	if p.once {
		return serveOnce(ctx, w, l)
	}
	return w.Serve(ctx, l)
}

// serveOnce serves a coordinator that has started this process: its end ends the
// standard input. The goroutine that reads it ends with the process.
func serveOnce(ctx context.Context, w coordinator.Worker, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends, it has ended
		cancel()
	}()
	err := w.Serve(ctx, l)
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
