//go:build integration

package redisbus

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tuitalk/deploy/devcluster"
	"tuitalk/fanout/fanouttest"
	"tuitalk/talk"
)

// fsyncs are the two settings of appendfsync that a spool may have.
var fsyncs = [2]string{"everysec", "always"}

// BenchmarkAppendfsync holds the two side by side, in alternating rounds of one
// run: one author at a time, whose time to "accepted" it tells in microseconds,
// and 64 at once, entry by entry, of which it tells how many come through. Medians.
//
//	go test -tags integration -run xxx -bench Appendfsync -benchtime 7x ./fanout/redisbus
func BenchmarkAppendfsync(b *testing.B) {
	c := cluster(b)
	o := options(b, c)
	o.SpoolCap = 1 << 20
	bus := openBus(b, o, fanouttest.NewRecorder())
	defer setFsync(b, c, "always")
	var waits, rates [2][]float64
	for b.Loop() {
		for i, mode := range fsyncs {
			setFsync(b, c, mode)
			spoolFor(bus, 200*time.Millisecond, 8) // not measured: what the last round left
			waits[i] = append(waits[i], 1e6/spoolFor(bus, time.Second, 1))
			rates[i] = append(rates[i], spoolFor(bus, time.Second, 64))
		}
	}
	for i, mode := range fsyncs {
		b.ReportMetric(median(waits[i]), mode+"-µs")
		b.ReportMetric(median(rates[i]), mode+"-entries/s")
		b.Logf("%s: µs %.0f, entries/s %.0f", mode, waits[i], rates[i])
	}
}

func setFsync(t testing.TB, c *devcluster.RedisCluster, mode string) {
	t.Helper()
	for i := range c.Addrs() {
		_, err := c.Do(context.Background(), i, "CONFIG", "SET", "appendfsync", mode)
		must(t, err)
	}
}

// spoolFor adds entries, so many at a time, each in a room of its own, and tells
// how many a second were accepted.
func spoolFor(b *Bus, span time.Duration, authors int) float64 {
	var accepted atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for author := range authors {
		running.Go(func() {
			for n := 0; time.Since(began) < span; n++ {
				var id talk.UUID
				binary.BigEndian.PutUint64(id[:], uint64(began.UnixNano()))
				binary.BigEndian.PutUint64(id[8:], uint64(n))
				e := talk.Entry{Kind: talk.KindPosted, RoomID: int32(author), Author: talk.UUID{byte(author)}, ID: id, Text: "a text of the usual length, about so long"}
				if b.Add(context.Background(), []talk.Entry{e})[0] == nil {
					accepted.Add(1)
				}
			}
		})
	}
	running.Wait()
	return float64(accepted.Load()) / time.Since(began).Seconds()
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}
