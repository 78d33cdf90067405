package pgstore

import (
	"errors"
	"strings"
	"testing"
)

// TestFenceTellsTheWayOut: a server on an earlier timeline is refused, with both numbers
// and what to do if it is the right one; who starts anew takes it.
func TestFenceTellsTheWayOut(t *testing.T) {
	restored := primary{timeline: 2, started: "later"}
	f := &fence{}
	if err := f.admit(primary{timeline: 7, started: "earlier"}, false, false); err != nil {
		t.Fatal(err)
	}
	for _, reads := range []bool{true, false} {
		err := f.admit(restored, false, reads)
		if !errors.Is(err, errOld) {
			t.Fatalf("reads %v: %v", reads, err)
		}
		for _, part := range []string{"timeline 2", "timeline 7", "backup", "restart the gateways"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not tell %q", err, part)
			}
		}
	}
	if err := new(fence).admit(restored, false, false); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}
