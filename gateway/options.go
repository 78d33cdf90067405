package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tuitalk/gateway/limits"
	"tuitalk/gateway/sched"
	"tuitalk/gateway/transport"
	"tuitalk/talk"
)

// Options are what an operator can set, and what the programs around hand in.
type Options struct {
	Node    string    // name of this gateway, shown to people who look for faults
	ID      talk.UUID // of this process, made anew at each start
	Path    string    // of the WebSocket
	Site    http.Handler
	Log     *slog.Logger
	Metrics prometheus.Registerer

	// Headers are on each answer that is not of Site.
	Headers http.Header

	// Origins are allowed besides the gateway's own: "https://chat.example", and
	// "https://*.chat.example" for each name with one label more. "*" allows every
	// page of the web to connect.
	Origins []string
	// Hosts are the host names, without a port, at which this gateway answers to
	// the pages of that host: "chat.example", "*.chat.example", "*" for any. If it
	// is empty, it answers nearby (loopback and private addresses) only to what
	// the public DNS cannot lead here: addresses, localhost, OwnNames and names
	// of local networks; and to any name far away and behind TrustedProxies.
	Hosts []string
	// OwnNames are those of this machine.
	OwnNames []string
	// ReservedNames are names that nobody may have, besides the service's own.
	ReservedNames []string
	// TrustedProxies are those whose X-Real-IP, X-Forwarded-For and
	// X-Forwarded-Host are believed.
	TrustedProxies []netip.Prefix

	Pollers int  // epoll loops
	Pumps   int  // writing workers
	Lanes   int  // group commits in flight
	Work    Work // that waits for the store or the bus on behalf of connections and rooms

	FrameBytes  int // a client's frame, and a whole message
	RingPackets int // live entries queued for one client
	RingBytes   int
	AnswerBytes int // answers queued for one client, beyond RingBytes
	// MaxQueuedBytes bounds what is held for all clients together: queued frames,
	// unfinished input, and what the kernel has sent and knows not to have arrived.
	// Above it, who holds most is closed first.
	MaxQueuedBytes int
	// SendBuffer and ReceiveBuffer bound what the kernel keeps for a connection:
	// SO_SNDBUF and SO_RCVBUF, which Linux doubles.
	SendBuffer, ReceiveBuffer int
	// MinRate is how many bytes a second a client must take at least while more
	// wait than it could take in SlowAfter.
	MinRate     int
	RecentCount int // entries that a room keeps in memory at most
	// RoomRecentBytes and RecentBytes bound their memory, with their frames, of a room
	// and of all together; each room keeps its newest one in any case.
	RoomRecentBytes, RecentBytes int
	ResumeMax                    int // entries that a resume may ask for; more becomes a Gap
	// QueueBytes bounds the entries that wait for the store, in memory. Of what is free
	// one network may have half.
	QueueBytes int

	HandshakeWait time.Duration // from accept to the first message
	RequestWait   time.Duration // a join, rename or post is answered by then, or its client is asked to come back
	PingAfter     time.Duration // quiet for so long: ping
	PongWait      time.Duration // and then so long without a frame: close
	SlowAfter     time.Duration // who has not taken in it what waited, or MinRate of it, is slow: close; a message that is begun is whole by then
	CloseWait     time.Duration // from goodbye to the hard close
	RoomLinger    time.Duration // an empty room stays subscribed for so long
	Grace         time.Duration // from a broken connection to UserLeft
	LeaseLost     time.Duration // a gateway whose lease stood still for so long is gone
	DrainWait     time.Duration // from SIGTERM until everybody must have moved; longer if they are many; 0: nobody is waited for

	Limits limits.Config

	// Poller carries the bytes of the connections; nil: epoll loops do. A simulation
	// brings its own.
	Poller transport.Poller

	// Degraded are sentences about settings that do not protect what they could.
	Degraded []string

	// Relisten opens the listener again after this node has sent its users
	// away because it alone could not reach the store. nil: it never does.
	Relisten func() (net.Listener, error)
	// LastWords is called when the process is about to end by a panic and has logged
	// it: what of the log is buffered must get out. It may take a moment.
	LastWords func()
	// Failpoint is called between the steps of a drain, with their names, where a
	// test ends the process in it; as "decode" before a connection's message is read;
	// as "handle" when it is handled, with the connection's lock held; as "clock"
	// before each step of the clock; and as "accept", "pump", "sweep", "watcher" and
	// "replay" where these loops are at work.
	Failpoint func(name string)
}

