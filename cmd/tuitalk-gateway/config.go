package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"tuitalk/cmd/setting"
	"tuitalk/fanout/redisbus"
	"tuitalk/gateway"
	"tuitalk/gateway/limits"
	"tuitalk/gateway/transport"
	"tuitalk/history/pgstore"
	"tuitalk/talk"
)

const about = `tuitalk-gateway serves chat over WebSocket at /ws and the browser client at /.

Started without settings it listens on :8080, keeps everything in tuitalk.db in
this folder, and needs nothing else. With a postgres:// store and a redis:// bus it
is one of many gateways behind a load balancer.

SIGTERM and SIGINT stop it gracefully: it stops accepting, asks its users to
move, stores what it has accepted, and ends. A second signal ends it at once.
SIGHUP reads the settings again: -log-level changes at once, and the log names
what else has changed and waits for the next start. It never ends a gateway.`

// config is what the flags say.
type config struct {
	listen, store, bus, admin string
	pprof                     string
	secretFile, node          string
	origins, hosts, proxies   string
	limits                    string
	reserved                  string
	logLevel, logFormat       string
	failpoint, mendRoom       string
	version, checkOnly        bool
	exposed                   bool // a password is on the command line
	budgets                   limits.Config
	perAddressSet             bool                    // -max-conns-per-address was given
	slowMode                  string                  // ROOM=TIME,…
	slowRooms                 map[int32]time.Duration // of slowMode
	historyRate               int
	ringPackets               int
	ringBytes, pollers        int
	maxQueued, minRate        int
	recentBytes, waitingBytes int
	sendBuffer, receiveBuffer int
	pingAfter, grace, drain   time.Duration
	slowAfter                 time.Duration
	storeKind, storePath      string // of store, after check
	level                     slog.LevelVar
	trusted                   []netip.Prefix
	allowed, answersTo        []string
	reservedNames             []string
}

