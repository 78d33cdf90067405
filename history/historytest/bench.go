package historytest

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"tuitalk/history"
	"tuitalk/talk"
)

// BenchmarkAppend measures how many entries a store takes in a second, one
// batch after the other, over 20 rooms, with texts of 60 bytes.
func BenchmarkAppend(b *testing.B, s history.Log) {
	next := uint64(0)
	for _, size := range []int{1, 100, 500, 10_000} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			batch := make([]talk.Entry, size)
			for b.Loop() {
				for i := range batch {
					next++
					batch[i] = Post(int32(next%20), "ada", "", strings.Repeat("x", 60))
					batch[i].Author[0] = byte(next % 97)
					var random [16]byte
					binary.BigEndian.PutUint64(random[:], next*0x9e3779b97f4a7c15)
					batch[i].ID = talk.MakeUUID(4, random)
				}
				if _, err := s.Append(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkMove measures a storm: many users enter 20 rooms, in batches, each
// writing an entry, and leave again.
func BenchmarkMove(b *testing.B, s history.Presence) {
	next := 0
	for _, size := range []int{1, 100, 500} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			batch := make([]history.Move, size)
			for b.Loop() {
				for i := range batch {
					next++
					batch[i] = history.Move{Action: history.Enter, Key: key(int32(next%20), fmt.Sprint(next), "w"), Name: "somebody",
						Gateway: UUID("gateway"), EntryID: UUID(fmt.Sprint("enter", next)), Quiet: 1 << 30}
				}
				moved, err := s.Move(b.Context(), batch)
				if err != nil {
					b.Fatal(err)
				}
				for i := range batch {
					batch[i].Action, batch[i].Epoch = history.Leave, moved[i].Epoch
					batch[i].EntryID = UUID(fmt.Sprint("leave", next-i))
				}
				if _, err := s.Move(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(2*b.N*size)/b.Elapsed().Seconds(), "moves/s")
		})
	}
}
