package redisbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"tuitalk/fanout"
	"tuitalk/talk"
)

// addScript puts entries into a stream unless they are there. Keys: stream,
// ids. Arguments: how many entries the stream may have, then for each entry the ids
// of those behind which it shall stand, one after the other, its id and its form. It
// returns a code for each entry. What is there may stand behind a hole itself: then
// nothing is added behind it either.
const addScript = `
local left = tonumber(ARGV[1]) - redis.call('XLEN', KEYS[1])
local codes = {}
local holed = {}
local function hole(front)
  for at = 1, #front, 36 do
    local id = string.sub(front, at, at + 35)
    if holed[id] or redis.call('HEXISTS', KEYS[2], id) == 0 then
      return true
    end
  end
  return false
end
for i = 2, #ARGV, 3 do
  local n = (i + 1) / 3
  if redis.call('HEXISTS', KEYS[2], ARGV[i + 1]) == 1 then
    holed[ARGV[i + 1]] = hole(ARGV[i])
    codes[n] = 1
  elseif left <= 0 then
    codes[n] = 2
  elseif hole(ARGV[i]) then
    codes[n] = 3
  else
    redis.call('XADD', KEYS[1], '*', 'k', ARGV[i + 1], 'e', ARGV[i + 2])
    redis.call('HSET', KEYS[2], ARGV[i + 1], '')
    left = left - 1
    codes[n] = 0
  end
end
return codes`

// Codes of addScript.
const (
	codeAdded = iota
	codeRepeat
	codeFull
	codeLost
)

// entryKey identifies an entry in the hash of ids. addScript knows its length.
func entryKey(e *talk.Entry) string {
	key := make([]byte, 0, 36)
	key = binary.BigEndian.AppendUint32(key, uint32(e.RoomID))
	key = append(key, e.Author[:]...)
	return string(append(key, e.ID[:]...))
}

// addition is a part of an Add that goes to one partition. It waits in a
// session, whose spool goroutine answers it.
type addition struct {
	part    int
	index   []int // of each entry in the caller's slice
	args    []string
	results []error
	done    chan struct{} // closed when results are final
}

func (a *addition) finish(err error) {
	for i := range a.results {
		a.results[i] = err
	}
	close(a.done)
}

// Add implements fanout.Spool.
func (b *Bus) Add(ctx context.Context, entries []talk.Entry, behind ...talk.Entry) []error {
	results := make([]error, len(entries))
	if b.isClosed.Load() {
		for i := range results {
			results[i] = fanout.ErrClosed
		}
		return results
	}
	additions := b.additions(entries, behind)
	for _, a := range additions {
		if s, _ := b.parts[a.part].where(); s != nil {
			s.add(a)
		} else {
			a.finish(errNoMaster)
		}
	}
	for _, a := range additions {
		err := a.await(ctx, b.ctx)
		for i, at := range a.index {
			if results[at] = err; err == nil {
				results[at] = a.results[i]
			}
		}
	}
	for i := range results {
		b.metrics.spool(resultOf(results[i]))
		if results[i] != nil {
			results[i] = fmt.Errorf("add to the spool: %w", results[i])
		}
	}
	return results
}

// additions sorts entries by partition, in their order, each behind the one before it
// in its room. The first one of a room in an addition names all that are before it:
// the addition does not know how those before it went.
func (b *Bus) additions(entries, behind []talk.Entry) []*addition {
	var all []*addition
	open := make(map[int]*addition)
	rooms := make(map[int32]*chain)
	for i := range behind {
		room := behind[i].RoomID
		if rooms[room] == nil {
			rooms[room] = &chain{}
		}
		rooms[room].keys = append(rooms[room].keys, entryKey(&behind[i])...)
	}
	for i := range entries {
		e := &entries[i]
		part := partitionOf(e.RoomID)
		a := open[part]
		if a == nil || len(a.index) == spoolBatch {
			a = &addition{part: part, args: []string{strconv.Itoa(b.opts.SpoolCap)}, done: make(chan struct{})}
			open[part] = a
			all = append(all, a)
		}
		if rooms[e.RoomID] == nil {
			rooms[e.RoomID] = &chain{}
		}
		pending := *e
		pending.Seq, pending.Pending = 0, true
		a.index = append(a.index, i)
		key := entryKey(e)
		a.args = append(a.args, rooms[e.RoomID].link(a, key), key, string(fanout.AppendEntry(nil, &pending)))
		a.results = append(a.results, nil)
	}
	return all
}