// Work is the capacity of each class of work. They share nothing: no class can
// starve another.
type Work struct {
	Enter   Pool // joins and resumes
	Opening Pool // the opening of rooms, each of which may wait for its part of the bus
	Live    Pool // what members miss, read from the store
	History Pool // older entries
	Site    Pool // the page
}

// Pool is the capacity of one class of work.
type Pool = sched.Capacity

// StoreReaders is how many connections the store must have for reading, so that
// none of the classes waits for another in the store's own pool. One is the
// lease manager's.
func (o *Options) StoreReaders() int {
	return o.Work.Enter.Workers + o.Work.Opening.Workers + o.Work.Live.Workers + o.Work.History.Workers + 1
}

// StoreWriters is the same for writing: the lanes, the lease manager, the watcher
// and the replay of the spool.
func (o *Options) StoreWriters() int { return o.Lanes + 3 }

// Defaults returns options that suit one node of a fleet.
func Defaults() Options {
	return Options{
		Path:    "/ws",
		Node:    "gateway",
		Log:     slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(),
		Site:    http.NotFoundHandler(),
		Pollers: max(1, runtime.NumCPU()/2),
		Pumps:   max(1, runtime.NumCPU()),
		Lanes:   4,

		Work: Work{
			Enter:   Pool{Workers: 3, Queue: 1 << 16, MaxWait: 10 * time.Second},
			Opening: Pool{Workers: 4, Queue: 1 << 14, MaxWait: 10 * time.Second},
			Live:    Pool{Workers: 2, Queue: 1 << 16, MaxWait: 10 * time.Second},
			History: Pool{Workers: 2, Queue: 1 << 12, MaxWait: 5 * time.Second},
			Site:    Pool{Workers: 2, Queue: 1 << 10, MaxWait: 5 * time.Second},
		},

		FrameBytes:  talk.MaxFrameBytes,
		RingPackets: 512,
		RingBytes:   512 << 10,
		AnswerBytes: 1 << 20,

		MaxQueuedBytes: 512 << 20,
		SendBuffer:     128 << 10,
		ReceiveBuffer:  64 << 10,
		MinRate:        2 << 10,

		RecentCount: 256, RoomRecentBytes: 512 << 10, RecentBytes: 64 << 20,
		ResumeMax:  10000,
		QueueBytes: 64 << 20,

		HandshakeWait: 10 * time.Second,
		RequestWait:   15 * time.Second,
		PingAfter:     15 * time.Second,
		PongWait:      10 * time.Second,
		SlowAfter:     30 * time.Second,
		CloseWait:     2 * time.Second,
		RoomLinger:    time.Minute,
		Grace:         30 * time.Second,
		LeaseLost:     5 * time.Second,
		DrainWait:     5 * time.Second,

		Failpoint: func(string) {},
		LastWords: func() {},

		Limits: limits.Default(min(FileLimit(), mostFiles) - spareFiles),
	}
}

// Validate reports the first setting that cannot be, and what to do about it.
func (o *Options) Validate() error {
	for _, check := range []func() error{o.validateParts, o.validateSizes, o.validateTimes, o.Limits.Validate} {
		if err := check(); err != nil {
			return err
		}
	}
	_, err := transport.NewRules(o.rules())
	return err
}

// slowBelow is how many bytes a client must take in SlowAfter.
func (o *Options) slowBelow() transport.Rate {
	return transport.Rate{Bytes: max(1, int(float64(o.MinRate)*o.SlowAfter.Seconds())), Within: o.SlowAfter}
}

func (o *Options) rules() transport.RulesConfig {
	return transport.RulesConfig{Path: o.Path, Origins: o.Origins, Hosts: o.Hosts, OwnNames: o.OwnNames, TrustedProxies: o.TrustedProxies}
}

func (o *Options) validateParts() error {
	switch {
	case o.ID.IsZero():
		return errors.New("no id for this gateway")
	case o.Log == nil || o.Metrics == nil || o.Site == nil || o.Failpoint == nil || o.LastWords == nil:
		return errors.New("the log, the metrics, the site, the failpoint and the last words must be set: begin with Defaults")
	case !strings.HasPrefix(o.Path, "/"):
		return fmt.Errorf("path %q must begin with /", o.Path)
	case o.Pollers < 1 || o.Pumps < 1:
		return errors.New("pollers and pumps must be at least 1")
	case !o.Work.Enter.Valid() || !o.Work.Opening.Valid() || !o.Work.Live.Valid() || !o.Work.History.Valid() || !o.Work.Site.Valid():
		return errors.New("each class of work needs at least 1 worker, a queue of at least 1, and at least 1s to wait")
	case o.Lanes < 1 || o.Lanes > 16:
		return fmt.Errorf("lanes must be 1 to 16, not %d", o.Lanes)
	}
	return nil
}

