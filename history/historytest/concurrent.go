package historytest

import (
	"fmt"
	"math/rand/v2"

	"tuitalk/history"
	"tuitalk/talk"
)

// handles is how many gateways the concurrent tests have.
const handles = 4

// concurrentAppenders: no gap, no deadlock, and each appender's order is kept.
func concurrentAppenders(e *env) {
	const appenders, batches, rooms = 8, 25, 6
	rng := e.rand()
	type stored struct {
		entry  talk.Entry
		result history.Result
	}
	all := make([][]stored, appenders)
	seeds := make([]uint64, appenders)
	stores := e.stores()
	for i := range seeds {
		seeds[i] = rng.Uint64()
	}
	e.parallel(appenders, func(a int) error {
		rng := rand.New(rand.NewPCG(seeds[a], 1))
		n := 0
		for range batches {
			var batch []talk.Entry
			for range 1 + rng.IntN(40) {
				n++
				batch = append(batch, Post(rng.Int32N(rooms), fmt.Sprint("author", a), fmt.Sprint(n), fmt.Sprint(n)))
			}
			results, err := stores[a%handles].Append(e.ctx, batch)
			if err != nil {
				return fmt.Errorf("appender %d: %w", a, err)
			}
			for i, r := range results {
				if r.Err != nil || r.Repeat {
					return fmt.Errorf("appender %d: %+v", a, r)
				}
				all[a] = append(all[a], stored{batch[i], r})
			}
		}
		return nil
	})
	total := 0
	logs := make(map[int32][]talk.Entry)
	for room := range int32(rooms) {
		logs[room] = e.log(room)
		total += len(logs[room])
	}
	for a := range all {
		total -= len(all[a])
		last := make(map[int32]int64)
		for _, s := range all[a] {
			room, seq := s.entry.RoomID, s.result.Seq
			if seq <= last[room] {
				e.Fatalf("appender %d: %d came after %d in room %d", a, seq, last[room], room)
			}
			last[room] = seq
			if got := logs[room][seq-1]; got.ID != s.entry.ID || got.Author != s.entry.Author || got.UnixTime != s.result.UnixTime {
				e.Fatalf("appender %d was told seq %d, where the log has %+v", a, seq, got)
			}
		}
	}
	if total != 0 {
		e.Errorf("the logs have %d entries more than were appended", total)
	}
}

// resendRacesFirstSend: the same id at the same time from several connections,
// inside larger batches, has one seq and leaves no hole.
func resendRacesFirstSend(e *env) {
	const rounds = 60
	stores := e.stores()
	for round := range rounds {
		raced := Post(1, "ada", fmt.Sprint("raced", round), "x")
		results := make([]history.Result, handles)
		e.parallel(handles, func(i int) error {
			var batch []talk.Entry
			for n := range 1 + i*7 { // the first sends it alone, the others in the middle of a batch
				if n == i*7/2 {
					batch = append(batch, raced)
				}
				id := fmt.Sprint("filler", round, "/", i, "/", n)
				batch = append(batch, Post(int32(n%3), fmt.Sprint("author", i), id, "y"))
			}
			all, err := stores[i].Append(e.ctx, batch)
			if err != nil {
				return err
			}
			for n, r := range all {
				if r.Err != nil {
					return r.Err
				}
				if batch[n].ID == raced.ID {
					results[i] = r
				}
			}
			return nil
		})
		firsts := 0
		for _, r := range results {
			if !r.Repeat {
				firsts++
			}
			if r.Seq != results[0].Seq || r.UnixTime != results[0].UnixTime {
				e.Fatalf("round %d: one id has several places: %+v", round, results)
			}
		}
		if firsts != 1 {
			e.Fatalf("round %d: %d of %+v were first", round, firsts, results)
		}
	}
	for room := range int32(3) {
		e.log(room) // no hole, nothing twice
	}
}

// everythingAtOnce: posts, moves, repeats, retirements and reading on the same
// rooms from several gateways end without a deadlock and leave all in order.
func everythingAtOnce(e *env) {
	const rooms, rounds, users = 12, 30, 5
	rng := e.rand()
	seeds := make([]uint64, handles)
	stores := e.stores()
	for i := range seeds {
		seeds[i] = rng.Uint64()
	}
	e.parallel(2*handles, func(i int) error {
		s, gateway := stores[i%handles], UUID(fmt.Sprint("gateway", i%handles))
		rng := rand.New(rand.NewPCG(seeds[i%handles], uint64(i)))
		for round := range rounds {
			id := fmt.Sprint(i, "/", round)
			if err := anything(e, s, rng, gateway, id, rooms, users); err != nil {
				return fmt.Errorf("worker %d, round %d: %w", i, round, err)
			}
		}
		return nil
	})
	for room := range int32(rooms) {
		e.checkRoster(room)
	}
}

func anything(e *env, s history.Store, rng *rand.Rand, gateway talk.UUID, id string, rooms, users int) error {
	room := func() int32 { return rng.Int32N(int32(rooms)) }
	switch rng.IntN(8) {
	case 0:
		if err := s.Retire(e.ctx, gateway); err != nil {
			return err
		}
		return s.Renew(e.ctx, gateway)
	case 1, 2, 3:
		var batch []talk.Entry
		for n := range 50 {
			batch = append(batch, Post(room(), "ada", fmt.Sprint(id, n/2), "x"))
		}
		_, err := s.Append(e.ctx, batch)
		return err
	case 4:
		gone, err := s.Broken(e.ctx, history.SessionKey{}, 20)
		if err != nil {
			return err
		}
		var moves []history.Move
		for i, b := range gone {
			moves = append(moves, history.Move{Action: history.Leave, Key: b.SessionKey, Epoch: b.Epoch, Quiet: 3, EntryID: UUID(fmt.Sprint(id, "leave", i))})
		}
		_, err = s.Move(e.ctx, moves)
		return err
	default:
		var moves []history.Move
		for n := range 10 {
			user, window := fmt.Sprint("user", rng.IntN(users)), fmt.Sprint("w", rng.IntN(2))
			moves = append(moves, history.Move{Action: history.Action(rng.IntN(4)), Key: key(room(), user, window), Gateway: gateway,
				Name: user, Epoch: rng.Int64N(4), Quiet: 3, EntryID: UUID(fmt.Sprint(id, "move", n))})
		}
		_, err := s.Move(e.ctx, moves)
		return err
	}
}
