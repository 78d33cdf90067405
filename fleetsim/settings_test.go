package fleetsim

import (
	"time"

	"tuitalk/gateway"
	"tuitalk/gateway/limits"
)

// settings are what is drawn of a world before it begins.
type settings struct {
	gateways, people, originals, rooms int

	window    int // bytes that a direction of a line holds
	delay     time.Duration
	proxyIdle time.Duration
	spoolCap  int
	keep      int // entries that a client keeps
	history   int // entries that a client loads on joining
	change    func(o *gateway.Options)
}

// drawSettings draws those of a fleet that has little of everything, so that its
// bounds are met.
func drawSettings(d *dice) *settings {
	s := &settings{
		gateways: d.between(2, 4), people: d.between(3, 7), originals: d.between(0, 2), rooms: d.between(1, 3),
		window: pick(d, 4<<10, 16<<10, 128<<10), delay: pick(d, time.Millisecond, 5*time.Millisecond, 40*time.Millisecond),
		proxyIdle: d.duration(4*time.Second, 8*time.Second), spoolCap: pick(d, 20, 1000), keep: pick(d, 0, 0, 40), history: pick(d, 0, 1, 5, 30),
	}
	var work gateway.Work
	for _, p := range []*gateway.Pool{&work.Enter, &work.Opening, &work.Live, &work.History, &work.Site} {
		*p = gateway.Pool{Workers: d.between(1, 3), Queue: pick(d, 2, 64, 1<<12), MaxWait: d.duration(time.Second, 10*time.Second)}
	}
	pumps, lanes, ring, recent := d.between(1, 2), d.between(1, 4), pick(d, 2, 8, 64, 512), pick(d, 1, 3, 16, 256)
	resume, queue, linger := max(recent, pick(d, 5, 50, 10000)), pick(d, 0, 1<<20, 64<<20), pick(d, 0, time.Second, 10*time.Second, time.Minute)
	grace, lost, drain := d.duration(8*time.Second, 30*time.Second), d.duration(4*time.Second, 6*time.Second), pick(d, 0, time.Second, 5*time.Second)
	s.change = func(o *gateway.Options) {
		o.Work = work
		o.Pumps, o.Lanes, o.RingPackets, o.RecentCount = pumps, lanes, ring, recent
		o.ResumeMax, o.QueueBytes, o.RoomLinger = resume, max(queue, 2*lanes*o.FrameBytes), linger
		o.Grace, o.LeaseLost, o.DrainWait = grace, lost, drain
	}
	return s
}

// productionSettings are the ones that a fleet has.
func productionSettings(d *dice) *settings {
	return &settings{
		gateways: 3, people: d.between(3, 7), originals: d.between(0, 2), rooms: d.between(1, 3), window: 128 << 10, delay: 5 * time.Millisecond,
		proxyIdle: 6 * time.Second, spoolCap: 10000, change: func(o *gateway.Options) { o.Limits = limits.Default(o.Limits.MaxConns) },
	}
}

// options are those of a gateway of this world.
func (s *settings) options() gateway.Options {
	o := gateway.Defaults()
	o.Limits = limits.Unlimited(o.Limits.MaxConns)
	o.Pollers, o.PingAfter, o.PongWait = 1, 2*time.Second, 4*time.Second
	s.change(&o)
	return o
}

// grace is for how long somebody may be gone.
func (s *settings) grace() time.Duration {
	o := s.options()
	return o.Grace
}
