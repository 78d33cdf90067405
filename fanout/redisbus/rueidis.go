package redisbus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// conn is this node's connections to one Redis server: one for publishing and
// questions, one with the subscriptions and, from the first use on, one for the
// spool. Nothing outside this file knows the library.
//
// rueidis' own cluster client is not used. It learns of a failover up to a
// second late, believes the first node that answers, and follows redirections
// silently, while a bus has to know when something went astray.
type conn struct {
	client rueidis.Client
	sub    rueidis.DedicatedClient
	gone   <-chan error // one error when the subscriptions are gone; then closed

	closing sync.WaitGroup // connections that were given up before

	mu     sync.Mutex
	spool  rueidis.DedicatedClient // nil until it is needed
	closed bool
}

// hooks are called from the connection's read loop and MUST NOT block.
type hooks struct {
	message      func(channel, message string)
	unsubscribed func(channel string) // also when the server ends a subscription
}

func clientOption(addr string, o *Options) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:         []string{addr},
		ForceSingleClient:   true,
		Username:            o.Username,
		Password:            o.Password,
		ClientName:          "tuitalk",
		TLSConfig:           o.tlsConfig(addr),
		Dialer:              net.Dialer{Timeout: o.DialTimeout, KeepAlive: 400 * time.Millisecond},
		ConnWriteTimeout:    o.CallTimeout,
		DisableCache:        true,
		DisableRetry:        true,
		PipelineMultiplex:   -1, // one connection
		BlockingPipeline:    -1, // however long the pipeline is
		RingScaleEachConn:   8,
		ReadBufferEachConn:  64 << 10,
		WriteBufferEachConn: 64 << 10,
	}
}

// dial connects to a server. It takes at most a few dial timeouts.
func dial(addr string, o *Options, h hooks) (*conn, error) {
	client, err := rueidis.NewClient(clientOption(addr, o))
	if err != nil {
		return nil, err
	}
	sub, _ := client.Dedicate()
	gone := sub.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { h.message(m.Channel, m.Message) },
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if s.Kind == "sunsubscribe" {
				h.unsubscribed(s.Channel)
			}
		},
	})
	return &conn{client: client, sub: sub, gone: gone}, nil
}

// close ends all connections. With a silent server it takes about a second.
func (c *conn) close() {
	c.mu.Lock()
	c.closed = true
	spool := c.spool
	c.mu.Unlock()
	if spool != nil {
		spool.Close()
	}
	c.sub.Close()
	c.client.Close()
	c.closing.Wait()
}

// askNodes asks a server once who is in the cluster.
func askNodes(ctx context.Context, addr string, o *Options) (string, error) {
	client, err := rueidis.NewClient(clientOption(addr, o))
	if err != nil {
		return "", err
	}
	defer client.Close()
	return nodesOf(ctx, client)
}

func (c *conn) nodes(ctx context.Context) (string, error) { return nodesOf(ctx, c.client) }

func nodesOf(ctx context.Context, client rueidis.Client) (string, error) {
	return client.Do(ctx, client.B().ClusterNodes().Build()).ToString()
}

// subscription is one command: to subscribe to channels of one slot, or to end
// their subscriptions.
type subscription struct {
	end      bool
	channels []string
}

// subscribe runs commands on the connection with the subscriptions. An error
// per command says what became of it.
func (c *conn) subscribe(ctx context.Context, commands []subscription) []error {
	built := make(rueidis.Commands, len(commands))
	for i, s := range commands {
		if s.end {
			built[i] = c.sub.B().Sunsubscribe().Channel(s.channels...).Build()
		} else {
			built[i] = c.sub.B().Ssubscribe().Channel(s.channels...).Build()
		}
	}
	return failures(c.sub.DoMulti(ctx, built...))
}

// publish sends messages in order. An error per message says what became of it.
func (c *conn) publish(ctx context.Context, messages []outgoing) []error {
	built := make(rueidis.Commands, len(messages))
	for i := range messages {
		m := &messages[i]
		built[i] = c.client.B().Spublish().Channel(m.channel).Message(rueidis.BinaryString(m.data)).Build()
	}
	return failures(c.client.DoMulti(ctx, built...))
}

func failures(results []rueidis.RedisResult) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		errs[i] = r.Error()
	}
	return errs
}

// evalThenWait runs scripts and waits for one replica to have what they wrote,
// all on one connection and in one go: WAIT on another one waits for nothing.
func (c *conn) evalThenWait(ctx context.Context, scripts []script, wait time.Duration) (answers []answer, replicas int64, err error) {
	spool, err := c.spoolConn()
	if err != nil {
		return nil, 0, err
	}
	built := make(rueidis.Commands, 0, len(scripts)+1)
	for _, s := range scripts {
		built = append(built, s.build(spool.B()))
	}
	built = append(built, spool.B().Wait().Numreplicas(1).Timeout(wait.Milliseconds()).Build())
	results := spool.DoMulti(ctx, built...)
	for i, r := range results {
		if err := r.NonRedisError(); err != nil {
			c.dropSpool(spool)
			return nil, 0, err
		}
		if i < len(scripts) {
			codes, err := r.AsIntSlice()
			answers = append(answers, answer{codes: codes, err: err})
		}
	}
	replicas, err = results[len(results)-1].AsInt64()
	return answers, replicas, err
}

