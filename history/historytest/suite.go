// Package historytest is the contract of history.Store as a test suite: every
// store must pass Run. It starts goroutines in tests only and waits for them.
package historytest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"tuitalk/history"
	"tuitalk/talk"
)

// Fixture is the stored data of one test, empty at first. Cleaning up is its
// own business (t.Cleanup).
type Fixture interface {
	// Store returns handle i on the data, as gateway i would have it. It opens
	// the handle if need be. A store for one process returns the same for all i.
	Store(i int) history.Store
	// Reopen closes all handles; the next Store opens a new one.
	Reopen()
	// SetTime stops the clock of all handles, also of later ones, at a unix second.
	SetTime(unix int64)
}

// Run runs the whole suite. fixture is called once for each test.
func Run(t *testing.T, fixture func(t *testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*env)
	}{
		{"AppendNumbersFromOne", appendNumbersFromOne},
		{"AppendRepeats", appendRepeats},
		{"AppendLeavesEntriesAlone", appendLeavesEntriesAlone},
		{"AppendRefusesBadEntriesOnly", appendRefusesBadEntriesOnly},
		{"AppendTenThousand", appendTenThousand},
		{"AppendKeepsTextExactly", appendKeepsTextExactly},
		{"AppendTimeNeverRunsBack", appendTimeNeverRunsBack},
		{"ClockThatWasAhead", clockThatWasAhead},
		{"AppendSurvivesReopen", appendSurvivesReopen},
		{"ConcurrentAppenders", concurrentAppenders},
		{"ResendRacesFirstSend", resendRacesFirstSend},
		{"EverythingAtOnce", everythingAtOnce},
		{"ContextThatHasEnded", contextThatHasEnded},
		{"After", readAfter},
		{"Before", readBefore},
		{"SpanBefore", spanBefore},
		{"SpanBeforeDenseSecond", spanBeforeDenseSecond},
		{"HeadsAndRoom", headsAndRoom},
		{"EntryAt", entryAt},
		{"EnterAndLeave", enterAndLeave},
		{"TwoWindows", twoWindows},
		{"TakeOver", takeOver},
		{"StaleEpochs", staleEpochs},
		{"Reregistration", reregistration},
		{"Renaming", renaming},
		{"KeptNames", keptNames},
		{"MoveRepeats", moveRepeats},
		{"MoveRepeatsAfterTheWorldMovedOn", moveRepeatsLate},
		{"MovesOutOfTurn", movesOutOfTurn},
		{"MoveRefusesBadMovesOnly", moveRefusesBadMovesOnly},
		{"QuietRooms", quietRooms},
		{"QuietRoomGetsSmall", quietRoomGetsSmall},
		{"MembersInOrder", membersInOrder},
		{"Leases", leases},
		{"LeasesOfHolders", leasesOfHolders},
		{"Broken", broken},
		{"LeaveIDs", leaveIDs},
		{"BrokenPages", brokenPages},
		{"TwoClaimers", twoClaimers},
		{"Check", check},
		{"Model", model},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // which only ends what would hang
			defer cancel()
			test.run(&env{T: t, Fixture: fixture(t), ctx: ctx})
		})
	}
}

// env is what a test works with.
type env struct {
	*testing.T
	Fixture
	ctx context.Context
	ids int
}

func (e *env) store() history.Store { return e.Store(0) }

// stores returns all handles, for goroutines: opening one may end the test.
func (e *env) stores() []history.Store {
	all := make([]history.Store, handles)
	for i := range all {
		all[i] = e.Store(i)
	}
	return all
}

// UUID makes a UUID from a name, always the same one.
func UUID(name string) talk.UUID {
	return talk.MakeUUID(4, [16]byte(sha256Sum(name)))
}

func sha256Sum(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:16]
}

