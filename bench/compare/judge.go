package compare

import (
	"fmt"
	"strings"
	"time"

	"tuitalk/bench/measure"
)

const (
	enough   = 0.95  // of what was asked for must arrive
	growth   = 0.025 // of it may be added to what is under way; more, and that grows
	grain    = 2     // posts that may be under way at the one end and not at the other
	fullLoad = 0.9   // of a processor: then the server can do no more
	foreign  = 0.1   // of a processor: so much may others use before they are to blame
)

// measured is what was seen of one rate.
type measured struct {
	asked   float64        // deliveries per second
	members int            // that get each post
	span    time.Duration  // measured
	cpu     time.Duration  // of the server, in span
	busy    time.Duration  // its processor was, in span, for whomever
	beside  time.Duration  // the generator's processor worked for others, in span
	sample  measure.Sample // of span
	lost    int64          // lines, since the rate was set
}

// outcome is what is to be told of it: values if there are any, else saturated,
// else only why.
type outcome struct {
	perCPU    float64 // deliveries per second of the server's processor; 0: see the others
	p50, p99  float64 // seconds
	saturated float64 // deliveries per second that were reached instead
	why       string
}

func (m *measured) judge() (o outcome) {
	reached := float64(m.sample.Delivered) / m.span.Seconds()
	load := m.cpu.Seconds() / m.span.Seconds()
	all := m.asked * m.span.Seconds()
	grown := all - float64(m.sample.Delivered)
	short := reached < enough*m.asked || grown > max(growth*all, float64(grain*m.members))
	generator := measure.Bottleneck(&m.sample)
	others := (m.busy - m.cpu).Seconds() / m.span.Seconds()
	beside := m.beside.Seconds() / m.span.Seconds()
	switch {
	case short && load > fullLoad:
		o.saturated = reached
		if generator != "" {
			o.why = "the generator was late too"
		}
	case generator != "" && beside > foreign:
		o.why = fmt.Sprintf("disturbed: others used %.0f%% of the generator's processor", 100*beside)
	case generator != "":
		o.why = generator
	case short && others > foreign:
		o.why = fmt.Sprintf("disturbed: others used %.0f%% of the server's processor", 100*others)
	case short:
		o.saturated, o.why = reached, fmt.Sprintf("with the server's processor at %.0f%%", 100*load)
	default:
		o.perCPU = float64(m.sample.Delivered) / m.cpu.Seconds()
		o.p50, o.p99 = m.sample.Latency.At(50).Seconds(), m.sample.Latency.At(99).Seconds()
	}
	if m.lost > 0 {
		o.why = strings.TrimPrefix(fmt.Sprintf("%s, lines lost: %d", o.why, m.lost), ", ")
	}
	return o
}
