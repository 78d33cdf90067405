package historytest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"tuitalk/history"
	"tuitalk/talk"
)

// modelRun is one random walk with both stores side by side.
type modelRun struct {
	*env
	*rand.Rand
	model modelStore
	used  []talk.UUID // ids given so far, to repeat some
}

const modelRooms = 3

// model: whatever is done, in whatever order, the store answers as the model.
func model(e *env) {
	run := &modelRun{env: e, Rand: e.rand(), model: modelStore{now: 1000, rooms: make(map[int32]*modelRoom), turns: make(map[history.Turn]modelTurn)}}
	e.SetTime(1000)
	for step := range 400 {
		switch run.IntN(10) {
		case 0, 1, 2:
			run.append()
		case 3, 4, 5, 6:
			run.move()
		case 7:
			gateway := UUID(fmt.Sprint("gateway", run.IntN(3)))
			if err := e.Store(run.IntN(handles)).Retire(e.ctx, gateway); err != nil {
				e.Fatal(err)
			}
			run.model.retire(gateway)
		case 8:
			run.model.now = uint64(int(run.model.now) + run.IntN(5) - 1)
			e.SetTime(int64(run.model.now))
		case 9:
			if run.IntN(10) == 0 {
				e.Reopen()
			}
		}
		run.compareRoom(run.Int32N(modelRooms))
		if e.Failed() {
			e.Fatalf("at step %d", step)
		}
	}
	for room := range int32(modelRooms) {
		if log := e.log(room); !reflect.DeepEqual(log, run.model.room(room).log) {
			e.Errorf("room %d differs", room)
		}
		e.checkRoster(room)
	}
}

// id returns a new id, sometimes an old one.
func (run *modelRun) id() talk.UUID {
	if len(run.used) > 0 && run.IntN(4) == 0 {
		return run.used[len(run.used)-1-run.IntN(min(30, len(run.used)))]
	}
	id := UUID(fmt.Sprint("id", len(run.used)))
	run.used = append(run.used, id)
	return id
}

func (run *modelRun) user() string { return fmt.Sprint("user", run.IntN(5)) }

func (run *modelRun) append() {
	var batch []talk.Entry
	for range 1 + run.IntN(12) {
		entry := Post(run.Int32N(modelRooms), run.user(), "", "text")
		entry.ID = run.id()
		batch = append(batch, entry)
	}
	results := run.env.append(run.Store(run.IntN(handles)), batch...)
	for i, r := range results {
		want, repeat := run.model.write(batch[i])
		if r.Seq != want.Seq || r.UnixTime != want.UnixTime || r.Repeat != repeat {
			run.Errorf("append: %+v, want seq %d at %d, repeat %v", r, want.Seq, want.UnixTime, repeat)
		}
	}
}

func (run *modelRun) move() {
	var moves []history.Move
	for range 1 + run.IntN(4) {
		user, window := run.user(), fmt.Sprint("w", run.IntN(2))
		m := history.Move{Action: history.Action(run.IntN(4)), Key: key(run.Int32N(modelRooms), user, window),
			Gateway: UUID(fmt.Sprint("gateway", run.IntN(3))), Name: fmt.Sprint(user, run.IntN(2)),
			Quiet: 1 + run.IntN(4), EntryID: run.id(), KeepName: run.IntN(2) == 0}
		r := run.model.room(m.Key.RoomID)
		if s := r.member(m.Key.UUID).session(m.Key); s != nil && run.IntN(5) > 0 {
			m.Epoch = s.Epoch
		} else {
			m.Epoch = run.Int64N(r.epochs + 2)
		}
		if run.IntN(3) > 0 {
			m.Action = history.Enter
		}
		moves = append(moves, m)
	}
	turn := run.turn()
	for i := range moves {
		moves[i].Turn = turn
	}
	moved, err := run.Store(run.IntN(handles)).Move(run.ctx, moves)
	if err != nil {
		run.Fatal(err)
	}
	late := run.model.late(turn)
	for i, got := range moved {
		var want history.Moved
		if !late {
			want = run.model.move(moves[i])
		}
		if !late && want.Err == nil {
			run.model.took(turn)
		}
		if (got.Err == nil) != (want.Err == nil) {
			run.Errorf("move %+v: error %v, want %v", moves[i], got.Err, want.Err)
		}
		if got.Err != nil {
			got, want = history.Moved{}, history.Moved{}
		}
		if !reflect.DeepEqual(got, want) {
			run.Errorf("move %+v:\n got %+v %+v\nwant %+v %+v", moves[i], got, got.Entry, want, want.Entry)
		}
	}
}

// turn returns a lane's next turn, or one of before, or nobody's.
func (run *modelRun) turn() history.Turn {
	t := history.Turn{Gateway: UUID(fmt.Sprint("gateway", run.IntN(3))), Lane: run.Int32N(2)}
	if run.IntN(3) == 0 {
		return history.Turn{}
	}
	t.Number = max(1, run.model.turns[t].number+run.Int64N(4)-1)
	return t
}

func (run *modelRun) compareRoom(id int32) {
	r := run.model.room(id)
	want := history.Room{Count: len(r.members)}
	if n := len(r.log); n > 0 {
		last := r.log[n-1]
		want.HeadSeq, want.HeadID, want.HeadTime = last.Seq, last.ID, last.UnixTime
	}
	listed := run.IntN(6)
	for _, w := range r.members[:min(listed, len(r.members))] {
		want.Members = append(want.Members, talk.Member{UUID: w.uuid, Username: w.name})
	}
	got, err := run.store().Room(run.ctx, id, listed)
	if err != nil || !reflect.DeepEqual(got, want) {
		run.Errorf("room %d: %+v, %v\nwant %+v", id, got, err, want)
	}
	if got := withoutLeaveIDs(run.broken(3)); !slices.Equal(got, run.model.allBroken()) {
		run.Errorf("broken: %+v\nwant %+v", got, run.model.allBroken())
	}
	run.compareWindows()
	limit, before := 1+run.IntN(20), int64(run.IntN(len(r.log)+3))
	page, complete, err := run.store().Before(run.ctx, id, before, limit)
	top := len(r.log)
	if before > 0 {
		top = min(top, int(before-1))
	}
	if wantPage := r.log[max(0, top-limit):top]; err != nil || !slices.Equal(page, wantPage) || complete != (top <= limit) {
		run.Errorf("before %d, limit %d: %v, complete %v, %v", before, limit, seqs(page), complete, err)
	}
}

// compareWindows looks at all windows of two users.
func (run *modelRun) compareWindows() {
	users := []talk.UUID{UUID(run.user()), UUID(run.user())}
	got, err := run.store().Windows(run.ctx, users)
	for i := range got {
		got[i].LeaveID = talk.UUID{}
	}
	if want := run.model.windows(users); err != nil || !slices.Equal(got, want) {
		run.Errorf("windows: %+v, %v\nwant %+v", got, err, want)
	}
}
