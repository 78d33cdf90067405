package coordinator

import (
	"context"
	"fmt"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

// collect puts together what workers tell, in a goroutine of its own.
func (c *Coordinator) collect(ctx context.Context) {
	m := merge{workers: len(c.links)}
	looks := time.NewTicker(time.Second)
	defer looks.Stop()
	var s show
	for {
		select {
		case t := <-c.ticks:
			c.noteLag(t)
			for _, second := range m.add(t.share, &t.Sample) {
				c.addSecond(second)
			}
		case <-looks.C:
			c.opts.Live(c.view(&s))
		case <-ctx.Done():
			for _, second := range m.rest() {
				c.addSecond(second)
			}
			return
		}
	}
}

func (c *Coordinator) noteLag(t workerTick) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind[t.share] = lag{t.Sample.At, t.Clients, t.Messages}
}

func (c *Coordinator) addSecond(s measure.Sample) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seconds = append(c.seconds, s)
	close(c.news)
	c.news = make(chan struct{})
}

// beginPhase begins a phase.
func (c *Coordinator) beginPhase(phase string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = phase
}

// show is what the live view has summed up. It belongs to the collector.
type show struct {
	seen  int // seconds
	whole measure.Hist
	p99s  []time.Duration
}

// view is how the run stands, for people.
func (c *Coordinator) view(s *show) report.View {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := &c.opts.Scenario
	v := report.View{
		Kind: c.opts.Kind, Name: o.Name, Phase: c.phase, Elapsed: c.clock.now().Sub(c.begun),
		Wanted: o.Clients, Asked: c.rate,
	}
	for _, f := range c.faults {
		mark := report.Mark{What: f.What, At: f.At.Sub(c.begun)}
		if !f.Over.IsZero() {
			mark.Over = f.Over.Sub(c.begun)
		}
		v.Faults = append(v.Faults, mark)
	}
	if c.from > 0 && c.opts.During == nil {
		v.Total = time.Unix(c.from, 0).Sub(c.begun) + o.Duration.Std()
	}
	for ; s.seen < len(c.seconds); s.seen++ {
		second := &c.seconds[s.seen]
		if second.Posted > 0 || len(s.p99s) > 0 {
			s.p99s = append(s.p99s, second.Latency.At(99))
		}
		if c.from > 0 && second.At >= c.from {
			s.whole.Add(&second.Latency)
		}
	}
	v.P99s, v.Whole = s.p99s, timesOf(&s.whole)
	if len(c.seconds) > 0 {
		lastSecond(&v, &c.seconds[len(c.seconds)-1])
	}
	v.Warnings = c.warnings()
	return v
}

// checking is the phase in which workers end.
const checking = "checking"

// warnings are what is not as it should be just now. Call with mu held.
func (c *Coordinator) warnings() (all []string) {
	if c.phase == checking {
		return nil
	}
	people, messages := 0, 0
	for i, b := range c.behind {
		people += b.clients
		messages += b.messages
		silent := c.clock.now().Unix() - 1 - b.second
		if b.second > 0 && silent > tardy {
			all = append(all, fmt.Sprintf("%s has said nothing for %d s", c.links[i].name, silent))
		}
	}
	// in an outage of the store nothing is delivered, and all of this will be
	if n := len(c.seconds); n > 0 && messages > 0 && int64(messages) > c.seconds[n-1].Intended {
		all = append(all, fmt.Sprintf("%s messages of or for %s people wait to be stored or shown",
			result.Number(float64(messages)), result.Number(float64(people))))
	}
	return all
}

func lastSecond(v *report.View, s *measure.Sample) {
	v.Open, v.Inside, v.Nodes = s.Open, s.Inside, s.Nodes
	v.Intended, v.Posted, v.Delivered = float64(s.Intended), float64(s.Posted), float64(s.Delivered)
	v.Last = timesOf(&s.Latency)
	v.Self = report.Health{
		Late: s.Late.At(99), Busy: s.Self.Busy, CPU: s.Self.CPU, RSS: s.Self.RSS, Files: s.Self.Files, MaxOpen: s.Self.MaxOpen,
	}
}

func timesOf(h *measure.Hist) report.Times {
	return report.Times{P50: h.At(50), P99: h.At(99), Max: h.Max()}
}
