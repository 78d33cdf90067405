package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"tuitalk/cmd/setting"
	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/talk"
)

const about = `tuitalk-gateway serves chat over WebSocket at /ws and the browser client at /.

Started without settings it listens on :8080, keeps everything in tuitalk.db in
this folder, and needs nothing else. With a postgres:// store and a redis:// bus it
is one of many gateways behind a load balancer.

SIGTERM and SIGINT stop it gracefully: it stops accepting, asks its users to
move, stores what it has accepted, and ends. A second signal ends it at once.`

// config is what the flags say.
type config struct {
	listen, store, bus, admin string
	secretFile, node          string
	origins, hosts, proxies   string
	limits                    string
	reserved                  string
	logLevel, logFormat       string
	failpoint, mendRoom       string
	version                   bool
	exposed                   bool // a password is on the command line
	budgets                   limits.Config
	perAddressSet             bool   // -max-conns-per-address was given
	slowMode                  string // ROOM=TIME,…
	historyRate               int
	ringPackets               int
	ringBytes, pollers        int
	maxQueued, minRate        int
	recentBytes, waitingBytes int
	sendBuffer, receiveBuffer int
	pingAfter, grace, drain   time.Duration
	slowAfter                 time.Duration
	storeKind, storePath      string // of store, after check
	level                     slog.Level
	trusted                   []netip.Prefix
	allowed, answersTo        []string
	reservedNames             []string
}

func newConfig() (*config, *flag.FlagSet) {
	c, d := &config{}, gateway.Defaults()
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	f := flag.NewFlagSet("tuitalk-gateway", flag.ContinueOnError)
	f.StringVar(&c.listen, "listen", ":8080", "`address` for users: WebSocket at /ws, the browser client at /")
	f.StringVar(&c.store, "store", "sqlite:tuitalk.db", "where history is kept: sqlite:FILE, or postgres://… (several hosts: host1,host2). An address with a\npassword belongs into the environment: everybody on the machine can read a command line")
	f.StringVar(&c.bus, "bus", "local", "what joins the gateways: local (this one is alone), or redis://host:port,host:port,…")
	f.StringVar(&c.admin, "admin", "127.0.0.1:9090", "private `address` for /healthz /readyz /metrics /debug/pprof; \"none\" for none")
	f.StringVar(&c.secretFile, "secret-file", "", "not needed any more: a `file` of older versions; identities prove themselves, and this is ignored")
	f.StringVar(&c.node, "node", host, "`name` of this gateway in logs and for people who look for faults")
	f.StringVar(&c.origins, "origins", "", "`list` of web origins besides its own whose pages may connect, as https://chat.example or\nhttps://*.chat.example, where the star is one whole label; * allows every page")
	f.StringVar(&c.hosts, "hosts", "", "`list` of host names, without a port, at which the pages of that very host may connect, as\nchat.example or *.chat.example; * for any. Addresses and localhost always may. When it is empty: any name of\nusers who come by a proxy in -trusted-proxies or from public addresses; of users from this machine or a\nprivate network only this machine's name, names without a dot, and those in .local, .lan, .internal, .home.arpa\nand .test, since a stranger could point any other name here (DNS rebinding). Name the public one here where a\nproxy on a private address is not in -trusted-proxies, or an inner network uses that name. The -admin port too\nanswers only to these and to the private ones")
	f.StringVar(&c.reserved, "reserved-names", "", "`list` of names that nobody may have, with commas between them, besides the service's own (tuitalk, server,\nsystem, admin, moderator and the like); what looks like one of them is refused too")
	f.StringVar(&c.proxies, "trusted-proxies", "", "`list` of addresses or networks of proxies whose X-Real-IP (else X-Forwarded-For) and\nX-Forwarded-Host headers are believed. They must set or remove X-Real-IP themselves, else a user can choose it")
	c.addLimits(f, d.Limits)
	f.IntVar(&c.ringPackets, "ring-entries", d.RingPackets, "entries queued at most for one user who reads slowly, before catch-up from the history")
	f.IntVar(&c.ringBytes, "ring-bytes", d.RingBytes, "the same in `bytes`")
	f.IntVar(&c.maxQueued, "max-queued-bytes", d.MaxQueuedBytes, "`bytes` that may wait for all clients together, here and in the kernel; above it those for whom most waits are\nclosed first. Beside it are -recent-bytes, -waiting-bytes and 9 KiB for each of -max-conns; with them, with garbage and with\nwhat SQLite keeps of its file this process has at most "+mebibytes(mostMemory(&d, "sqlite"))+" of memory by default, and with other settings what it\nsays as memory_most at its start (in an outage of PostgreSQL also 2000 entries for each room). The kernel holds at most\ntwice -send-buffer and twice -receive-buffer for a connection")
	f.IntVar(&c.recentBytes, "recent-bytes", d.RecentBytes, "`bytes` of their newest entries that all rooms keep in memory, for those who come back")
	f.IntVar(&c.waitingBytes, "waiting-bytes", d.QueueBytes, "`bytes` of messages that may wait for the store; of what is free of it one address (of IPv6 a /48) may have half")
	f.IntVar(&c.minRate, "min-rate", d.MinRate, "`bytes` a second that a client must take, of the page too, while more wait than that makes in -slow-after; slower ones are closed")
	f.DurationVar(&c.slowAfter, "slow-after", d.SlowAfter, "a client that takes in it neither what waited nor -min-rate is closed, and one that does not end a message")
	f.IntVar(&c.sendBuffer, "send-buffer", d.SendBuffer, "`bytes` that the kernel keeps on the way to one client (SO_SNDBUF, which Linux doubles); less makes the page slower on long ways")
	f.IntVar(&c.receiveBuffer, "receive-buffer", d.ReceiveBuffer, "the same on the way from a client (SO_RCVBUF)")
	f.IntVar(&c.pollers, "pollers", d.Pollers, "epoll loops; GOMAXPROCS is raised to twice as many and two, unless it is set")
	f.DurationVar(&c.pingAfter, "ping-after", d.PingAfter, "a connection that has been quiet for so long is pinged; keep it below half of a proxy's read timeout")
	f.DurationVar(&c.grace, "grace", d.Grace, "a user whose connection broke has left after so long")
	f.DurationVar(&c.drain, "drain", d.DrainWait, "on SIGTERM users have so long to move to another gateway, and longer if there are more than 1250 of them: 4 ms for each, at\nmost 1m; 0 for not at all")
	f.StringVar(&c.failpoint, "failpoint", "", "for tests: end this process as by kill -9 at the step of a drain with this `name`")
	f.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&c.logFormat, "log-format", "text", "text or json")
	f.StringVar(&c.mendRoom, "mend-room", "", "mend the room with this `number` in the -store and end: its entries that are of later than now, as the clock was ahead once, get times between the last good one and now. Set the clock right first; stop the gateway of a SQLite store")
	f.BoolVar(&c.version, "version", false, "print the version and end")
	return c, f
}

