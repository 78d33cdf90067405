package transport

import "time"

// If none of a connection's bytes waits in this process, the kernel is asked once in
// ackEvery samples what of them has arrived, which costs more than all else that a sample
// does; once in ackSeldom if no more than ackBytes may be on their way.
const (
	ackEvery  = 5
	ackSeldom = 4 * ackEvery
	ackBytes  = 4 << 10
)

// pace finds clients that take what is sent to them too slowly, in this process
// and in the kernel's send buffer. At a mark it notes how far the client must have
// come Rate.Within later: to the end of what waited at the mark, or by Rate.Bytes of it.
// So nothing waits for longer than its size at that rate, and Within; and a client
// that is sent little, or takes all in time, is never slow. It is owned by who samples.
type pace struct {
	arrived int64 // bytes that the client's kernel has, as last seen
	at      int64 // coarse time of the mark, 0: nothing waits
	goal    int64 // what arrived must be
	kernel  int   // bytes in the kernel that had not arrived, as last seen
}

// Rate is how many bytes a client must take within a time, while so many wait.
type Rate struct {
	Bytes  int
	Within time.Duration
}

// PaceSample is what was seen of a connection.
type PaceSample struct {
	Waiting int // bytes in this process
	Kernel  int // bytes in the kernel that have not arrived
	Slow    bool
}

// SamplePace measures a connection for the nth time. now is in nanoseconds. ends: all that
// is queued is wanted to be gone. One goroutine calls it.
func (o *Outbox) SamplePace(sock Socket, now int64, n uint64, ends bool, rate Rate) PaceSample {
	p := &o.pace
	waiting := o.QueuedBytes() + int(o.inflight.Load())
	written := o.taken.Load()
	if waiting == 0 && written == p.arrived {
		p.at, p.kernel = 0, 0
		return PaceSample{}
	}
	if waiting == 0 && p.at == 0 && !ends {
		every := uint64(ackEvery)
		if written-p.arrived <= ackBytes {
			every = ackSeldom
		}
		if n%every != 0 {
			return PaceSample{Kernel: p.kernel} // just sent, most probably
		}
	}
	p.kernel = sock.Unacked()
	p.arrived = written - int64(p.kernel)
	l := PaceSample{Waiting: waiting, Kernel: p.kernel}
	switch {
	case waiting+p.kernel == 0:
		p.at = 0
	case p.at == 0 || p.arrived >= p.goal:
		p.at, p.goal = now, p.arrived+int64(min(waiting+p.kernel, rate.Bytes))
	default:
		l.Slow = time.Duration(now-p.at) > rate.Within
	}
	return l
}

// Held is the memory that is held for the client, the kernel's as last seen. Who samples
// the pace calls it.
func (o *Outbox) Held() int { return o.Cost() + o.pace.kernel }
