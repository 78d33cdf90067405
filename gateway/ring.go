package gateway

import "sync"

// packet is one WebSocket frame, head and payload, ready to be written. It is
// immutable from the moment it is made: one packet is queued at any number of
// connections at once.
type packet struct{ bytes []byte }

// ringSizes are the steps in which a ring grows, in packets. The last is the
// most that one connection can have queued.
var ringSizes = [...]int{16, 128, 1024, 4096}

// block is the memory of a ring; its slots are all nil while it is in a pool.
type block struct {
	slots []*packet // a power of two
	step  int       // index into ringSizes
}

// blocks hold free blocks of each size. An idle connection owns none.
var blocks [len(ringSizes)]sync.Pool

func takeBlock(step int) *block {
	if b, ok := blocks[step].Get().(*block); ok {
		return b
	}
	return &block{make([]*packet, ringSizes[step]), step}
}

func giveBlock(b *block) { blocks[b.step].Put(b) }

// ring is a bounded FIFO of references to packets. The zero value is an empty
// ring that owns no memory; it is that again whenever it has been emptied.
// The caller guards it.
type ring struct {
	block *block
	head  int
	count int
	bytes int // sum of the queued packets' lengths
}

// push queues p. It reports false, and queues nothing, when the ring already
// holds maxCount packets or p would make it hold more than maxBytes.
func (r *ring) push(p *packet, maxCount, maxBytes int) bool {
	if r.count >= maxCount || r.count > 0 && r.bytes+len(p.bytes) > maxBytes {
		return false
	}
	if (r.block == nil || r.count == len(r.block.slots)) && !r.grow() {
		return false
	}
	r.block.slots[(r.head+r.count)&(len(r.block.slots)-1)] = p
	r.count++
	r.bytes += len(p.bytes)
	return true
}

// pop removes and returns the oldest packet; nil if there is none.
func (r *ring) pop() *packet {
	if r.count == 0 {
		return nil
	}
	slots := r.block.slots
	p := slots[r.head]
	slots[r.head] = nil
	r.head = (r.head + 1) & (len(slots) - 1)
	r.count--
	r.bytes -= len(p.bytes)
	if r.count == 0 {
		giveBlock(r.block)
		*r = ring{}
	}
	return p
}

// peek returns the oldest packet without removing it; nil if there is none.
func (r *ring) peek() *packet {
	if r.count == 0 {
		return nil
	}
	return r.block.slots[r.head]
}

// clear drops everything that is queued.
func (r *ring) clear() {
	for r.count > 0 {
		r.pop()
	}
}

// grow moves the ring into a block of the next size, if there is one.
func (r *ring) grow() bool {
	step := 0
	if r.block != nil {
		step = r.block.step + 1
	}
	if step == len(ringSizes) {
		return false
	}
	next := takeBlock(step)
	if old := r.block; old != nil {
		n := copy(next.slots, old.slots[r.head:])
		copy(next.slots[n:], old.slots[:r.head])
		clear(old.slots)
		giveBlock(old)
	}
	r.block, r.head = next, 0
	return true
}
