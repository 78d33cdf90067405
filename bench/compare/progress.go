package compare

import (
	"fmt"
	"time"

	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

func (t *tour) show(doing string) {
	if t.Show == nil {
		return
	}
	t.Show(report.Tour{
		Visit: t.now + 1, Visits: len(t.visits), What: t.name(t.visits[t.now]), Doing: doing,
		Elapsed: time.Since(t.began), Left: t.left(),
	})
}

func (t *tour) name(v visit) string {
	return fmt.Sprintf("%s, %s, run %d of %d", t.Targets[v.target].Name, t.loadName(v.load), v.repeat+1, t.repeats(v.target))
}

func (t *tour) loadName(load int) string {
	if load == idle {
		return result.Number(float64(t.Idle)) + " idle"
	}
	return t.Loads[load].Name
}

// What a visit takes beside its rates, roughly.
const (
	startTakes   = 1500 * time.Millisecond // with stopping
	connectTakes = 250 * time.Microsecond  // each
)

// takes estimates how long visits take.
func (t *tour) takes(visits []visit) (sum time.Duration) {
	for _, v := range visits {
		sum += startTakes
		if v.load == idle {
			sum += time.Duration(t.Idle)*connectTakes + t.Rest
			continue
		}
		l := t.Loads[v.load]
		sum += time.Duration(l.clients())*connectTakes + time.Duration(len(l.Deliveries))*(t.WarmUp+t.Measure)
	}
	return sum
}

// left estimates what is to come, corrected by how long the first visits took.
func (t *tour) left() time.Duration {
	pace := 1.0
	if t.now > 0 {
		pace = float64(t.came.Sub(t.began)) / float64(t.takes(t.visits[:t.now]))
	}
	this, later := t.takes(t.visits[t.now:t.now+1]), t.takes(t.visits[t.now+1:])
	return max(time.Duration(pace*float64(this))-time.Since(t.came), 0) + time.Duration(pace*float64(later))
}

// told is what a visit found, in a line.
func (t *tour) told(v visit, f *findings) string {
	line := fmt.Sprintf("%2d/%d  %s: ", t.now+1, len(t.visits), t.name(v))
	switch {
	case f.err != nil:
		return line + f.err.Error()
	case v.load == idle:
		return line + result.Number(f.memory) + " bytes each"
	}
	line += result.Number(f.joins) + " joins/s"
	for i, o := range f.stages {
		line += "; " + thousands(t.Loads[v.load].Deliveries[i]) + "/s: " + o.text()
	}
	return line
}

func (o *outcome) text() string {
	switch {
	case o.saturated > 0:
		return "saturated at " + result.Number(o.saturated)
	case o.perCPU > 0:
		return fmt.Sprintf("%s per CPU-second, p99 %s", result.Number(o.perCPU), result.Time(o.p99))
	}
	return o.why
}