// Post makes a post; its id is made from id, its name from the author's.
func Post(room int32, author, id, text string) talk.Entry {
	return talk.Entry{Kind: talk.KindPosted, RoomID: room, Author: UUID(author), ID: UUID(id), Name: author, Text: text}
}

// append stores entries and fails the test on any error, also of one entry.
func (e *env) append(s history.Log, entries ...talk.Entry) []history.Result {
	e.Helper()
	results, err := s.Append(e.ctx, entries)
	if err != nil {
		e.Fatalf("append %d entries: %v", len(entries), err)
	}
	if len(results) != len(entries) {
		e.Fatalf("%d results for %d entries", len(results), len(entries))
	}
	for i, r := range results {
		if r.Err != nil {
			e.Fatalf("entry %d of %d: %v", i, len(entries), r.Err)
		}
	}
	return results
}

// log reads all of a room, in pages, and checks what holds for every log.
func (e *env) log(room int32) []talk.Entry {
	e.Helper()
	log, err := ReadLog(e.ctx, e.store(), room)
	if err != nil {
		e.Fatal(err)
	}
	return log
}

// ReadLog reads all of a room in pages and checks that seqs are gapless, time
// never runs back, ids are unique and the room's head is the last entry.
func ReadLog(ctx context.Context, s history.Log, room int32) ([]talk.Entry, error) {
	var log []talk.Entry
	for {
		page, err := s.After(ctx, room, int64(len(log)), 997)
		if err != nil {
			return nil, err
		}
		log = append(log, page...)
		if len(page) < 997 {
			break
		}
	}
	type key struct{ author, id talk.UUID }
	seen := make(map[key]bool)
	for i, entry := range log {
		k := key{entry.Author, entry.ID}
		switch {
		case entry.Seq != int64(i+1):
			return nil, fmt.Errorf("room %d: entry %d has seq %d", room, i+1, entry.Seq)
		case entry.RoomID != room:
			return nil, fmt.Errorf("room %d: entry %d is of room %d", room, i+1, entry.RoomID)
		case i > 0 && entry.UnixTime < log[i-1].UnixTime:
			return nil, fmt.Errorf("room %d: time runs back at entry %d", room, i+1)
		case seen[k]:
			return nil, fmt.Errorf("room %d: entry %d stands there twice", room, i+1)
		}
		seen[k] = true
	}
	return log, checkHead(ctx, s, room, log)
}

func checkHead(ctx context.Context, s history.Log, room int32, log []talk.Entry) error {
	heads, err := s.Heads(ctx, []int32{room})
	if err != nil {
		return err
	}
	r, err := s.Room(ctx, room, 0)
	if err != nil {
		return err
	}
	want := history.Room{HeadSeq: int64(len(log)), Count: r.Count}
	if len(log) > 0 {
		want.HeadID, want.HeadTime = log[len(log)-1].ID, log[len(log)-1].UnixTime
	}
	if len(heads) != 1 || heads[0] != (history.Head{Seq: want.HeadSeq, ID: want.HeadID, UnixTime: want.HeadTime}) {
		return fmt.Errorf("room %d: heads are %v, the log ends at %d", room, heads, want.HeadSeq)
	}
	if r.HeadSeq != want.HeadSeq || r.HeadID != want.HeadID || r.HeadTime != want.HeadTime {
		return fmt.Errorf("room %d: its head is %d %v %d, the log ends with %d %v %d", room,
			r.HeadSeq, r.HeadID, r.HeadTime, want.HeadSeq, want.HeadID, want.HeadTime)
	}
	return nil
}

// rand returns a source whose seed is printed; TUITALK_TEST_SEED sets it.
func (e *env) rand() *rand.Rand {
	e.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("TUITALK_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			e.Fatalf("TUITALK_TEST_SEED: %v", err)
		}
	}
	e.Logf("TUITALK_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// parallel runs f(0) … f(n-1) at the same time and fails with their errors.
func (e *env) parallel(n int, f func(i int) error) {
	e.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		e.Fatal(err)
	}
}
