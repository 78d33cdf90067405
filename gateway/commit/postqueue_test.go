package commit

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tuitalk/talk"
)

func queuedPost(network string, room int32, number uint64, text string) Post {
	return Post{Entry: talk.Entry{RoomID: room, Text: text}, Network: netip.MustParsePrefix(network), Number: number}
}

// TestPostQueueTakesTurns: a stranger with many rooms and much to say holds up
// neither somebody else nor a quiet room of his own.
func TestPostQueueTakesTurns(t *testing.T) {
	q := newPostQueue()
	for n := range uint64(1000) {
		q.push(false, queuedPost("10.0.0.1/32", int32(n%50), n, "flood"))
	}
	q.push(false, queuedPost("10.0.0.1/32", 99, 0, "from his office"))
	q.push(false, queuedPost("10.0.0.2/32", 7, 0, "honest"))
	found := map[string]int{}
	for i := 0; q.count > 0; i++ {
		if p := q.pop(); p.Entry.Text != "flood" {
			found[p.Entry.Text] = i
		}
	}
	if found["honest"] > 1 || found["from his office"] > 55 {
		t.Errorf("it was their turn as number %v", found)
	}
}

// TestPostQueueKeepsOrder whatever is pushed, popped, expired and put back.
func TestPostQueueKeepsOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	networks := []string{"10.0.0.1/32", "10.0.0.2/32", "2001:db8::/48"}
	q, next := newPostQueue(), uint64(0)
	last := map[string]uint64{}
	goes := func(p Post) {
		key := p.Network.String() + " " + string('a'+p.Entry.RoomID)
		if p.Number < last[key] {
			t.Fatalf("%s: %d came behind %d", key, p.Number, last[key])
		}
		last[key] = p.Number
	}
	for range 20_000 {
		switch {
		case rng.IntN(2) == 0:
			next++
			p := queuedPost(networks[rng.IntN(3)], int32(rng.IntN(4)), next, strings.Repeat("x", rng.IntN(50)))
			p.queued, p.unclear = int64(next), rng.IntN(5) == 0
			q.push(false, p)
		case rng.IntN(50) == 0:
			for _, p := range q.takeOlder(int64(next) - 20) {
				goes(p)
			}
		case q.count > 0:
			p := q.pop()
			if rng.IntN(4) == 0 {
				q.push(true, p)
				continue
			}
			goes(p)
		}
	}
	for q.count > 0 {
		goes(q.pop())
	}
	if q.bytes != 0 || len(q.networks) != 0 || len(q.order) != 0 {
		t.Errorf("an empty queue has %d bytes, %d networks, %d in order", q.bytes, len(q.networks), len(q.order))
	}
}

// TestPostQueueIsNeverFullForWhoSaysLittle, however many networks fill it, and is
// bounded.
func TestPostQueueIsNeverFullForWhoSaysLittle(t *testing.T) {
	const most = 1 << 20
	q := newPostQueue()
	for i := range 20 {
		network := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 32).String()
		for n := range uint64(1000) {
			p := queuedPost(network, 1, n, strings.Repeat("x", 4000))
			if q.full(&p, most) {
				break
			}
			q.push(false, p)
		}
	}
	p := queuedPost("10.0.0.1/32", 1, 1, "honest")
	if q.full(&p, most) || q.bytes > most || q.bytes < most*8/10 {
		t.Errorf("with %d bytes waiting of %d, full for somebody else: %v", q.bytes, most, q.full(&p, most))
	}
}

// TestCommitSizeFollowsTheStore: what a slow store takes at once gets small, and grows
// again; few posts say nothing of it.
func TestCommitSizeFollowsTheStore(t *testing.T) {
	c := commitSize{bytes: mostCommit}
	full := func() []Post { return slices.Repeat([]Post{{}}, c.bytes/postOverhead+1) }
	for range 20 {
		c.took(full(), time.Second)
	}
	if c.bytes != leastCommit {
		t.Errorf("a store that takes a second for each gets %d bytes", c.bytes)
	}
	for range 20 {
		c.took(full(), time.Millisecond)
	}
	if c.bytes != mostCommit {
		t.Errorf("a quick store gets %d bytes", c.bytes)
	}
	for range 20 {
		c.took(make([]Post, 1), time.Second)
	}
	if c.bytes != mostCommit {
		t.Errorf("a slow commit of one post has made it %d bytes", c.bytes)
	}
}

// TestCommitSizeGrowsBehindASlowStore: one that is slow whatever it is given gets all
// again after a bad time, and one that is slow for each byte does not.
func TestCommitSizeGrowsBehindASlowStore(t *testing.T) {
	for name, of := range map[string]struct {
		time func(bytes int) time.Duration
		most int
		want int
	}{
		"a round trip":  {func(int) time.Duration { return 25 * time.Millisecond }, mostCommit, mostCommit},
		"for each byte": {func(bytes int) time.Duration { return time.Duration(bytes) * time.Microsecond }, 2 * leastCommit, leastCommit},
	} {
		c, most := commitSize{bytes: leastCommit}, 0
		for range 40 * growAfter {
			c.took(slices.Repeat([]Post{{}}, c.bytes/postOverhead+1), of.time(c.bytes))
			most = max(most, c.bytes)
		}
		if c.bytes < of.want || most > of.most {
			t.Errorf("%s: a commit has %d bytes, at most %d", name, c.bytes, most)
		}
	}
}
