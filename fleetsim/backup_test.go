package fleetsim

import (
	"slices"
	"testing"
	"time"

	"tuitalk/fanout/fanouttest"
	"tuitalk/history/historytest"
	"tuitalk/talk"
)

// backups are copies of what store and spool had, the oldest first.
type backups struct {
	list     []*backup
	restored bool // the store is being set back to one
}

type backup struct {
	at    time.Time
	store *historytest.Memory
	spool *fanouttest.Spool
}

// backupEvery is between two of them, backupsMost how many there are.
const (
	backupEvery = 300 * time.Millisecond
	backupsMost = 16
)

// take takes a copy if the last one is old enough.
func (b *backups) take(w *world) {
	if n := len(b.list); n > 0 && time.Since(b.list[n-1].at) < backupEvery {
		return
	}
	b.list = append(b.list, &backup{time.Now(), w.store.Snapshot(), w.bus.spool.Snapshot()})
	b.list = b.list[max(0, len(b.list)-backupsMost):]
}

// older is any of them, nil if there is none.
func (b *backups) older(d *dice) *backup {
	if len(b.list) == 0 {
		return nil
	}
	return b.list[d.below(len(b.list))]
}

// newer is one that is about a second old at most: a disk is written to each second.
func (b *backups) newer(d *dice) *backup {
	n := min(len(b.list), int(time.Second/backupEvery))
	if n == 0 {
		return nil
	}
	return b.list[len(b.list)-1-d.below(n)]
}

// era is what rooms had until the store went back.
type era struct {
	logs map[int32][]talk.Entry
	kept map[int32]int // so much of it the store still had then
}

// setBack sets the store back to a copy, and notes what is gone by it. There is no way
// forward again to what came behind that copy.
func (w *world) setBack(to *backup) {
	gone := w.store.setBack(to.store)
	w.recorder.Taken(gone)
	e := era{map[int32][]talk.Entry{}, map[int32]int{}}
	for _, room := range to.store.Rooms() {
		e.logs[room] = to.store.Log(room)
		e.kept[room] = len(e.logs[room])
	}
	for _, g := range gone {
		e.logs[g.RoomID] = append(e.logs[g.RoomID], g)
		if w.calm != nil {
			w.calm.forget(g.ID)
		}
	}
	w.eras = append(w.eras, e)
	w.backups.list = slices.DeleteFunc(w.backups.list, func(b *backup) bool { return b.at.After(to.at) })
	w.story.tell("the store has gone back by %d entries", len(gone))
}

// TestWhoWasThereWhenTheStoreWentBack: a client of the original's form goes on behind
// what both logs have, and is shown nothing else.
func TestWhoWasThereWhenTheStoreWentBack(t *testing.T) {
	t.Parallel()
	say := func(texts string) (all []talk.Entry) {
		for _, text := range texts {
			all = append(all, talk.Entry{Kind: talk.KindPosted, Text: string(text)})
		}
		return all
	}
	eras := []roomEra{{log: say("abcd"), kept: 2}, {log: say("abxy"), kept: 4}}
	for shown, well := range map[string]bool{
		"abcdxy": true, "cdxy": true, "dxy": true, "abcxy": true, "abxy": true, "xy": true, "a": false,
		"abcd": false, "abcdy": false, "abcdxyx": false, "abcdbxy": false, "abxyd": false,
	} {
		s := stay{shown: say(shown)}
		if got := s.judge(eras) == ""; got != well {
			t.Errorf("%s: %v, %s", shown, got, s.judge(eras))
		}
	}
}
