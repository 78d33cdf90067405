package commit

import (
	"testing"
	"time"
)

func TestPageHalvesAndGrows(t *testing.T) {
	t.Parallel()
	var p batchSizer
	for _, want := range []int{500, 250, 125, 62, 31, 15, 7, 3, 1, 1} {
		n := p.size()
		if n != want {
			t.Fatalf("a batch is %d entries, want %d", n, want)
		}
		p.tooLong(n)
		p.tooLong(n) // by another drain, at the same time
	}
	p.took(1, quickAnswer)
	if n := p.size(); n != 1 {
		t.Errorf("after an answer that was not quick a batch is %d entries", n)
	}
	for range growAfter - 1 {
		p.took(1, 2*quickAnswer)
	}
	if n := p.size(); n != 3 {
		t.Errorf("after %d answers in time a batch is %d entries", growAfter, n)
	}
	for _, want := range []int{7, 15, 31, 62, 125, 250, 500, 500} {
		p.took(p.size(), time.Millisecond)
		p.took(1, 0) // says nothing of a whole batch
		if n := p.size(); n != want {
			t.Fatalf("a batch is %d entries, want %d", n, want)
		}
	}
}