// chain is what the next entry of a room stands behind in an Add.
type chain struct {
	keys []byte    // of all entries, one after the other
	in   *addition // that has the last of them
}

// link adds the key of an entry that goes into a. It returns those behind which the
// entry is to stand that a does not link already.
func (c *chain) link(a *addition, key string) (front string) {
	behind := c.keys
	if c.in == a {
		behind = behind[len(behind)-len(key):]
	}
	front = string(behind)
	c.keys, c.in = append(c.keys, key...), a
	return front
}

// await waits until an addition is answered. Without an answer it is unclear
// whether the entries are in the spool.
func (a *addition) await(ctx, bus context.Context) error {
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-bus.Done():
		return fanout.ErrClosed
	}
}

// add hands an addition to the session.
func (s *session) add(a *addition) {
	s.mu.Lock()
	ended := s.ended
	if !ended {
		s.additions = append(s.additions, a)
		s.adds.raise()
	}
	s.mu.Unlock()
	if ended {
		a.finish(errNoMaster)
	}
}

// spool adds everything that waits, with one wait for a replica.
func (s *session) spool() {
	s.mu.Lock()
	additions := s.additions
	s.additions = nil
	s.mu.Unlock()
	if len(additions) == 0 {
		if s.trialDue.Swap(false) {
			s.trial()
			s.tried.Store(true)
		}
		return
	}
	scripts := make([]script, len(additions))
	for i, a := range additions {
		n := &s.bus.names[a.part]
		scripts[i] = script{body: addScript, keys: []string{n.stream, n.ids}, args: a.args}
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.bus.opts.CallTimeout+s.bus.opts.SpoolWait)
	defer cancel()
	answers, replicas, err := s.conn.evalThenWait(ctx, scripts, s.bus.opts.SpoolWait)
	s.noteSpool(firstError(answers, err), replicas)
	for i, a := range additions {
		switch {
		case answers == nil:
			a.finish(err)
		case answers[i].err != nil:
			s.refusedAddition(a, answers[i].err)
		default:
			a.resolve(answers[i].codes, err == nil && replicas > 0)
		}
	}
}

// resolve turns the script's codes into results.
func (a *addition) resolve(codes []int64, replicated bool) {
	for i := range a.results {
		switch {
		case i >= len(codes):
			a.results[i] = errNoMaster
		case codes[i] == codeFull:
			a.results[i] = fanout.ErrSpoolFull
		case codes[i] == codeLost:
			a.results[i] = fanout.ErrSpoolLost
		case !replicated:
			a.results[i] = fanout.ErrNotReplicated
		}
	}
	close(a.done)
}

// refusedAddition answers an addition that the server did not take as a whole.
func (s *session) refusedAddition(a *addition, err error) {
	switch classify(err) {
	case full:
		err = fmt.Errorf("%w: %w", fanout.ErrSpoolFull, err)
	case astray:
		s.bus.onRejected(s, s.bus.parts[a.part], err)
	}
	a.finish(err)
}

func resultOf(err error) spoolResult {
	switch {
	case err == nil:
		return spoolAccepted
	case errors.Is(err, fanout.ErrSpoolFull):
		return spoolFull
	case errors.Is(err, fanout.ErrNotReplicated):
		return spoolNotReplicated
	}
	return spoolFailed
}
