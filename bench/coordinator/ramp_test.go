package coordinator

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"tuitalk/bench/measure"
	"tuitalk/bench/result"
	"tuitalk/bench/scenario"
)

// server is one of a known knee: it serves one message after the other, each in
// the same time, and everybody has it a little later. Its time is not ours: a
// second is over as soon as somebody waits for it.
type server struct {
	capacity  float64 // messages per second
	drops     float64 // share of the deliveries that never come, above knee
	knee      float64
	generator float64       // posts per second that the generator can make; 0: any
	gives     time.Duration // up after so long
	members   int64

	at      int64 // second
	rate    float64
	due     float64       // of the next post, in seconds
	free    time.Duration // when it has served all
	posting time.Duration // when the generator is free
	come    map[int64]*measure.Sample
	seconds []measure.Sample
	steps   []result.Step
}

func newServer(capacity float64) *server {
	return &server{capacity: capacity, members: 10, at: 1000, come: map[int64]*measure.Sample{}}
}

func (s *server) Now() time.Time            { return time.Unix(s.at, 0) }
func (s *server) Seconds() []measure.Sample { return s.seconds }
func (s *server) roomSizes() roomSizes      { return roomSizes{mean: float64(s.members)} }
func (s *server) addStep(step result.Step)  { s.steps = append(s.steps, step) }

func (s *server) Rate(perSecond float64) error {
	s.rate, s.due = perSecond, float64(s.at)
	return nil
}

func (s *server) Next(_ context.Context, n int) (measure.Sample, error) {
	for len(s.seconds) <= n {
		s.second()
	}
	return s.seconds[n], nil
}

// idle lets time pass until nothing comes any more.
func (s *server) idle(context.Context) error {
	for from := s.at; len(s.come) > 0; s.second() {
		if s.gives > 0 && s.at-from > int64(s.gives/time.Second) {
			return errOverwhelmed
		}
	}
	return nil
}

func (s *server) in(at time.Duration) *measure.Sample {
	second := int64(at / time.Second)
	if s.come[second] == nil {
		s.come[second] = &measure.Sample{At: second}
	}
	return s.come[second]
}

// second goes by.
func (s *server) second() {
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	for s.rate > 0 && s.due < float64(s.at+1) {
		intended := seconds(s.due)
		s.due += 1 / s.rate
		posted := intended
		if s.generator > 0 {
			posted = max(posted, s.posting)
			s.posting = posted + seconds(1/s.generator)
		}
		s.free = max(s.free, posted) + seconds(1/s.capacity)
		shown := s.free + time.Millisecond
		s.in(intended).Intended++
		s.in(posted).Posted++
		s.in(posted).Late.Record(posted-intended, 1)
		s.in(shown).Counts.Stored++
		delivered := s.members
		if s.knee > 0 && s.rate > s.knee && math.Mod(s.due*s.rate, 1/s.drops) < 1 {
			delivered--
		}
		s.in(shown).Delivered += delivered
		s.in(shown).Latency.Record(shown-intended, delivered)
	}
	sample := s.come[s.at]
	if sample == nil {
		sample = &measure.Sample{At: s.at}
	}
	delete(s.come, s.at)
	s.seconds = append(s.seconds, *sample)
	s.at++
}

func kneeOf(steps []result.Step) (knee float64, said string) {
	r := &result.Result{Steps: steps, Bottleneck: limited(steps)}
	if step := r.Knee(); step != nil {
		knee = step.Rate
	}
	return knee, r.KneeSaid()
}

func TestTheKneeOfAServerIsFound(t *testing.T) {
	for _, capacity := range []float64{7, 90, 100, 101, 333, 2500} {
		s := newServer(capacity)
		r := Ramp{From: 100, Factor: 2, Step: 8 * time.Second, Bound: 300 * time.Millisecond, Precision: 0.05}
		if err := r.run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		// above its capacity a server is 300 ms behind after some time only
		if knee, said := kneeOf(s.steps); knee < capacity/1.05 || knee > capacity*1.05 {
			t.Errorf("capacity %v: %s", capacity, said)
		}
	}
}

// TestAServerThatDropsALittleHasItsKneeThere: though it is quick, and what it drops
// is a delivery in two hundred.
func TestAServerThatDropsALittleHasItsKneeThere(t *testing.T) {
	s := newServer(1e6)
	s.knee, s.drops = 400, 0.05
	r := Ramp{From: 100, Factor: 2, Step: 8 * time.Second, Bound: time.Second, Precision: 0.1}
	if err := r.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if knee, said := kneeOf(s.steps); knee < 400/1.1 || knee > 400 {
		t.Errorf("%s", said)
	}
	for _, step := range s.steps {
		if !step.Good && !strings.Contains(step.Why, " messages went out ") {
			t.Errorf("%v did not hold as %s", step.Rate, step.Why)
		}
	}
}

func TestTheKneeOfTheGeneratorIsNotClaimed(t *testing.T) {
	s := newServer(2000)
	s.generator = 500
	r := Ramp{From: 100, Factor: 2, Step: 8 * time.Second, Bound: time.Second, Precision: 0.1}
	if err := r.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if knee, said := kneeOf(s.steps); knee != 0 || !strings.Contains(said, "the generator was the bottleneck at ") {
		t.Errorf("%v: %s", knee, said)
	}
	// nor is it taken for the server's where the server fails first
	s = newServer(300)
	s.generator = 500
	if err := r.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if knee, said := kneeOf(s.steps); knee < 300/1.1 || knee > 300*1.15 {
		t.Errorf("%s", said)
	}
}