// spoolConn returns the connection for the spool, made on the first use.
func (c *conn) spoolConn() (rueidis.DedicatedClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errNoMaster
	}
	if c.spool == nil {
		c.spool, _ = c.client.Dedicate()
	}
	return c.spool, nil
}

// dropSpool gives up a connection on which something failed: an answer may
// still be on its way.
func (c *conn) dropSpool(broken rueidis.DedicatedClient) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.spool == broken && !c.closed { // else close does it
		c.spool = nil
		c.closing.Go(broken.Close)
	}
}

// script is one run of a Lua script.
type script struct {
	body string
	keys []string
	args []string
}

func (s script) build(b rueidis.Builder) rueidis.Completed {
	return b.Eval().Script(s.body).Numkeys(int64(len(s.keys))).Key(s.keys...).Arg(s.args...).Build()
}

// answer is what a script returned.
type answer struct {
	codes []int64
	err   error
}

// durability asks a server how it keeps what it takes.
func (c *conn) durability(ctx context.Context) (d durability) {
	answers := c.client.DoMulti(ctx,
		c.client.B().Info().Section("persistence", "memory").Build(),
		c.client.B().ConfigGet().Parameter("appendfsync", "no-appendfsync-on-rewrite").Build())
	var text string
	text, d.infoErr = answers[0].ToString()
	d.info = parseInfo(text)
	d.config, d.configErr = answers[1].AsStrMap()
	return d
}

// eval runs one script, without waiting for a replica.
func (c *conn) eval(ctx context.Context, s script) error {
	return c.client.Do(ctx, s.build(c.client.B())).Error()
}

// streamEntry is one entry of a stream.
type streamEntry struct {
	id     string
	fields map[string]string
}

// read returns up to limit entries of a stream behind one, or from its start.
func (c *conn) read(ctx context.Context, stream, after string, limit int) ([]streamEntry, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	command := c.client.B().Xrange().Key(stream).Start(from).End("+").Count(int64(limit)).Build()
	found, err := c.client.Do(ctx, command).AsXRange()
	if err != nil {
		return nil, err
	}
	entries := make([]streamEntry, len(found))
	for i, e := range found {
		entries[i] = streamEntry{id: e.ID, fields: e.FieldValues}
	}
	return entries, nil
}

// lengths returns how many entries each stream has.
func (c *conn) lengths(ctx context.Context, streams []string) ([]int64, []error) {
	built := make(rueidis.Commands, len(streams))
	for i, stream := range streams {
		built[i] = c.client.B().Xlen().Key(stream).Build()
	}
	lengths, errs := make([]int64, len(streams)), make([]error, len(streams))
	for i, r := range c.client.DoMulti(ctx, built...) {
		lengths[i], errs[i] = r.AsInt64()
	}
	return lengths, errs
}

// errorClass is what an error says about the connection and the cluster.
type errorClass int

const (
	fine     errorClass = iota
	broken              // the connection is of no use any more
	astray              // another node serves the slot
	refused             // the server is in no state to do it; later it may be
	full                // the server has no memory left
	hopeless            // the settings are wrong
)

// fatalErrors are how Redis' answers begin that no waiting mends. The
// library takes "ERR " off.
var fatalErrors = []string{
	"WRONGPASS", "NOAUTH", "NOPERM", "AUTH", "This instance has cluster support disabled",
}

func classify(err error) errorClass {
	if err == nil {
		return fine
	}
	redis, ok := rueidis.IsRedisErr(err)
	if !ok {
		return broken
	}
	if _, ok := redis.IsMoved(); ok {
		return astray
	}
	text := redis.Error()
	for _, prefix := range fatalErrors {
		if strings.HasPrefix(text, prefix) {
			return hopeless
		}
	}
	if strings.HasPrefix(text, "OOM") {
		return full
	}
	return refused
}

// explain is what a server said, with what to do about it.
func explain(err error) string {
	said := reasonOf(err)
	for _, r := range remedies {
		if strings.HasPrefix(said, r.prefix) {
			return said + " (" + r.remedy + ")"
		}
	}
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return said + " (name the authority that signed it: rediss://…?ca=/etc/tuitalk/ca.crt)"
	case errors.As(err, &host):
		return said + " (the certificate must be for that address, or for a host in -bus)"
	case errors.As(err, &plain):
		return said + " (that port does not speak TLS: name the tls-port, or use redis://)"
	}
	return said
}

// explain is what people may read of an error: a server that does not know a
// command may repeat all of it, and one has the password.
func (b *Bus) explain(err error) string {
	said := explain(err)
	if b.opts.Password == "" {
		return said
	}
	return strings.ReplaceAll(said, b.opts.Password, "…")
}

var remedies = [...]struct{ prefix, remedy string }{
	{"received unknown message type", "what answers there is not Redis: correct host and port in -bus"},
	{"NOPERM", "deploy/README.md names what the user of -bus must be allowed"},
	{"The user executing the script", "deploy/README.md names what the user of -bus must be allowed"},
	{"NOAUTH", "-bus needs a password: redis://:password@host:port"},
	{"WRONGPASS", "the user or the password in -bus is not the server's"},
	{"This instance has cluster support disabled", "a single server is no bus: set cluster-enabled yes and make a cluster with redis-cli --cluster create"},
	{"OOM", "maxmemory is reached: raise it, or find out what else fills this Redis"},
}

var errNoMaster = errors.New("nobody serves this part of the rooms now")
