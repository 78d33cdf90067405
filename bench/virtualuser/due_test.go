package virtualuser

import (
	"testing"
	"time"

	"tuitalk/bench/scenario"
)

// TestWhatIsDueIsPosted: a generator that is late by two seconds when the rate
// changes, and when everybody is hushed, makes all posts that fell due.
func TestWhatIsDueIsPosted(t *testing.T) {
	const late = 2 * time.Second
	for name, end := range map[string]func(s *Group){
		"Hush": func(*Group) {},
		"Rate": func(s *Group) { s.Rate(0) },
		"both": func(s *Group) { s.Rate(1) },
	} {
		f := startFake(t, func(int32) time.Duration { return 0 })
		sc := small(10, 5, scenario.Wire)
		sc.Rate = 1000
		s, err := New(Config{Scenario: sc, Of: 1, Targets: []string{f.url()}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		s.Begin(begun.Add(-late))
		end(s)
		s.StopPosting()
		took := time.Since(begun)
		sample := s.Sample()
		counts := sample.Counts
		least, most := sc.Rate*late.Seconds()-1, sc.Rate*(late+took).Seconds()+1
		if n := float64(counts.Intended); n < least || n > most || counts.Posted != counts.Intended {
			t.Errorf("%s: %+v, where %v to %v were due", name, counts, least, most)
		}
		if most := sample.Late.Max(); most < late-10*time.Millisecond {
			t.Errorf("%s: the latest post was late by %s, not by %s", name, most, late)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
