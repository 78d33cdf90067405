package historytest_test

import (
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

func TestMemory(t *testing.T) {
	historytest.Run(t, func(*testing.T) historytest.Fixture {
		f := &memory{}
		f.store = historytest.NewMemory(f.clock)
		return f
	})
}

// memory is a store that lives on in a copy when it is closed.
type memory struct {
	store *historytest.Memory
	now   atomic.Pointer[time.Time] // nil: the real time
}

func (f *memory) clock() time.Time {
	if now := f.now.Load(); now != nil {
		return *now
	}
	return time.Now()
}

func (f *memory) SetTime(unix int64) {
	now := time.Unix(unix, 0)
	f.now.Store(&now)
}

func (f *memory) Store(int) history.Store { return f.store }

func (f *memory) Reopen() {
	closed := f.store
	f.store = closed.Snapshot()
	_ = closed.Close() // it cannot fail
}

// TestMemoryGoesBack: a copy is what was, and nothing that is done later shows in it.
func TestMemoryGoesBack(t *testing.T) {
	t.Parallel()
	m := historytest.NewMemory(time.Now)
	post := func(id string) {
		if _, err := m.Append(t.Context(), []talk.Entry{historytest.Post(1, "ada", id, id)}); err != nil {
			t.Fatal(err)
		}
	}
	post("one")
	copied := m.Snapshot()
	post("two")
	if gone := m.Restore(copied); len(gone) != 1 || gone[0].Text != "two" {
		t.Errorf("it does not have any more: %+v", gone)
	}
	post("three")
	if log := m.Log(1); len(log) != 2 || log[1].Text != "three" || log[1].Seq != 2 {
		t.Errorf("after going back: %+v", log)
	}
	m.Restore(copied)
	if log := m.Log(1); len(log) != 1 {
		t.Errorf("the copy has changed: %+v", log)
	}
}