// newConfig declares the settings. What one of them alone can have wrong is refused
// when it is read.
func newConfig() (*config, *setting.Flags) {
	c, d := &config{}, gateway.Defaults()
	host, err := os.Hostname()
	if err != nil {
		host = "gateway"
	}
	f := setting.New("tuitalk-gateway", setting.Prefix)
	f.StringVar(&c.listen, "listen", ":8080", "`address` for users: WebSocket at /ws, the browser client at /", setting.HostPort(":8080"))
	f.StringVar(&c.store, "store", "sqlite:tuitalk.db", "where history is kept: sqlite:FILE, or postgres://… (several hosts: host1,host2). An address with a\npassword belongs into the environment: everybody on the machine can read a command line", checkStore)
	f.StringVar(&c.bus, "bus", "local", "what joins the gateways: local (this one is alone), or redis://host:port,host:port,…,\nby TLS rediss://host:port,…?ca=FILE, where FILE has the authority that signed the servers' certificates", checkBus)
	f.StringVar(&c.admin, "admin", adminExample, "private `address` for /healthz /readyz /metrics; \"none\" for none", checkAdmin)
	f.StringVar(&c.pprof, "pprof", "none", "private `address` for /debug/pprof, as 127.0.0.1:6060: profiles of this process, which cost it time and show what is in\nits memory; \"none\" for none", checkAdmin)
	f.StringVar(&c.secretFile, "secret-file", "", "not needed any more: a `file` of older versions; identities prove themselves, and this is ignored")
	f.StringVar(&c.node, "node", host, "`name` of this gateway in logs and for people who look for faults")
	f.StringVar(&c.origins, "origins", "", "`list` of web origins besides its own whose pages may connect, as https://chat.example or\nhttps://*.chat.example, where the star is one whole label; * allows every page", c.parseOrigins)
	f.StringVar(&c.hosts, "hosts", "", "`list` of host names, without a port, at which the pages of that very host may connect, as\nchat.example or *.chat.example; * for any. Addresses and localhost always may. When it is empty: any name of\nusers who come by a proxy in -trusted-proxies or from public addresses; of users from this machine or a\nprivate network only this machine's name, names without a dot, and those in .local, .lan, .internal, .home.arpa\nand .test, since a stranger could point any other name here (DNS rebinding). Name the public one here where a\nproxy on a private address is not in -trusted-proxies, or an inner network uses that name. The -admin port too\nanswers only to these and to the private ones", c.parseHosts)
	f.StringVar(&c.reserved, "reserved-names", "", "`list` of names that nobody may have, with commas between them, besides the service's own (tuitalk, server,\nsystem, admin, moderator and the like); what looks like one of them is refused too", c.parseReserved)
	f.StringVar(&c.proxies, "trusted-proxies", "", "`list` of addresses or networks of proxies whose X-Real-IP (else X-Forwarded-For) and\nX-Forwarded-Host headers are believed. They must set or remove X-Real-IP themselves, else a user can choose it", c.parseProxies)
	c.addLimits(f, d.Limits)
	f.IntVar(&c.ringPackets, "ring-entries", d.RingPackets, "entries queued at most for one user who reads slowly, before catch-up from the history", setting.AtLeast(1), setting.AtMost(gateway.MostRingPackets()))
	f.IntVar(&c.ringBytes, "ring-bytes", d.RingBytes, "the same in `bytes`", setting.AtLeast(1<<10))
	f.IntVar(&c.maxQueued, "max-queued-bytes", d.MaxQueuedBytes, "`bytes` that may wait for all clients together, here and in the kernel; above it those for whom most waits are\nclosed first. Beside it are -recent-bytes, -waiting-bytes and 9 KiB for each of -max-conns; with them, with garbage and with\nwhat SQLite keeps of its file this process has at most the memory that it names as memory_most at its start (in an outage of PostgreSQL also 2000 entries for each room). The kernel holds at most\ntwice -send-buffer and twice -receive-buffer for a connection", setting.AtLeast(1<<20))
	f.Local("max-queued-bytes", "with all defaults here: at most "+mebibytes(mostMemory(&d, "sqlite"))+" of memory")
	f.IntVar(&c.recentBytes, "recent-bytes", d.RecentBytes, "`bytes` of their newest entries that all rooms keep in memory, for those who come back", setting.AtLeast(1))
	f.IntVar(&c.waitingBytes, "waiting-bytes", d.QueueBytes, "`bytes` of messages that may wait for the store; of what is free of it one address (of IPv6 a /48) may have half", setting.AtLeast(d.Lanes*2*d.FrameBytes))
	f.IntVar(&c.minRate, "min-rate", d.MinRate, "`bytes` a second that a client must take, of the page too, while more wait than that makes in -slow-after; slower ones are closed", setting.NotNegative)
	f.DurationVar(&c.slowAfter, "slow-after", d.SlowAfter, "a client that takes in it neither what waited nor -min-rate is closed, and one that does not end a message", setting.AtLeast(time.Second))
	f.IntVar(&c.sendBuffer, "send-buffer", d.SendBuffer, "`bytes` that the kernel keeps on the way to one client (SO_SNDBUF, which Linux doubles); less makes the page slower on long ways", setting.AtLeast(4096), setting.AtMost(mostSocketBuffer))
	f.IntVar(&c.receiveBuffer, "receive-buffer", d.ReceiveBuffer, "the same on the way from a client (SO_RCVBUF)", setting.AtLeast(4096), setting.AtMost(mostSocketBuffer))
	f.IntVar(&c.pollers, "pollers", d.Pollers, "epoll loops; GOMAXPROCS is raised to twice as many and two, unless it is set", setting.AtLeast(1), setting.AtMost(1024))
	f.DurationVar(&c.pingAfter, "ping-after", d.PingAfter, "a connection that has been quiet for so long is pinged; keep it below half of a proxy's read timeout", setting.AtLeast(time.Second))
	f.DurationVar(&c.grace, "grace", d.Grace, "a user whose connection broke has left after so long", setting.NotNegative)
	f.DurationVar(&c.drain, "drain", d.DrainWait, "on SIGTERM users have so long to move to another gateway, and longer if there are more than 1250 of them: 4 ms for each, at\nmost 1m; 0 for not at all", setting.NotNegative)
	f.StringVar(&c.failpoint, "failpoint", "", "for tests: end this process as by kill -9 at the step of a drain with this `name`")
	f.StringVar(&c.logLevel, "log-level", "info", "debug, info, warn or error", c.parseLevel)
	f.Words("log-level", "debug", "info", "warn", "error")
	f.WordVar(&c.logFormat, "log-format", "text", "text or json", "text", "json")
	f.StringVar(&c.mendRoom, "mend-room", "", "mend the room with this `number` in the -store and end: its entries that are of later than now, as the clock was ahead once, get times between the last good one and now. Set the clock right first; stop the gateway of a SQLite store", checkRoom)
	f.BoolVar(&c.checkOnly, "check", false, "check the settings and what they reach (open files, addresses, store, bus), say what is wrong and what to do\nabout it, and end: with 0, with 78 if a setting is wrong, else with 1. Nothing is changed; a gateway may be running")
	f.BoolVar(&c.version, "version", false, "print the version and end")
	f.Local("node", "")
	f.Local("pollers", "")
	f.Section = 8
	return c, f
}

