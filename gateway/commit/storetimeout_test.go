package commit

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStorePatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p storeTimeout
		want := func(d time.Duration) {
			t.Helper()
			if got := p.now(); got != d {
				t.Errorf("after %v: %v, want %v", time.Since(p.changed), got, d)
			}
		}
		want(appendPatience)
		p.late(appendPatience)
		want(2 * appendPatience)
		p.late(appendPatience) // it began before that lesson
		want(2 * appendPatience)
		for range 5 {
			p.late(p.now())
		}
		want(lastEntryTimeout)
		time.Sleep(calmAfter - time.Millisecond)
		want(lastEntryTimeout)
		time.Sleep(time.Millisecond)
		want(lastEntryTimeout / 2)
		time.Sleep(10 * calmAfter)
		want(appendPatience)
	})
}
