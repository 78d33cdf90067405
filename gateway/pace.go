package gateway

import "time"

// If none of a connection's bytes waits in this process, the kernel is asked once in
// ackEvery sweeps what of them has arrived, which costs more than all else that a sweep
// does; once in ackSeldom if no more than ackBytes may be on their way.
const (
	ackEvery  = 5
	ackSeldom = 4 * ackEvery
	ackBytes  = 4 << 10
)

// pace finds clients that take what is sent to them too slowly, in this process
// and in the kernel's send buffer. At a mark it notes how far the client must have
// come SlowAfter later: to the end of what waited at the mark, or by MinRate of it.
// So nothing waits for longer than its size at MinRate, and SlowAfter; and a client
// that is sent little, or takes all in time, is never slow. It is owned by the
// sweep.
type pace struct {
	arrived int64 // bytes that the client's kernel has, as last seen
	at      int64 // coarse time of the mark, 0: nothing waits
	goal    int64 // what arrived must be
	kernel  int   // bytes in the kernel that had not arrived, as last seen
}

// paceSample is what a sweep has seen of a connection.
type paceSample struct {
	waiting int // bytes in this process
	kernel  int // bytes in the kernel that have not arrived
	slow    bool
}

// samplePace measures a connection in the nth sweep.
func (c *conn) samplePace(now int64, n int) paceSample {
	o, p := &c.out, &c.out.pace
	waiting := o.queuedBytes() + int(o.inflight.Load())
	written := o.taken.Load()
	if waiting == 0 && written == p.arrived {
		p.at, p.kernel = 0, 0
		return paceSample{}
	}
	if waiting == 0 && p.at == 0 && c.at() != stageClosed {
		every := uint64(ackEvery)
		if written-p.arrived <= ackBytes {
			every = ackSeldom
		}
		if (uint64(n)+c.serial)%every != 0 {
			return paceSample{kernel: p.kernel} // just sent, most probably
		}
	}
	p.kernel = c.sock.Unacked()
	p.arrived = written - int64(p.kernel)
	l := paceSample{waiting: waiting, kernel: p.kernel}
	switch opts := &c.srv.opts; {
	case waiting+p.kernel == 0:
		p.at = 0
	case p.at == 0 || p.arrived >= p.goal:
		p.at, p.goal = now, p.arrived+int64(min(waiting+p.kernel, opts.mustTake()))
	default:
		l.slow = time.Duration(now-p.at) > opts.SlowAfter
	}
	return l
}

// mustTake is how many bytes a client takes at least in SlowAfter.
func (o *Options) mustTake() int { return max(1, int(float64(o.MinRate)*o.SlowAfter.Seconds())) }