// mostSocketBuffer is what the kernel takes of it, an int of 32 bits that it doubles.
const mostSocketBuffer = 1 << 30

// check finds what is wrong with several settings together, and splits those that
// have parts.
func (c *config) check() error {
	for _, f := range []func() error{c.checkAddresses, c.checkStores, c.checkFiles, c.checkMemory, c.checkQueues, c.checkLimits} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) checkAddresses() error {
	taken := map[string]string{c.listen: "-listen"}
	for _, l := range []struct {
		flag    string
		address *string
	}{{"-admin", &c.admin}, {"-pprof", &c.pprof}} {
		at := *l.address
		if at == "none" {
			*l.address = ""
			continue
		}
		if _, port, _ := net.SplitHostPort(at); taken[at] != "" && port != "0" {
			return fmt.Errorf("%s and %s are both %s: give %s a port of its own, on a private address", taken[at], l.flag, at, l.flag)
		}
		taken[at] = l.flag
	}
	return nil
}

// adminExample is the default: Prometheus itself has the port 9090.
const adminExample = "127.0.0.1:9190"

func checkAdmin(address string) error {
	if address == "none" {
		return nil
	}
	if err := setting.HostPort(adminExample)(address); err != nil {
		return fmt.Errorf("%w, nor none", err)
	}
	return nil
}

// sqliteScheme begins a store in a file.
const sqliteScheme = "sqlite:"

func checkStore(address string) error {
	switch {
	case address == sqliteScheme:
		return errors.New("sqlite: needs a file, as sqlite:tuitalk.db")
	case strings.HasPrefix(address, sqliteScheme):
		return nil
	case strings.HasPrefix(address, "postgres://"), strings.HasPrefix(address, "postgresql://"):
		return pgstore.CheckAddress(address)
	}
	return fmt.Errorf("%s is neither sqlite:FILE nor postgres://…", schemeOf(address))
}

func checkBus(address string) error {
	switch {
	case address == "local":
		return nil
	case strings.HasPrefix(address, "redis://"), strings.HasPrefix(address, "rediss://"):
		_, err := redisbus.ParseURL(address)
		return err
	}
	return fmt.Errorf("%s is neither local nor redis://… nor rediss://…", schemeOf(address))
}

