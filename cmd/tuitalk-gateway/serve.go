package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/cmd/setting"
	"tuitalk/fanout"
	"tuitalk/fanout/redisbus"
	"tuitalk/gateway"
	"tuitalk/history"
	"tuitalk/history/pgstore"
	"tuitalk/history/sqlitestore"
	"tuitalk/talk"
	"tuitalk/web"
)

// leaveRoom sees to it that pollers, of which each keeps its processor of the Go
// scheduler for up to 10 ms while it waits in the kernel, do not keep all of them
// from those who write. On one core that is four times the latency.
func leaveRoom(pollers int) {
	if least := 2*pollers + 2; os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) < least {
		runtime.GOMAXPROCS(least)
	}
}

// warnOfSecrets tells of what earlier versions needed. It does no harm: nothing reads
// it, and what it proved, nobody asks for.
func warnOfSecrets(c *config, log *slog.Logger) {
	if c.secretFile != "" {
		log.Warn("-secret-file is not needed any more and ignored, as identities prove themselves: take it out of the settings and delete the file")
	}
	if c.storeKind != "sqlite" {
		return
	}
	file := c.storePath + ".secret" // made beside the database
	if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() && file != c.secretFile {
		log.Info("this file is of an earlier version and not needed any more, as identities prove themselves: it can be deleted", "file", file)
	}
}

// serve runs the gateway until a signal comes.
func serve(c *config, r *reloader, stdout, stderr *lineWriter) error {
	leaveRoom(c.pollers)
	metrics := newRegistry()
	limiter := newLogLimiter()
	defer limiter.stop()
	log := newLogger(c, stderr, limiter, metrics)
	defer r.run(log)()
	warnOfSecrets(c, log)
	opts := options(c, log, metrics)
	opts.LastWords = func() { stderr.close(flushTimeout) }
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return fmt.Errorf("cannot listen for users: %w", err)
	}
	defer listener.Close()
	admin, err := listenAdmin("-admin", c.admin, log)
	if err != nil {
		return err
	}
	defer admin.close()
	profiles, err := listenAdmin("-pprof", c.pprof, log)
	if err != nil {
		return err
	}
	defer profiles.close()
	refused := make(chan error, 1)
	store, err := openStore(c, &opts, refused)
	if err != nil {
		return err
	}
	err = serveWith(c, opts, store, refused, listener, admin, profiles, metrics, stdout, stderr)
	return errors.Join(err, store.Close())
}

