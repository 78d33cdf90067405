package checker

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// lenient lets people be silent during a fault: those of the model are few.
var lenient = Options{Silence: time.Hour}

// decoded is a model's history as a checker gets it.
func decoded(t testing.TB, data []byte) *Recording {
	t.Helper()
	rec, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestHonestHistoriesPass(t *testing.T) {
	for _, sh := range shapes {
		t.Run(sh.name, func(t *testing.T) {
			for seed := range uint64(12) {
				report := Check(lenient, decoded(t, history(seed, sh)))
				if err := report.Err(); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, report)
				}
				if report.Entries == 0 || report.Shown == 0 || report.Sent == 0 {
					t.Fatalf("seed %d: nothing happened: %+v", seed, report)
				}
			}
		})
	}
}

// split gives every other client to a recording of its own.
func split(rec *Recording) (a, b *Recording) {
	a, b = &Recording{Clients: rec.Clients, Entries: rec.Entries, Faults: rec.Faults}, &Recording{Clients: rec.Clients, Entries: rec.Entries}
	for _, e := range rec.Events {
		if e.Client >= 0 && e.Client%2 == 1 {
			b.Events = append(b.Events, e)
		} else {
			a.Events = append(a.Events, e)
		}
	}
	return a, b
}

func TestSeveralRecordingsAreOneHistory(t *testing.T) {
	for seed := range uint64(6) {
		rec := decoded(t, history(seed, shapes[len(shapes)-1]))
		whole := Check(lenient, rec)
		a, b := split(rec)
		for _, parts := range [][]*Recording{{a, b}, {b, a}} {
			report := Check(lenient, parts...)
			if report.Err() != nil {
				t.Fatalf("seed %d: %s", seed, report)
			}
			if report.Shown != whole.Shown || report.Sent != whole.Sent || report.Entries != whole.Entries || report.Events != whole.Events {
				t.Errorf("seed %d: %+v, %+v", seed, report, whole)
			}
		}
		for i := range b.Events {
			if b.Events[i].Verb == Shown {
				b.Events = append(b.Events[:i+1], b.Events[i:]...) // a second time
				break
			}
		}
		if report := Check(lenient, a, b); report.Counts[Duplicate] != 1 || len(report.Counts) != 1 {
			t.Errorf("seed %d: %s", seed, report)
		}
	}
}

// TestStoriesCountFromTheFirstEvent: a coordinator's recording comes first, and
// begins when the store is read.
func TestStoriesCountFromTheFirstEvent(t *testing.T) {
	rec := decoded(t, history(1, shapes[0]))
	coordinator, worker := *rec, *rec
	coordinator.Events, worker.Events = nil, nil
	for _, e := range rec.Events {
		if e.Client < 0 {
			coordinator.Events = append(coordinator.Events, e)
		} else {
			worker.Events = append(worker.Events, e)
		}
	}
	i := slices.IndexFunc(worker.Events, func(e Event) bool { return e.Verb == Shown })
	worker.Events = slices.Insert(worker.Events, i, worker.Events[i])
	violations := Check(lenient, &coordinator, &worker).Violations
	if len(violations) != 1 || len(violations[0].Story) == 0 {
		t.Fatalf("%+v", violations)
	}
	for _, line := range violations[0].Story {
		if !strings.HasPrefix(strings.TrimSpace(line), "+") {
			t.Errorf("before the first event: %s", line)
		}
	}
}
