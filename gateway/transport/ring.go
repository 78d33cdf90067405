package transport

import "sync"

// PreparedFrame is one WebSocket frame, head and payload, ready to be written, or a part of
// an answer to an HTTP request. It is immutable from the moment it is made: one prepared
// frame is queued at any number of connections at once.
type PreparedFrame struct {
	Bytes []byte
	// Static: Bytes belong to the program, as a file of the site does. Whoever
	// waits for them makes nobody hold them.
	Static bool
}

// frameCost is about what a queued prepared frame costs beside its bytes: its slot, its
// head, what the allocator rounds up. A frame may be 2 bytes long.
const frameCost = 64

// cost is the memory that a prepared frame holds while it is queued, as if it were
// queued nowhere else.
func (p *PreparedFrame) cost() int {
	if p.Static {
		return frameCost
	}
	return frameCost + len(p.Bytes)
}

// ringSizes are the steps in which a ring grows, in prepared frames. The last is the
// most that one connection can have queued.
var ringSizes = [...]int{16, 128, 1024, MaxFrames}

// block is the memory of a ring; its slots are all nil while it is in a pool.
type block struct {
	slots []*PreparedFrame // a power of two
	step  int              // index into ringSizes
}

// blocks hold free blocks of each size. An idle connection owns none.
var blocks [len(ringSizes)]sync.Pool

func takeBlock(step int) *block {
	if b, ok := blocks[step].Get().(*block); ok {
		return b
	}
	return &block{make([]*PreparedFrame, ringSizes[step]), step}
}

func giveBlock(b *block) { blocks[b.step].Put(b) }

// ring is a bounded FIFO of references to prepared frames. The zero value is an empty
// ring that owns no memory; it is that again whenever it has been emptied.
// The caller guards it.
type ring struct {
	block  *block
	head   int32
	count  int32
	sent   int // bytes of the oldest prepared frame that are written already
	length int // sum of the queued prepared frames' lengths
	cost   int // sum of the queued prepared frames' costs
}

// unsent is how many bytes are still to be written.
func (r *ring) unsent() int { return r.length - r.sent }

// push queues p. It reports false, and queues nothing, when the ring already
// holds maxCount prepared frames or p would make it cost more than maxCost.
func (r *ring) push(p *PreparedFrame, maxCount, maxCost int) bool {
	cost := p.cost()
	if int(r.count) >= maxCount || r.count > 0 && r.cost+cost > maxCost {
		return false
	}
	if (r.block == nil || int(r.count) == len(r.block.slots)) && !r.grow() {
		return false
	}
	r.block.slots[int(r.head+r.count)&(len(r.block.slots)-1)] = p
	r.count++
	r.length += len(p.Bytes)
	r.cost += cost
	return true
}

// at returns the prepared frame that is so many behind the oldest; nil if there is none.
func (r *ring) at(i int32) *PreparedFrame {
	if i >= r.count {
		return nil
	}
	return r.block.slots[int(r.head+i)&(len(r.block.slots)-1)]
}

// advance notes that n more bytes are written, and lets go of the prepared frames that
// are written whole.
func (r *ring) advance(n int) {
	if r.count == 0 {
		return // it was cleared meanwhile
	}
	r.sent += n
	for r.count > 0 {
		size := len(r.at(0).Bytes)
		if r.sent < size {
			return
		}
		left := r.sent - size
		r.pop()
		if r.count > 0 {
			r.sent = left
		}
	}
}

// pop removes and returns the oldest prepared frame; nil if there is none.
func (r *ring) pop() *PreparedFrame {
	if r.count == 0 {
		return nil
	}
	slots := r.block.slots
	p := slots[r.head]
	slots[r.head] = nil
	r.head = int32(int(r.head+1) & (len(slots) - 1))
	r.count--
	r.sent = 0
	r.length -= len(p.Bytes)
	r.cost -= p.cost()
	if r.count == 0 {
		giveBlock(r.block)
		*r = ring{}
	}
	return p
}

// clear drops everything that is queued behind the first prepared frames.
func (r *ring) clear(keep int32) {
	for r.count > keep {
		if r.count == 1 {
			r.pop()
			return
		}
		r.count--
		slot := &r.block.slots[int(r.head+r.count)&(len(r.block.slots)-1)]
		r.length -= len((*slot).Bytes)
		r.cost -= (*slot).cost()
		*slot = nil
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
