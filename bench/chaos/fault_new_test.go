package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/talk"
)

func TestAGatewayThatDoesNotNoticeIsNamed(t *testing.T) {
	before := map[string]float64{"gateway-1": 0, "gateway-2": 3}
	for name, tc := range map[string]struct {
		now    map[string]float64
		silent string
	}{
		"all have":              {map[string]float64{"gateway-1": 1, "gateway-2": 5}, ""},
		"one has not":           {map[string]float64{"gateway-1": 1, "gateway-2": 3}, "gateway-2"},
		"its people have gone":  {map[string]float64{"gateway-1": 1}, ""},
		"one that people found": {map[string]float64{"gateway-1": 1, "gateway-2": 4, "gateway-3": 0}, ""},
	} {
		if got := silentOf(before, tc.now); got != tc.silent {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAClockThatIsRightIsNoFault(t *testing.T) {
	if seen, err := isOff("postgres", -30*time.Millisecond, time.Hour); err == nil {
		t.Error(seen)
	}
	if seen, err := isOff("postgres", -time.Hour, time.Hour); err == nil {
		t.Error(seen)
	}
	if seen, err := isOff("postgres", time.Hour-time.Second, time.Hour); err != nil || !strings.Contains(seen, "postgres is off by 59m59s") {
		t.Error(seen, err)
	}
}

func TestWrongClocksAreAllowedForWhereTheyAre(t *testing.T) {
	for list, want := range map[string]bool{"gateway-kill,postgres-goes-back": false, "gateway-kill,gateway-clock-ahead": true} {
		faults, err := Choose(list)
		if err != nil {
			t.Fatal(err)
		}
		if got := Skew(faults); (got > 0) != want {
			t.Errorf("%s: %v", list, got)
		}
		faults[1].Name += " (seed 3, 1 of 2)"
		if got := Skew(faults[1:]); (got > 0) != want {
			t.Errorf("%s: %v", faults[1].Name, got)
		}
	}
}

// starter is a gateway that starts when it may, or never.
type starter struct{ err error }

func (starter) Name() string { return "gateway-2" }

func (s starter) Start(ctx context.Context) error {
	if s.err != nil {
		<-ctx.Done()
	}
	return s.err
}

func TestAGatewayThatDoesNotStartIsNoEvidence(t *testing.T) {
	if seen, err := startsWithin(t.Context(), starter{errors.New("the store is away")}, time.Millisecond); err == nil || !strings.Contains(err.Error(), "gateway-2 is not ready 1ms after its start: the store is away") {
		t.Error(seen, err)
	}
	if seen, err := startsWithin(t.Context(), starter{}, time.Minute); err != nil || !strings.Contains(seen, "is ready again after") {
		t.Error(seen, err)
	}
}

func isBack(context.Context, *devcluster.Cluster, *rand.Rand) (Mend, string, error) {
	return nothingToMend, "it is back", nil
}

func tookEntries(count int) func(context.Context, *devcluster.Cluster, []int32) ([]talk.Entry, error) {
	return func(_ context.Context, _ *devcluster.Cluster, rooms []int32) ([]talk.Entry, error) {
		return make([]talk.Entry, min(count, len(rooms))), nil
	}
}

// TestWhatAFaultTookIsWrittenDown: and a fault that took nothing did not take hold.
func TestWhatAFaultTookIsWrittenDown(t *testing.T) {
	for count, want := range map[int]string{
		2: "back held: true, it is back, and may have lost 2 entries, over",
		0: "back held: false, nothing that was stored is lost, over",
	} {
		b := &book{}
		p := Schedule{Tell: func(string, ...any) {}, Faults: []Fault{{Name: "back", Break: isBack, Took: tookEntries(count)}}}
		if err := p.follow(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if got := b.lines[len(b.lines)-1]; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if count > 0 && b.lines[0] != "2 entries are gone" {
			t.Errorf("%q", b.lines)
		}
	}
}

func TestEveryFaultIsExplained(t *testing.T) {
	names := map[string]bool{}
	for _, f := range All() {
		if f.About == "" || f.Hold <= 0 || f.Break == nil || names[f.Name] {
			t.Errorf("%+v", f)
		}
		names[f.Name] = true
	}
}