// check finds what is wrong with the settings, and splits those that have parts.
func (c *config) check() error {
	for _, f := range []func() error{c.checkAddresses, c.checkStore, c.checkLists, c.checkReserved, c.checkWords, c.checkNumbers, c.checkLimits} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) checkAddresses() error {
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return fmt.Errorf("-listen %q is not host:port, as :8080", c.listen)
	}
	if c.admin == "none" {
		c.admin = ""
	} else if _, _, err := net.SplitHostPort(c.admin); err != nil {
		return fmt.Errorf("-admin %q is not host:port, as 127.0.0.1:9090", c.admin)
	}
	if _, port, _ := net.SplitHostPort(c.listen); c.admin == c.listen && port != "0" {
		return fmt.Errorf("-listen and -admin are both %s: give -admin a port of its own, on a private address", c.listen)
	}
	return nil
}

func (c *config) checkStore() error {
	switch {
	case strings.HasPrefix(c.store, "sqlite:"):
		c.storeKind, c.storePath = "sqlite", strings.TrimPrefix(c.store, "sqlite:")
		if c.storePath == "" {
			return errors.New("-store sqlite: needs a file, as sqlite:tuitalk.db")
		}
		if c.bus != "local" {
			return errors.New("-bus " + schemeOf(c.bus) + " joins several gateways, which need a -store that they share: postgres://…")
		}
	case strings.HasPrefix(c.store, "postgres://"), strings.HasPrefix(c.store, "postgresql://"):
		c.storeKind = "postgres"
	default:
		return fmt.Errorf("-store %s is neither sqlite:FILE nor postgres://…", schemeOf(c.store))
	}
	if c.bus != "local" && !strings.HasPrefix(c.bus, "redis://") {
		return fmt.Errorf("-bus %s is neither local nor redis://…", schemeOf(c.bus))
	}
	return nil
}

