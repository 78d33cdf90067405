//go:build integration

package redisbus

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

// says tells whether the bus calls something degraded with these words.
func says(b *Bus, words ...string) bool {
	for _, s := range b.Degraded() {
		all := true
		for _, word := range words {
			all = all && strings.Contains(s, word)
		}
		if all {
			return true
		}
	}
	return false
}

func whole(b *Bus) bool { return b.Healthy() && len(b.Degraded()) == 0 }

// everywhere has all nodes do something.
func everywhere(t *testing.T, c *devcluster.RedisCluster, command ...string) {
	t.Helper()
	for i := range c.Addrs() {
		_, err := c.Do(context.Background(), i, command...)
		must(t, err)
	}
}

// asUser makes a user with rights, and options of a bus that is this user.
func asUser(t *testing.T, c *devcluster.RedisCluster, rights ...string) (Options, string) {
	t.Helper()
	o := options(t, c)
	user := "of-" + o.Namespace
	everywhere(t, c, append([]string{"ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all"}, rights...)...)
	t.Cleanup(func() { everywhere(t, c, "ACL", "DELUSER", user) })
	o.Username, o.Password = user, "pw"
	o.TrialInterval = 50 * time.Millisecond
	return o, user
}

// What is kept for an outage is tried before there is one, and named with the
// server's own words.
func TestDegradedNamesWhatWouldFail(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	for name, test := range map[string]struct {
		rights, mend []string
		says         []string
		unhealthy    bool
	}{
		"no scripts":     {[]string{"-@scripting"}, []string{"+@scripting"}, []string{"spool", "NOPERM", "eval"}, false},
		"no WAIT":        {[]string{"-wait"}, []string{"+wait"}, []string{"spool", "NOPERM", "wait"}, false},
		"no streams":     {[]string{"-@stream"}, []string{"+@stream"}, []string{"spool", "user executing the script", "README"}, false},
		"no keys":        {[]string{"resetkeys"}, []string{"~*"}, []string{"spool", "NOPERM"}, false},
		"no channels":    {[]string{"resetchannels"}, []string{"&*"}, []string{"notes", "NOPERM", "channel"}, true},
		"no subscribing": {[]string{"-ssubscribe"}, []string{"+ssubscribe"}, []string{"notes", "NOPERM", "ssubscribe"}, true},
		"no publishing":  {[]string{"-spublish"}, []string{"+spublish"}, []string{"notes", "NOPERM", "spublish"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, user := asUser(t, c, test.rights...)
			o.StartWait = time.Millisecond
			b, err := Open(t.Context(), o, fanouttest.NewRecorder())
			must(t, err)
			defer b.Close()
			await(t, "it to be named", func() bool { return says(b, test.says...) && b.Healthy() == !test.unhealthy })
			if test.says[0] == "spool" {
				await(t, "the spool to work nowhere", func() bool { return spoolFails(b, test.says[1:]...) })
			}
			everywhere(t, c, append([]string{"ACL", "SETUSER", user}, test.mend...)...)
			await(t, "it to work again", func() bool { return whole(b) && b.Working() == nil })
		})
	}
}

// spoolFails tells whether the spool works nowhere, and says so with these words.
func spoolFails(b *Bus, words ...string) bool {
	err := b.Working()
	for _, word := range words {
		if err == nil || !strings.Contains(err.Error(), word) {
			return false
		}
	}
	return err != nil
}

func TestDegradedWithoutMemory(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, _ := asUser(t, c)
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	b := openBus(t, o, fanouttest.NewRecorder())
	await(t, "the bus to be whole", func() bool { return whole(b) })
	master := masterOf(t, c, 0)
	old, err := c.Do(t.Context(), master, "CONFIG", "GET", "maxmemory")
	must(t, err)
	limit := strings.Fields(old)[1]
	set := func(limit string) {
		_, err := c.Do(context.Background(), master, "CONFIG", "SET", "maxmemory", limit)
		must(t, err)
	}
	t.Cleanup(func() { set(limit) })
	set("1")
	await(t, "it to be named", func() bool { return says(b, "spool", c.Addrs()[master], "OOM", "maxmemory") })
	await(t, "the bus to be healthy all the same", b.Healthy)
	if err := b.Working(); err != nil {
		t.Errorf("the spool works at two masters of three: %v", err)
	}
	await(t, "the metric to say it", func() bool { return degradedGauge(t, registry, "spool") == 1 })
	set(limit)
	await(t, "it to work again", func() bool { return whole(b) })
	await(t, "the metric to say so", func() bool { return degradedGauge(t, registry, "spool") == 0 })
}