func serveWith(c *config, opts gateway.Options, store history.Store, refused <-chan error, listener net.Listener, admin, profiles adminListener, metrics *prometheus.Registry, stdout, stderr *lineWriter) error {
	server, err := gateway.New(opts, store)
	if err != nil {
		return err
	}
	bus, err := openBus(c, server, opts.Log, metrics)
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := server.Start(listener, bus); err != nil {
		return err
	}
	admin.serve(server.Admin(metrics))
	profiles.serve(server.Profiles())
	stopNotify := notifySystemd(server.Alive)
	defer stopNotify()
	if isTerminal(os.Stdout) {
		greet(stdout, listener.Addr(), c)
	}
	opts.Log.Info("serving", "listen", listener.Addr().String(), "store", schemeOf(c.storeKind), "bus", schemeOf(c.bus),
		"max_conns", opts.Limits.MaxConns, "memory_most", mebibytes(mostMemory(&opts, c.storeKind)), "version", setting.Version())
	if c.exposed {
		opts.Log.Warn("a password on the command line can be read by everybody on this machine; use TUITALK_STORE and TUITALK_BUS")
	}
	if c.limits == "none" {
		opts.Log.Warn("FLOOD CONTROL IS OFF (-limits none), for connections and for messages: use this for load tests only")
	}
	var fatal error
	select {
	case got := <-signals:
		opts.Log.Info("draining", "signal", got.String())
	case fatal = <-refused:
		opts.Log.Error("the store is back, and this program cannot use it: draining", "err", fatal)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	endWithin(server.DrainMost()+closeTimeout, stderr)
	go func() {
		<-signals
		cancel()
		endWithin(secondSignalTimeout, stderr)
	}()
	err = server.Drain(ctx)
	opts.Log.Info("ended")
	return errors.Join(fatal, err, bus.Close())
}

// options turns the settings into those of the gateway.
func options(c *config, log *slog.Logger, metrics prometheus.Registerer) gateway.Options {
	o := gateway.Defaults()
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails, by its documentation
	o.ID = talk.MakeUUID(4, random)
	o.Node, o.Log, o.Metrics, o.Site = c.node, log, metrics, web.Handler()
	o.Headers = web.SecurityHeaders()
	o.Origins, o.Hosts, o.OwnNames, o.TrustedProxies, o.ReservedNames = c.allowed, c.answersTo, c.ownNames(), c.trusted, c.reservedNames
	o.Degraded = c.unprotected()
	o.Limits, o.Pollers = c.budgets, c.pollers
	if c.storeKind == "sqlite" {
		o.Lanes = 1 // it has one writer: several commits would wait for each other
	}
	o.RingPackets, o.RingBytes = c.ringPackets, c.ringBytes
	o.MaxQueuedBytes, o.MinRate, o.SlowAfter = c.maxQueued, c.minRate, c.slowAfter
	o.RecentBytes, o.QueueBytes = c.recentBytes, c.waitingBytes
	o.SendBuffer, o.ReceiveBuffer = c.sendBuffer, c.receiveBuffer
	o.PingAfter, o.Grace, o.DrainWait = c.pingAfter, c.grace, c.drain
	o.Relisten = func() (net.Listener, error) { return net.Listen("tcp", c.listen) }
	if c.failpoint != "" {
		o.Failpoint = func(name string) {
			if name == c.failpoint {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // nothing more happens in this goroutine
			}
		}
	}
	return o
}

// mostMemory is about the most that this process has in memory.
func mostMemory(o *gateway.Options, storeKind string) int64 {
	most := o.MemoryBytes()
	if storeKind == "sqlite" {
		most += sqlitestore.MemoryBytes(o.StoreReaders())
	}
	return most
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }

// storeTimeout is how long the start waits for PostgreSQL; lateStoreTimeout the
// same where a bus lets people talk without it.
const (
	storeTimeout     = 30 * time.Second
	lateStoreTimeout = 5 * time.Second
)

// openStore opens the store. Where there is a bus, PostgreSQL may be away: what is
// wrong with it then comes by refused; nil: it must be there.
func openStore(c *config, o *gateway.Options, refused chan<- error) (history.Store, error) {
	if c.storeKind == "sqlite" {
		return sqlitestore.Open(c.storePath, sqlitestore.Options{Readers: o.StoreReaders()})
	}
	options, timeout := pgstore.Options{Readers: o.StoreReaders(), Writers: o.StoreWriters()}, storeTimeout
	if refused != nil && c.bus != "local" {
		options.Refused, timeout = func(err error) { refused <- err }, lateStoreTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return pgstore.Open(ctx, c.store, options)
}

func openBus(c *config, server *gateway.Server, log *slog.Logger, metrics prometheus.Registerer) (fanout.Bus, error) {
	if c.bus == "local" {
		return fanout.NewHub().Node(server), nil
	}
	o, err := redisbus.ParseURL(c.bus)
	if err != nil {
		return nil, fmt.Errorf("-bus: %w", err)
	}
	o.Logger, o.Registerer = log, metrics
	return redisbus.Open(context.Background(), o, server)
}

// isTerminal tells whether somebody may look: a journal and a file need no banner.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// greet prints where people go.
func greet(w io.Writer, addr net.Addr, c *config) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	at := net.JoinHostPort(host, port)
	fmt.Fprintf(w, "\nTuiTalk is running.\n\n  browser    http://%s/\n  terminal   bin/tuitalk -server ws://%s/ws\n", at, at)
	if c.admin != "" {
		fmt.Fprintf(w, "  operator   http://%s/metrics\n", c.admin)
	}
	fmt.Fprintf(w, "\nCtrl-C stops it.\n\n")
	if !web.Built() {
		fmt.Fprintf(w, "The browser client is not built in: make build\n\n")
	}
}

// adminListener serves operators; the zero value serves nobody.
type adminListener struct {
	l   net.Listener
	srv *http.Server
}

// adminTimeout bounds a request of an operator and its answer, beyond the seconds
// for which a profile is asked; a scraper that takes nothing is cut off.
const adminTimeout = 10 * time.Second

func listenAdmin(flag, addr string, log *slog.Logger) (adminListener, error) {
	if addr == "" {
		return adminListener{}, nil
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return adminListener{}, fmt.Errorf("cannot listen for operators (%s): %w", flag, err)
	}
	return adminListener{l: l, srv: &http.Server{
		ReadTimeout: adminTimeout, WriteTimeout: adminTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}}, nil
}

func (a adminListener) serve(h http.Handler) {
	if a.l == nil {
		return
	}
	a.srv.Handler = h
	go func() { _ = a.srv.Serve(a.l) }() // ends with close
}

func (a adminListener) close() {
	if a.l != nil {
		_ = a.srv.Close()
		_ = a.l.Close()
	}
}
