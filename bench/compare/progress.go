package compare

import (
	"fmt"
	"time"

	"tuitalk/bench/report"
	"tuitalk/bench/result"
)

func (t *comparer) show(doing string) {
	if t.Show == nil {
		return
	}
	t.Show(report.CompareView{
		Trial: t.now + 1, Trials: len(t.trials), What: t.name(t.trials[t.now]), Doing: doing,
		Elapsed: time.Since(t.began), Left: t.left(),
	})
}

func (t *comparer) name(v trial) string {
	return fmt.Sprintf("%s, %s, run %d of %d", t.Targets[v.target].Name, t.loadName(v.load), v.repeat+1, t.repeats(v.target))
}

func (t *comparer) loadName(load int) string {
	if load == idle {
		return result.Number(float64(t.Idle)) + " idle"
	}
	return t.Loads[load].Name
}

// What a trial takes beside its rates, roughly.
const (
	startTakes   = 1500 * time.Millisecond // with stopping
	connectTakes = 250 * time.Microsecond  // each
)

// takes estimates how long trials take.
func (t *comparer) takes(trials []trial) (sum time.Duration) {
	for _, v := range trials {
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

// left estimates what is to come, corrected by how long the first trials took.
func (t *comparer) left() time.Duration {
	pace := 1.0
	if t.now > 0 {
		pace = float64(t.came.Sub(t.began)) / float64(t.takes(t.trials[:t.now]))
	}
	this, later := t.takes(t.trials[t.now:t.now+1]), t.takes(t.trials[t.now+1:])
	return max(time.Duration(pace*float64(this))-time.Since(t.came), 0) + time.Duration(pace*float64(later))
}

// told is what a trial found, in a line.
func (t *comparer) told(v trial, f *findings) string {
	line := fmt.Sprintf("%2d/%d  %s: ", t.now+1, len(t.trials), t.name(v))
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