// A master that may lose what it has accepted is named, and what to do about it.
func TestDegradedWithoutDurability(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, user := asUser(t, c)
	registry := prometheus.NewRegistry()
	o.Registerer = registry
	b := openBus(t, o, fanouttest.NewRecorder())
	await(t, "the bus to be whole", func() bool { return whole(b) })
	master := masterOf(t, c, 0)
	set := func(key, value string) {
		_, err := c.Do(context.Background(), master, "CONFIG", "SET", key, value)
		must(t, err)
	}
	for _, flaw := range []struct{ key, wrong, right string }{
		{"appendfsync", "everysec", "always"},
		{"no-appendfsync-on-rewrite", "yes", "no"},
		{"maxmemory-policy", "allkeys-lru", "noeviction"},
		{"appendonly", "no", "yes"},
	} {
		set(flaw.key, flaw.wrong)
		t.Cleanup(func() { set(flaw.key, flaw.right) })
		await(t, flaw.key+" to be named", func() bool {
			return says(b, c.Addrs()[master], "may lose", flaw.key+" is "+flaw.wrong, "CONFIG SET "+flaw.key+" "+flaw.right)
		})
		await(t, "the metric to say it", func() bool { return degradedGauge(t, registry, "durability") == 1 })
		if !b.Healthy() || b.Working() != nil {
			t.Errorf("%s: it does not work, though it takes what it is given", flaw.key)
		}
		set(flaw.key, flaw.right)
		await(t, "it to be right again", func() bool { return whole(b) })
	}
	await(t, "its file to be written anew", func() bool {
		text, err := c.Do(t.Context(), master, "INFO", "persistence")
		return err == nil && strings.Contains(text, "aof_rewrite_in_progress:0") && strings.Contains(text, "aof_rewrite_scheduled:0")
	})
	everywhere(t, c, "ACL", "SETUSER", user, "-config", "-info")
	await(t, "it to be named that nobody can see it", func() bool {
		return says(b, "maxmemory-policy cannot be seen: NOPERM", "appendfsync cannot be seen: NOPERM", "deploy/README.md")
	})
	everywhere(t, c, "ACL", "SETUSER", user, "+config|get", "+info")
	await(t, "it to be seen again", func() bool { return whole(b) })
}

func degradedGauge(t *testing.T, registry *prometheus.Registry, what string) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "tuitalk_bus_degraded" && m.GetLabel()[0].GetValue() == what {
				return m.GetGauge().GetValue()
			}
		}
	}
	t.Fatal("there is no such metric")
	return 0
}

func TestDegradedWithoutReplica(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, _ := asUser(t, c)
	b := openBus(t, o, fanouttest.NewRecorder())
	master := masterOf(t, c, 0)
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	must(t, c.Stop(replicas[0]))
	await(t, "it to be named", func() bool { return says(b, "no replica", c.Addrs()[master], "cluster-slave") })
	must(t, c.Cont(replicas[0]))
	must(t, c.AwaitWhole(t.Context()))
	await(t, "it to work again", func() bool { return whole(b) })
}

// A trial leaves nothing behind, and finds what a dead gateway left.
func TestTrialsLeaveNothing(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, _ := asUser(t, c)
	b := openBus(t, o, fanouttest.NewRecorder())
	master := masterOf(t, c, 0)
	first := 0
	for i, p := range b.parts { // on which trials run
		if s, _ := p.where(); s != nil && s.addr == c.Addrs()[master] {
			first = i
			break
		}
	}
	keys := b.names[first].trial
	_, err := c.Do(t.Context(), master, "XADD", keys[0], "*", "k", "dead", "e", "x")
	must(t, err)
	await(t, "what was left to go", func() bool {
		n, err := c.Do(t.Context(), master, "XLEN", keys[0])
		must(t, err)
		return n == "0"
	})
	must(t, b.Close())
	for _, key := range keys {
		if n, err := c.Do(t.Context(), master, "EXISTS", key); err != nil || key == keys[1] && n != "0" {
			t.Errorf("%s: %s, %v", key, n, err)
		}
	}
}