// schemeOf is what may be shown of an address that can hold a password.
func schemeOf(s string) string {
	if scheme, _, ok := strings.Cut(s, "://"); ok && setting.Shown(scheme) == scheme {
		return scheme + "://…"
	}
	return setting.Shown(s)
}

func (c *config) checkLists() error {
	for _, o := range fields(c.origins) {
		if err := gateway.CheckOrigin(o); err != nil {
			return fmt.Errorf("-origins: %w", err)
		}
		c.allowed = append(c.allowed, o)
	}
	for _, h := range fields(c.hosts) {
		if err := gateway.CheckHost(h); err != nil {
			return fmt.Errorf("-hosts: %w", err)
		}
		c.answersTo = append(c.answersTo, h)
	}
	for _, p := range fields(c.proxies) {
		prefix, err := netip.ParsePrefix(p)
		if a, addrErr := netip.ParseAddr(p); addrErr == nil {
			prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("-trusted-proxies: %q is neither an address nor a network, as 10.0.0.0/8", p)
		}
		c.trusted = append(c.trusted, prefix)
	}
	return nil
}

// checkReserved splits at commas only: a name may have spaces in it.
func (c *config) checkReserved() error {
	for name := range strings.SplitSeq(c.reserved, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if _, err := talk.CheckName(name); err != nil {
			return fmt.Errorf("-reserved-names: %q is no name: %w", name, err)
		}
		c.reservedNames = append(c.reservedNames, name)
	}
	return nil
}

// ownNames are the names of this machine, as far as it knows them.
func (c *config) ownNames() (names []string) {
	if host, err := os.Hostname(); err == nil {
		names = append(names, host, host+".local")
	}
	for _, addr := range []string{c.listen, c.admin} {
		if host, _, err := net.SplitHostPort(addr); err == nil && host != "" {
			names = append(names, host)
		}
	}
	return names
}

func fields(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func (c *config) checkWords() error {
	if err := c.level.UnmarshalText([]byte(c.logLevel)); err != nil {
		return fmt.Errorf("-log-level %q is none of debug, info, warn, error", c.logLevel)
	}
	if c.logFormat != "text" && c.logFormat != "json" {
		return fmt.Errorf("-log-format %q is neither text nor json", c.logFormat)
	}
	if c.limits != "default" && c.limits != "none" {
		return fmt.Errorf("-limits %q is neither default nor none", c.limits)
	}
	return nil
}

func (c *config) checkNumbers() error {
	if c.maxQueued < 1<<20 || c.ringBytes < 1<<10 || c.minRate < 0 {
		return errors.New("-max-queued-bytes must be at least 1048576, -ring-bytes at least 1024, -min-rate not negative")
	}
	if least := c.ringBytes + gateway.Defaults().AnswerBytes; c.maxQueued < least {
		return fmt.Errorf("-max-queued-bytes must be at least %d, what one user may have queued with this -ring-bytes, not %d: raise it, or lower -ring-bytes", least, c.maxQueued)
	}
	if c.pollers < 1 || c.ringPackets < 1 {
		return errors.New("-pollers and -ring-entries must be at least 1")
	}
	if c.slowAfter < time.Second {
		return errors.New("-slow-after must be at least 1s")
	}
	if c.sendBuffer < 4096 || c.receiveBuffer < 4096 {
		return errors.New("-send-buffer and -receive-buffer must be at least 4096 bytes")
	}
	if c.drain < 0 || c.grace < 0 || c.pingAfter < time.Second {
		return errors.New("-drain and -grace must not be negative, -ping-after at least 1s")
	}
	return nil
}

// unprotected says what these settings do not protect.
func (c *config) unprotected() []string {
	if c.storeKind == "sqlite" || c.bus != "local" {
		return nil
	}
	return []string{"-store is PostgreSQL and -bus is local: while PostgreSQL does not answer, nothing is accepted, for there is no spool, " +
		"and gateways hear of one another's messages only through PostgreSQL; set -bus to a Redis Cluster"}
}
