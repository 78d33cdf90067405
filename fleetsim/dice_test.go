package fleetsim

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// dice are a stream of chances of one part of the world. Each part has one of its
// own, so that what one draws does not change what the others do.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64, part string) *dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(part)) // never fails, by its documentation
	return &dice{rng: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// below is 0 to n-1.
func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// between is a to b.
func (d *dice) between(a, b int) int { return a + d.below(b-a+1) }

// duration is a to b; short ones are as likely as long ones in proportion.
func (d *dice) duration(a, b time.Duration) time.Duration {
	if b <= a {
		return a
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return a + time.Duration(d.rng.Int64N(int64(b-a)))
}

// chance is true once in so many times.
func (d *dice) chance(in int) bool { return d.below(in) == 0 }

// percent is true so often of a hundred times.
func (d *dice) percent(p int) bool { return d.below(100) < p }

func pick[T any](d *dice, list ...T) T { return list[d.below(len(list))] }

func (d *dice) bytes() (b [16]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range b {
		b[i] = byte(d.rng.Uint32())
	}
	return b
}