// What is forbidden is not tried hundreds of times a second.
func TestForbiddenIsTriedSeldom(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, _ := asUser(t, c, "resetchannels")
	o.StartWait = time.Millisecond
	everywhere(t, c, "CONFIG", "RESETSTAT")
	b, err := Open(t.Context(), o, fanouttest.NewRecorder())
	must(t, err)
	defer b.Close()
	began := time.Now()
	await(t, "it to be named at each master", func() bool { return strings.Count(strings.Join(b.Degraded(), "\n"), "NOPERM") == 3 })
	for time.Since(began) < 3*time.Second { // the rate is what is measured
		time.Sleep(100 * time.Millisecond)
	}
	tried := 0
	for i := range c.Addrs() {
		text, err := c.Do(t.Context(), i, "INFO", "commandstats")
		must(t, err)
		if _, rest, ok := strings.Cut(text, "cmdstat_ssubscribe:"); ok {
			_, rest, _ = strings.Cut(rest, "rejected_calls=")
			n, _ := strconv.Atoi(strings.FieldsFunc(rest, func(r rune) bool { return r < '0' || r > '9' })[0])
			tried += n
		}
	}
	t.Logf("MEASURED %d tries in %v", tried, time.Since(began).Round(time.Second))
	if tried == 0 || tried > 2*partitions {
		t.Errorf("tried %d times", tried)
	}
}

// lines is a log that a test can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// with returns the lines that have all the words.
func (l *lines) with(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s := bufio.NewScanner(bytes.NewReader(l.buf.Bytes())); s.Scan(); {
		all := true
		for _, word := range words {
			all = all && strings.Contains(s.Text(), word)
		}
		if all {
			found = append(found, s.Text())
		}
	}
	return found
}

// When the reason of an outage changes, the new one is logged, and so is the end.
func TestReasonsAreLoggedAsTheyChange(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o, user := asUser(t, c)
	log := &lines{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	b := openBus(t, o, fanouttest.NewRecorder())
	master := masterOf(t, c, 0)
	addr := c.Addrs()[master]
	replicas, err := c.Replicas(t.Context(), master)
	must(t, err)
	began := time.Now()
	for _, i := range append(replicas, master) {
		must(t, c.Kill(i))
	}
	await(t, "refused connections to be logged", func() bool { return len(log.with("no connection", addr, "refused")) > 0 })
	must(t, c.Start(t.Context(), master)) // the user is not in its settings
	await(t, "the new reason to be logged", func() bool { return len(log.with("no connection", addr, "WRONGPASS")) > 0 })
	must(t, c.AwaitWhole(t.Context())) // else a replica takes the master's place as soon as it is there
	for _, i := range replicas {
		must(t, c.Start(t.Context(), i))
	}
	everywhere(t, c, "ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all")
	await(t, "the end to be logged", func() bool { return whole(b) && len(log.with("works again", addr)) > 0 })
	if n, most := len(log.with("no connection", addr)), 1+int(time.Since(began)/logPause); n > most {
		t.Errorf("%d lines of one outage, which may have one in %v: %d", n, logPause, most)
	}
}

// Redis comes back after a long outage, but for the address in -bus.
func TestBackUnderOtherAddresses(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := options(t, c)
	replicas, err := c.Replicas(t.Context(), masterOf(t, c, 0))
	must(t, err)
	seed := replicas[0]
	o.Addrs = c.Addrs()[seed : seed+1]
	o.memory = 100 * time.Millisecond
	b := openBus(t, o, fanouttest.NewRecorder())
	for i := range c.Addrs() {
		must(t, c.Kill(i))
	}
	killed := time.Now()
	await(t, "the fault to be noticed", func() bool { return !b.Healthy() })
	await(t, "the outage to be long", func() bool { return time.Since(killed) > 10*o.memory })
	for i := range c.Addrs() {
		if i != seed {
			must(t, c.Start(t.Context(), i))
		}
	}
	await(t, "the bus to be healthy", b.Healthy)
	must(t, c.Start(t.Context(), seed))
}

// frozen listens at an address and says nothing.
func frozen(t *testing.T, addr string) {
	t.Helper()
	serveEach(t, addr, func(conn net.Conn) { t.Cleanup(func() { _ = conn.Close() }) })
}

func TestFrozenFirstAddressOfAName(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	o := options(t, c)
	_, port, _ := net.SplitHostPort(c.Addrs()[0])
	frozen(t, "127.0.0.9:"+port)
	o.Addrs = []string{"redis.example:" + port}
	var mu sync.Mutex
	known := []string{"127.0.0.9"}
	o.lookup = func(_ context.Context, host string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		if host != "redis.example" {
			return nil, fmt.Errorf("asked for %s", host)
		}
		return known, nil
	}
	o.StartWait = time.Millisecond
	b, err := Open(t.Context(), o, fanouttest.NewRecorder())
	must(t, err)
	defer b.Close()
	await(t, "the reason", func() bool { return says(b, "none of -bus answers", "127.0.0.9:"+port, "no answer in time") })
	mu.Lock()
	known = []string{"127.0.0.9", "127.0.0.1"}
	mu.Unlock()
	await(t, "the bus to be healthy", func() bool { return whole(b) })
}

// A bus that is none says what it is, at the start.
func TestOpenNamesWhatIsNoBus(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	lone := startLone(t, "--cluster-enabled", "yes", "--cluster-port", busPort(t))
	web := serveEach(t, "127.0.0.1:0", func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
		_ = conn.Close()
	})
	for name, test := range map[string]struct {
		addr string
		says []string
	}{
		"no slots": {lone, []string{"no slots", "redis-cli --cluster create"}},
		"no Redis": {web, []string{"none of -bus answers", web}},
		"nobody":   {freeAddr(t), []string{"none of -bus answers", "refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, c)
			o.Addrs, o.Password = []string{test.addr}, ""
			for o.StartWait = time.Second; !namedAtTheStart(t, o, test.says); o.StartWait *= 4 {
				if o.StartWait > patience {
					t.Fatal("it is not named")
				}
			}
		})
	}
}

