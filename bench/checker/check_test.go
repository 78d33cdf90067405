package checker

import (
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
			for seed := range uint64(40) {
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