func TestAServerThatIsOverwhelmedEndsTheRamp(t *testing.T) {
	s := newServer(100)
	s.gives = 5 * time.Second
	r := Ramp{From: 50, Factor: 8, Step: 8 * time.Second, Bound: time.Second, Precision: 0.1}
	if err := r.run(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if knee, said := kneeOf(s.steps); knee != 50 || len(s.steps) != 2 || !strings.Contains(s.steps[1].Why, "so the ramp ended") {
		t.Errorf("%s: %+v", said, s.steps)
	}
}

func TestARampThatIsInterruptedClaimsNoKnee(t *testing.T) {
	s := newServer(1000)
	stop := errors.New("interrupted")
	r := Ramp{From: 50, Factor: 2, Step: 8 * time.Second, Bound: time.Second, Precision: 0.1}
	tried := 0
	err := r.search(func(rate float64) (bool, error) {
		if tried++; tried == 3 {
			return false, stop
		}
		return r.try(t.Context(), s, rate)
	})
	if knee, said := kneeOf(s.steps); !errors.Is(err, stop) || knee != 0 || said != "the knee was not reached: it is above 100 posts per second" {
		t.Errorf("%v, %v: %s", err, knee, said)
	}
}

func TestASearchEnds(t *testing.T) {
	for _, knee := range []float64{0, 0.2, 1, 7, 99, 100, 101, 150, 1234, 99_999, 4e6, math.Inf(1)} {
		r := Ramp{From: 100, Factor: 2, Precision: 0.05}
		best, least, tries := 0.0, math.Inf(1), 0
		err := r.search(func(rate float64) (bool, error) {
			tries++
			if rate <= knee {
				best = max(best, rate)
				return true, nil
			}
			least = min(least, rate)
			return false, nil
		})
		known := knee >= leastRate && !math.IsInf(knee, 1)
		if err != nil || tries > maxSteps || known && (best < knee/1.05 || best > knee || least > best*1.05 || tries > 30) {
			t.Errorf("knee %v: found %v (not %v) in %d steps, %v", knee, best, least, tries, err)
		}
	}
}

func TestWhatDoesNotHoldIsSaid(t *testing.T) {
	r := Ramp{Bound: 20 * time.Millisecond}
	for says, change := range map[string]func(s *measure.Sample){
		"":                                       func(*measure.Sample) {},
		"the p99 is 30":                          func(s *measure.Sample) { s.Latency.Record(30*time.Millisecond, 100) },
		"100 messages were posted, 99 stored":    func(s *measure.Sample) { s.Counts.Stored = 99 },
		"100 messages were posted, 1 refused":    func(s *measure.Sample) { s.Refused, s.Counts.Stored = 1, 99 },
		"100 messages went out 999 times":        func(s *measure.Sample) { s.Delivered = 999 },
		"101 messages fell due, 100 were posted": func(s *measure.Sample) { s.Intended = 101 },
		"nothing was delivered":                  func(s *measure.Sample) { s.Latency = measure.Hist{} },
		"the generator was the bottleneck":       func(s *measure.Sample) { s.Late.Record(time.Second, 100) },
	} {
		s := &measure.Sample{}
		s.Intended, s.Posted, s.Counts.Stored, s.Delivered = 100, 100, 100, 1000
		s.Latency.Record(10*time.Millisecond, 1000)
		s.Late.Record(time.Millisecond, 100)
		change(s)
		if got := r.judge(s, s.Counts, roomSizes{mean: 10}); !strings.HasPrefix(got, says) || says == "" && got != "" {
			t.Errorf("got %q, want %q", got, says)
		}
	}
}

func TestTheAudienceOfRooms(t *testing.T) {
	of := func(change func(s *scenario.Scenario)) roomSizes {
		s := scenario.Default()
		s.Clients, s.Rooms, s.Hops, s.Returns, s.Slow = 100, 4, 0, 0, 0
		change(&s)
		return (&Coordinator{opts: Options{Scenario: s}, plan: s.Plan()}).roomSizes()
	}
	if got := of(func(*scenario.Scenario) {}); got != (roomSizes{25, 0}) || got.least(1000) != 25_000 {
		t.Errorf("of equal rooms: %+v, at least %v", got, got.least(1000))
	}
	if got := of(func(s *scenario.Scenario) { s.Rooms = 3 }); got.mean < 33 || got.mean > 34 || got.deviation < 0.3 || got.deviation > 0.6 {
		t.Errorf("of rooms of 33, 33 and 34: %+v", got)
	}
	if got := of(func(s *scenario.Scenario) { s.Zipf = 1 }); got.deviation < 5 || got.least(10000) < 0.95*10000*got.mean {
		t.Errorf("of very different rooms: %+v", got)
	}
	if got := of(func(s *scenario.Scenario) { s.Hops = 1 }); got != (roomSizes{}) || got.least(1000) != 0 {
		t.Errorf("of people who walk about: %+v", got)
	}
}