// MostRingPackets is the most that Options.RingPackets can be; as much again is for answers.
func MostRingPackets() int { return transport.MaxFrames / 2 }

func (o *Options) validateSizes() error {
	switch {
	case o.FrameBytes < talk.MaxTextBytes*2:
		return fmt.Errorf("frames must be allowed %d bytes, not %d", talk.MaxTextBytes*2, o.FrameBytes)
	case o.RingPackets < 1 || o.RingPackets > MostRingPackets():
		return fmt.Errorf("ring packets must be 1 to %d, not %d", MostRingPackets(), o.RingPackets)
	case o.RingBytes < 1 || o.AnswerBytes < minAnswerBytes:
		return fmt.Errorf("the ring must have at least 1 byte, and answers %d, which the list of a full room takes, not %d", minAnswerBytes, o.AnswerBytes)
	case o.MaxQueuedBytes < o.RingBytes+o.AnswerBytes:
		return fmt.Errorf("max queued bytes must be at least %d, what one client may have queued, not %d", o.RingBytes+o.AnswerBytes, o.MaxQueuedBytes)
	case o.SendBuffer < minKernelBuffer || o.ReceiveBuffer < minKernelBuffer:
		return fmt.Errorf("the kernel's buffers of a connection must have at least %d bytes", minKernelBuffer)
	case o.MinRate < 0:
		return fmt.Errorf("the least rate must not be negative, as %d is", o.MinRate)
	case o.QueueBytes < o.Lanes*2*o.FrameBytes:
		return fmt.Errorf("the entries that wait for the store must be allowed %d bytes, not %d", o.Lanes*2*o.FrameBytes, o.QueueBytes)
	case o.RecentCount < 1 || o.RoomRecentBytes < 1 || o.RecentBytes < 1:
		return errors.New("a room must keep at least 1 recent entry, and all rooms some bytes of them")
	case o.ResumeMax < o.RecentCount:
		// who is behind by more than ResumeMax is sent to where the recent entries begin
		return fmt.Errorf("a resume may ask for %d entries, fewer than the %d that a room keeps: who is behind could never join; allow at least as many",
			o.ResumeMax, o.RecentCount)
	}
	return nil
}

func (o *Options) validateTimes() error {
	switch {
	case o.PingAfter <= 0 || o.PongWait <= 0 || o.HandshakeWait <= 0:
		return errors.New("the times until a ping, for its answer and for a handshake must be positive")
	case o.Grace < 0 || o.CloseWait < 0 || o.RoomLinger < 0 || o.DrainWait < 0:
		return errors.New("the grace, the wait for a close, the linger of a room and the time of a drain must not be negative")
	case o.RequestWait < time.Second:
		return fmt.Errorf("a request must have at least 1s, not %v: in an outage of the store a join takes %v", o.RequestWait, joinTimeout)
	case o.SlowAfter < sweepEvery:
		return fmt.Errorf("who is slow is looked at every %v and cannot be known in %v: allow at least as long", sweepEvery, o.SlowAfter)
	case o.LeaseLost <= leaseEvery:
		return fmt.Errorf("a lease is renewed every %v and would be lost in between after %v: allow longer", leaseEvery, o.LeaseLost)
	}
	return nil
}

const (
	// spareFiles are open besides connections.
	spareFiles = 256
	// mostFiles bounds the connections of the default where files have no limit.
	mostFiles = 1 << 20
)

// minAnswerBytes is more than the longest answer in one frame: a Joined that names
// talk.MaxListed members.
const minAnswerBytes = 64 << 10

// minKernelBuffer is the least that a connection works well with.
const minKernelBuffer = 4 << 10

// FilesFor is how many files a gateway has open that has so many connections.
func FilesFor(conns int) int { return conns + spareFiles }

// FileLimit is how many files this process may have open.
func FileLimit() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 1024
	}
	return int(min(l.Cur, math.MaxInt32))
}
