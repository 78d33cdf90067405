package historytest

import (
	"fmt"
	"math"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

func leases(e *env) {
	beats := func() map[talk.UUID]int64 {
		e.Helper()
		all, err := e.store().Leases(e.ctx)
		if err != nil {
			e.Fatal(err)
		}
		m := make(map[talk.UUID]int64)
		for _, l := range all {
			m[l.Gateway] = l.Beat
		}
		if len(m) != len(all) {
			e.Errorf("a gateway has two leases: %v", all)
		}
		return m
	}
	renew := func(g string) {
		e.Helper()
		if err := e.store().Renew(e.ctx, UUID(g)); err != nil {
			e.Fatal(err)
		}
	}
	if b := beats(); len(b) != 0 {
		e.Errorf("leases of nobody: %v", b)
	}
	renew("a")
	renew("b")
	before := beats()
	renew("a")
	after := beats()
	if len(after) != 2 || after[UUID("a")] <= before[UUID("a")] || after[UUID("b")] != before[UUID("b")] {
		e.Errorf("beats %v, then %v", before, after)
	}
	if err := e.store().Retire(e.ctx, UUID("a")); err != nil {
		e.Fatal(err)
	}
	if b := beats(); len(b) != 1 {
		e.Errorf("after the retirement: %v", b)
	}
	e.Reopen()
	renew("a") // it was not dead after all: its beat has grown for those who remember
	if b := beats(); b[UUID("a")] <= after[UUID("a")] {
		e.Errorf("back with beat %d after %d", b[UUID("a")], after[UUID("a")])
	}
	if err := e.store().Retire(e.ctx, UUID("unknown")); err != nil {
		e.Errorf("retire an unknown gateway: %v", err)
	}
}

// leasesOfHolders: a gateway that has sessions is known, whether it has a lease or not.
func leasesOfHolders(e *env) {
	known := func() map[talk.UUID]int64 {
		e.Helper()
		all, err := e.store().Leases(e.ctx)
		if err != nil {
			e.Fatal(err)
		}
		m := make(map[talk.UUID]int64)
		for _, l := range all {
			if _, twice := m[l.Gateway]; twice {
				e.Errorf("a gateway is listed twice: %v", all)
			}
			m[l.Gateway] = l.Beat
		}
		return m
	}
	want := func(when string, holders int, leased ...string) {
		e.Helper()
		m := known()
		if len(m) != holders+len(leased) {
			e.Errorf("%s: %v are known, want %d without a lease and %d with one", when, m, holders, len(leased))
		}
		for _, g := range leased {
			if m[UUID(g)] <= 0 {
				e.Errorf("%s: %s has beat %d", when, g, m[UUID(g)])
			}
		}
	}
	epochs := map[int]int64{}
	for i := range 3 { // gateways that die before their first lease is written
		epochs[i] = e.enter(i, key(1, "ada", fmt.Sprint("w", i)), "ada").Epoch
		e.enter(i, key(2, "bob", fmt.Sprint("w", i)), "bob")
	}
	want("before the first lease", 3)
	if err := e.store().Renew(e.ctx, UUID("gateway1")); err != nil {
		e.Fatal(err)
	}
	want("with one lease", 2, "gateway1")
	for _, g := range []string{"gateway0", "gateway1"} {
		if err := e.Store(2).Retire(e.ctx, UUID(g)); err != nil {
			e.Fatal(err)
		}
	}
	want("when two are retired", 1)
	e.wantBroken(key(1, "ada", "w0"), key(2, "bob", "w0"), key(1, "ada", "w1"), key(2, "bob", "w1"))
	e.enter(1, key(3, "eve", "w"), "eve") // a Move that was under way during the retirement
	want("when one enters after its retirement", 2)
	e.Reopen()
	if err := e.store().Retire(e.ctx, UUID("gateway1")); err != nil {
		e.Fatal(err)
	}
	e.move(2, history.Move{Action: history.Break, Key: key(1, "ada", "w2"), Epoch: epochs[2]})
	want("when one session is left", 1)
	e.leave(key(1, "ada", "w2"), epochs[2])
	if err := e.store().Retire(e.ctx, UUID("gateway2")); err != nil {
		e.Fatal(err)
	}
	want("in the end", 0)
}

// broken reads all broken sessions in pages.
func (e *env) broken(limit int) []history.Session {
	e.Helper()
	var all []history.Session
	var behind history.SessionKey
	for {
		page, err := e.store().Broken(e.ctx, behind, limit)
		if err != nil {
			e.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		behind = page[len(page)-1].SessionKey
	}
}

func (e *env) wantBroken(want ...history.SessionKey) {
	e.Helper()
	got := make(map[history.SessionKey]bool)
	for _, b := range e.broken(100) {
		got[b.SessionKey] = true
	}
	if len(got) != len(want) {
		e.Errorf("%d sessions are broken, want %d", len(got), len(want))
	}
	for _, k := range want {
		if !got[k] {
			e.Errorf("%+v is not broken", k)
		}
	}
}

func broken(e *env) {
	a, b, c := key(1, "ada", "w"), key(2, "bob", "w"), key(1, "carl", "w")
	e.enter(0, a, "ada")
	bob := e.enter(0, b, "bob")
	e.enter(1, c, "carl")
	e.wantBroken()
	e.move(0, history.Move{Action: history.Break, Key: b, Epoch: bob.Epoch})
	e.wantBroken(b)
	want := history.Session{SessionKey: b, Gateway: UUID("gateway0"), Epoch: bob.Epoch}
	if got := withoutLeaveIDs(e.broken(100)); got[0] != want {
		e.Errorf("broken: %+v", got)
	}
	if err := e.Store(1).Retire(e.ctx, UUID("gateway0")); err != nil {
		e.Fatal(err)
	}
	e.wantBroken(a, b)
	e.enter(1, a, "ada")
	e.wantBroken(b)
	e.Reopen()
	e.wantBroken(b)
	e.leave(b, bob.Epoch)
	e.wantBroken()
	e.want(2, "", "+bob -bob")
	e.want(1, "ada carl", "+ada +carl") // nothing of all this was told
	if got, err := e.store().Broken(e.ctx, history.SessionKey{}, 0); err != nil || len(got) != 0 {
		e.Errorf("none asked for: %v, %v", got, err)
	}
}

// withoutLeaveIDs is for comparisons: they are random.
func withoutLeaveIDs(all []history.Session) []history.Session {
	all = slices.Clone(all)
	for i := range all {
		all[i].LeaveID = talk.UUID{}
	}
	return all
}

// leaveIDs: every session has one of its own, that stays over what happens to it
// and is the same for all who ask, and the next session of the same name has
// another.
func leaveIDs(e *env) {
	seen := make(map[talk.UUID]string)
	note := func(what string, id talk.UUID) {
		e.Helper()
		if known, ok := seen[id]; ok || id.IsZero() {
			e.Errorf("%s: %v is that of %s", what, id, known)
		}
		seen[id] = what
	}
	idOf := func(handle int, k history.SessionKey) talk.UUID {
		e.Helper()
		all, err := e.Store(handle).Broken(e.ctx, history.SessionKey{}, 100)
		if err != nil {
			e.Fatal(err)
		}
		i := slices.IndexFunc(all, func(s history.Session) bool { return s.SessionKey == k })
		if i < 0 {
			e.Fatalf("%+v is not broken", k)
		}
		return all[i].LeaveID
	}
	k := key(1, "ada", "w")
	for round := range 3 {
		entered := e.enter(0, k, "ada")
		e.move(0, history.Move{Action: history.Break, Key: k, Epoch: entered.Epoch})
		id := idOf(0, k)
		note(fmt.Sprint("round ", round), id)
		entered = e.enter(1, k, "ada")
		e.move(1, history.Move{Action: history.Break, Key: k, Epoch: entered.Epoch})
		e.Reopen()
		for handle := range handles {
			if got := idOf(handle, k); got != id {
				e.Errorf("round %d: %v for one, %v for another", round, id, got)
			}
		}
		other := key(1, "ada", fmt.Sprint("other", round))
		window := e.enter(0, other, "ada")
		e.move(0, history.Move{Action: history.Break, Key: other, Epoch: window.Epoch})
		note(fmt.Sprint("the other window of round ", round), idOf(0, other))
		e.leave(other, window.Epoch)
		left := e.move(2, history.Move{Action: history.Leave, Key: k, Epoch: entered.Epoch, Quiet: 300, EntryID: id})
		if left.Entry == nil || left.Entry.ID != id {
			e.Errorf("round %d: %+v", round, left)
		}
	}
}

func brokenPages(e *env) {
	var moves []history.Move
	for _, room := range []int32{math.MinInt32, -1, 0, 3, math.MaxInt32} {
		for user := range 4 {
			for window := range 3 {
				moves = append(moves, history.Move{Action: history.Enter, Key: key(room, fmt.Sprint(user), fmt.Sprint(window)), Name: "x"})
			}
		}
	}
	e.moves(0, moves...)
	if err := e.store().Retire(e.ctx, UUID("gateway0")); err != nil {
		e.Fatal(err)
	}
	all := e.broken(1000)
	if len(all) != len(moves) {
		e.Fatalf("%d are broken, want %d", len(all), len(moves))
	}
	if !slices.IsSortedFunc(all, func(a, b history.Session) int { return compareKeys(a.SessionKey, b.SessionKey) }) {
		e.Error("they are not in order")
	}
	for _, limit := range []int{1, 7, 12, 59, 60} {
		if !slices.Equal(e.broken(limit), all) {
			e.Errorf("pages of %d differ", limit)
		}
	}
}

func twoClaimers(e *env) {
	stores := e.stores()
	for round := range 20 {
		k := key(1, fmt.Sprint("user", round), "w")
		entered := e.enter(0, k, "ada")
		e.move(0, history.Move{Action: history.Break, Key: k, Epoch: entered.Epoch})
		applied := make([]bool, handles)
		e.parallel(handles, func(i int) error {
			moved, err := stores[i].Move(e.ctx, []history.Move{{Action: history.Leave, Key: k, Epoch: entered.Epoch, Quiet: 300,
				EntryID: UUID(fmt.Sprint("claim", round, "/", i))}})
			if err != nil {
				return err
			}
			applied[i] = moved[0].Applied
			return moved[0].Err
		})
		if n := len(slices.DeleteFunc(applied, func(a bool) bool { return !a })); n != 1 {
			e.Errorf("round %d: %d claimed it", round, n)
		}
	}
	e.checkRoster(1)
	if log := e.log(1); len(log) != 40 {
		e.Errorf("%d entries, want 40", len(log))
	}
}
