package redisbus

import (
	"context"
	"fmt"
	"sync"

	"tuitalk/fanout"
)

// removeScript takes entries out of a stream, each with its id. Keys: stream,
// ids. Arguments: places in the stream.
const removeScript = `
for i = 1, #ARGV do
  local found = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
  if found[1] then
    redis.call('HDEL', KEYS[2], found[1][2][2])
    redis.call('XDEL', KEYS[1], ARGV[i])
  end
end
return 0`

// fieldEntry is a stream entry's field with the form; its other field is "k",
// the id, which removeScript reads.
const fieldEntry = "e"

// spoolBatch is how many entries one script takes, so that a server is not busy
// with it for long.
const spoolBatch = 500

// Partitions implements fanout.Spool.
func (b *Bus) Partitions() int { return partitions }

// Partition implements fanout.Spool.
func (b *Bus) Partition(room int32) int { return partitionOf(room) }

// Depths implements fanout.Spool.
func (b *Bus) Depths(ctx context.Context) ([]int64, error) {
	depths := make([]int64, partitions)
	at := make(map[*session][]int)
	var reason error
	for i, p := range b.parts {
		if s, _ := p.where(); s != nil {
			at[s] = append(at[s], i)
		} else {
			depths[i], reason = -1, errNoMaster
		}
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	for s, parts := range at {
		asking.Go(func() {
			err := b.depths(ctx, s, parts, depths)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				reason = err
			}
		})
	}
	asking.Wait()
	var total int64
	for _, depth := range depths {
		total += max(depth, 0)
	}
	b.metrics.depth.Set(float64(total))
	if reason != nil {
		reason = fmt.Errorf("look at the spool: %w", reason)
	}
	return depths, reason
}

// depths asks one session for the depths of the partitions on it.
func (b *Bus) depths(ctx context.Context, s *session, parts []int, depths []int64) error {
	streams := make([]string, len(parts))
	for i, part := range parts {
		streams[i] = b.names[part].stream
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.CallTimeout)
	defer cancel()
	lengths, errs := s.conn.lengths(ctx, streams)
	var reason error
	for i, part := range parts {
		depths[part] = lengths[i]
		if errs[i] != nil {
			depths[part], reason = -1, errs[i]
		}
	}
	return reason
}

// Read implements fanout.Spool.
func (b *Bus) Read(ctx context.Context, partition int, after fanout.SpoolID, limit int) ([]fanout.Spooled, error) {
	var found []streamEntry
	err := b.onMaster(ctx, partition, func(ctx context.Context, c *conn) (err error) {
		found, err = c.read(ctx, b.names[partition].stream, string(after), limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	entries := make([]fanout.Spooled, len(found))
	for i, f := range found {
		e := &entries[i]
		e.ID = fanout.SpoolID(f.id)
		e.Entry, e.Err = fanout.DecodeEntry(f.fields[fieldEntry])
	}
	return entries, nil
}

// Remove implements fanout.Spool.
func (b *Bus) Remove(ctx context.Context, partition int, ids ...fanout.SpoolID) error {
	n := &b.names[partition]
	for len(ids) > 0 {
		batch := ids[:min(len(ids), spoolBatch)]
		ids = ids[len(batch):]
		args := make([]string, len(batch))
		for i, id := range batch {
			args[i] = string(id)
		}
		s := script{body: removeScript, keys: []string{n.stream, n.ids}, args: args}
		err := b.onMaster(ctx, partition, func(ctx context.Context, c *conn) error { return c.eval(ctx, s) })
		if err != nil {
			return fmt.Errorf("remove from the spool: %w", err)
		}
	}
	return nil
}

// onMaster runs a command on the connection of who serves a partition.
func (b *Bus) onMaster(ctx context.Context, partition int, do func(context.Context, *conn) error) error {
	if b.isClosed.Load() {
		return fanout.ErrClosed
	}
	p := b.parts[partition]
	s, _ := p.where()
	if s == nil {
		return errNoMaster
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.CallTimeout)
	defer cancel()
	err := do(ctx, s.conn)
	if classify(err) == astray {
		b.onRejected(s, p, err)
	}
	return err
}
