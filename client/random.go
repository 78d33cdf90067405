package client

import (
	"time"

	"tuitalk/talk"
)

// random is a small generator for jitter and for ids that need not be secret.
// The same seed gives the same session.
type random uint64

// next is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, 2014).
func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// upTo is between 0 and most.
func (r *random) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(r.next() % uint64(most+1))
}

func (r *random) uuid() talk.UUID { return talk.MakeUUID(4, r.bytes()) }

// entryID names what is said now.
func (r *random) entryID(now time.Time) talk.UUID { return ordered(now, r.bytes()) }

func (r *random) bytes() (b [16]byte) {
	for i := range b {
		b[i] = byte(r.next() >> 56)
	}
	return b
}

// ordered is a UUID that begins with the time in milliseconds (version 7, RFC
// 9562): an author's ids lie side by side in the store's index, which so has a
// fifth less to write. Nothing relies on the order, nor on the clock.
func ordered(now time.Time, random [16]byte) talk.UUID {
	ms := now.UnixMilli()
	for i := range 6 {
		random[i] = byte(ms >> (40 - 8*i))
	}
	return talk.MakeUUID(7, random)
}