// checkStores finds out which kind the store is, and whether the bus goes with it.
func (c *config) checkStores() error {
	file, isFile := strings.CutPrefix(c.store, sqliteScheme)
	if !isFile {
		c.storeKind = "postgres"
		return nil
	}
	c.storeKind, c.storePath = "sqlite", file
	if c.bus != "local" {
		return errors.New("-bus " + schemeOf(c.bus) + " joins several gateways, which need a -store that they share: postgres://…")
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

func (c *config) parseOrigins(list string) error {
	c.allowed = fields(list)
	for _, o := range c.allowed {
		if err := transport.CheckOrigin(o); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) parseHosts(list string) error {
	c.answersTo = fields(list)
	for _, h := range c.answersTo {
		if err := transport.CheckHost(h); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) parseProxies(list string) error {
	c.trusted = nil
	for _, p := range fields(list) {
		prefix, err := netip.ParsePrefix(p)
		if a, addrErr := netip.ParseAddr(p); addrErr == nil {
			prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network, as 10.0.0.0/8", p)
		}
		c.trusted = append(c.trusted, prefix)
	}
	return nil
}

// parseReserved splits at commas only: a name may have spaces in it.
func (c *config) parseReserved(list string) error {
	c.reservedNames = nil
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if _, err := talk.CheckName(name); err != nil {
			return fmt.Errorf("%q is no name: %w", name, err)
		}
		c.reservedNames = append(c.reservedNames, name)
	}
	return nil
}

func (c *config) parseLevel(word string) error {
	if err := c.level.UnmarshalText([]byte(word)); err != nil {
		return fmt.Errorf("%q is none of debug, info, warn, error", setting.Shown(word))
	}
	return nil
}

func checkRoom(number string) error {
	if _, err := strconv.ParseInt(number, 10, 32); err != nil {
		return fmt.Errorf("%q is not the number of a room", setting.Shown(number))
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

// leastConns is how many connections a gateway must be able to have without being told
// that it shall do with fewer.
const leastConns = 100

// checkFiles holds the connections against the files that this process may open.
func (c *config) checkFiles() error {
	have, conns := gateway.FileLimit(), c.budgets.MaxConns
	if least := gateway.FilesFor(leastConns); have < least && conns == gateway.Defaults().Limits.MaxConns {
		return fmt.Errorf("this process may have %d files open, and needs at least %d for %d connections and one more for each further one: raise LimitNOFILE of its unit, or ulimit -n in a shell",
			have, least, leastConns)
	}
	if need := gateway.FilesFor(conns); need > have {
		return fmt.Errorf("-max-conns %d needs %d open files, and this process may have %d: raise LimitNOFILE of its unit, or ulimit -n in a shell, to %d, or lower -max-conns to %d",
			conns, need, have, need, max(1, have-need+conns))
	}
	return nil
}

// checkMemory refuses what can never be held: more than the machine has, where it was
// asked for.
func (c *config) checkMemory() error {
	d, has := gateway.Defaults(), machineMemory()
	for _, size := range []struct {
		flag         string
		value, usual int
	}{
		{"-max-queued-bytes", c.maxQueued, d.MaxQueuedBytes}, {"-recent-bytes", c.recentBytes, d.RecentBytes}, {"-waiting-bytes", c.waitingBytes, d.QueueBytes},
	} {
		if has > 0 && size.value > size.usual && int64(size.value) > has {
			return fmt.Errorf("%s %d is more than the memory of this machine, %d bytes: lower it", size.flag, size.value, has)
		}
	}
	return nil
}

// machineMemory is how many bytes of memory this machine has; 0: nobody knows.
func machineMemory() (bytes int64) {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscanf(string(info), "MemTotal: %d kB", &bytes); err != nil {
		return 0
	}
	return bytes << 10
}

// checkQueues holds what waits for one user against what may wait for all.
func (c *config) checkQueues() error {
	if least := c.ringBytes + gateway.Defaults().AnswerBytes; c.maxQueued < least {
		return fmt.Errorf("-max-queued-bytes must be at least %d, what one user may have queued with this -ring-bytes, not %d: raise it, or lower -ring-bytes", least, c.maxQueued)
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