// namedAtTheStart tells whether a bus that is opened is called degraded with these words,
// and logs them, when it has waited for a start that does not come. A busy machine may
// need longer to find out.
func namedAtTheStart(t *testing.T, o Options, words []string) bool {
	t.Helper()
	log := &lines{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	b, err := Open(t.Context(), o, fanouttest.NewRecorder())
	must(t, err)
	defer b.Close()
	t.Logf("after %v: %q", o.StartWait, b.Degraded())
	return says(b, words...) && len(log.with("level=WARN", words[0])) > 0
}

// startRedis starts a server that keeps nothing, and ends it with the test.
func startRedis(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("redis-server", append([]string{"--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir()}, args...)...)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// startLone starts a server that belongs to no cluster.
func startLone(t *testing.T, args ...string) (addr string) {
	t.Helper()
	addr = freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	startRedis(t, append([]string{"--port", port}, args...)...)
	await(t, "the server to listen", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return addr
}

// The rights that the operators' manual names are enough.
func TestDocumentedUserIsEnough(t *testing.T) {
	t.Parallel()
	c := cluster(t)
	manual, err := os.ReadFile("../../deploy/README.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(manual), "ACL SETUSER tuitalk on >PASSWORD ")
	line, _, _ := strings.Cut(rest, "\n")
	o, _ := asUser(t, c, append([]string{"-@all"}, strings.Fields(line)...)...)
	o.Namespace = "tuitalk"
	b := openBus(t, o, fanouttest.NewRecorder())
	await(t, "the bus to be whole", func() bool { return whole(b) })
	must(t, b.Subscribe(t.Context(), 1))
	must(t, b.Unsubscribe(t.Context(), 1))
	results := b.Add(t.Context(), []talk.Entry{{Kind: talk.KindPosted, RoomID: 1, Author: talk.UUID{1}, ID: talk.UUID{2}, Text: "hi"}})
	must(t, results[0])
	part := b.Partition(1)
	found, err := b.Read(t.Context(), part, "", 10)
	must(t, err)
	for _, f := range found {
		must(t, b.Remove(t.Context(), part, f.ID))
	}
	if depths, err := b.Depths(t.Context()); err != nil || depths[part] != 0 {
		t.Errorf("depth %d, %v", depths[part], err)
	}
}
