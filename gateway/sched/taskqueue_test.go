package sched

import (
	"net/netip"
	"testing"
	"time"
)

func host(a string) netip.Prefix { return netip.PrefixFrom(netip.MustParseAddr(a), 32) }

// TestTaskQueueNetworksTakeTurns: who asks for a thousand things holds up nobody; each
// network's own tasks stay in order.
func TestTaskQueueNetworksTakeTurns(t *testing.T) {
	var q taskQueue
	stranger, honest := host("10.0.0.1"), host("10.0.0.2")
	for i := range 1000 {
		q.push(task{network: stranger, queued: int64(i)})
	}
	q.push(task{network: honest, queued: 1000})
	q.push(task{queued: 1001}) // this node's own
	var order []netip.Prefix
	last := int64(-1)
	for i := range 4 {
		p := q.pop(int64(2000 + i))
		order = append(order, p.network)
		if p.network == stranger && p.queued <= last {
			t.Errorf("number %d comes after %d", p.queued, last)
		} else if p.network == stranger {
			last = p.queued
		}
	}
	if want := [4]netip.Prefix{stranger, honest, {}, stranger}; [4]netip.Prefix(order) != want {
		t.Errorf("the turns are %v", order)
	}
	if w := q.waited(2100); w != 97 { // his last turn was at 2003
		t.Errorf("somebody has waited for his turn for %v: only the stranger waits, for what he himself asked for", w)
	}
	if late := q.takeOlder(500); len(late) != 498 || q.count != 500 {
		t.Errorf("%d are too old, %d are left", len(late), q.count)
	}
	if all := q.takeAll(); len(all) != 500 || q.count != 0 || q.waited(5000) != 0 {
		t.Errorf("%d were left, and then %d", len(all), q.count)
	}
}

// TestTaskQueueLeavesRoom for who has little waiting, however many ask for much.
func TestTaskQueueLeavesRoom(t *testing.T) {
	var q taskQueue
	const most = 1 << 10
	fill := func(n netip.Prefix) (count int) {
		for ; !q.full(n, most); count++ {
			q.push(task{network: n})
		}
		return count
	}
	if n := fill(host("10.0.0.1")); n != most/2 {
		t.Errorf("one network has %d of %d", n, most)
	}
	if n := fill(host("10.0.0.2")); n != most/4 {
		t.Errorf("the second has %d of %d", n, most)
	}
	if q.full(host("10.0.0.3"), most) {
		t.Error("there is no room for a third one")
	}
	if n := fill(netip.Prefix{}); n != most/4 {
		t.Errorf("this node has %d of what is left", n)
	}
}

// TestBehindIsNotWhatOneAskedFor: of how much one network has asked for, readiness says
// nothing; but that nobody gets his turn is told.
func TestBehindIsNotWhatOneAskedFor(t *testing.T) {
	var q taskQueue
	q.push(task{network: host("10.0.0.1"), queued: 1})
	for range 100 {
		q.push(task{network: host("10.0.0.1"), queued: 1})
		q.pop(int64(10 * time.Second))
	}
	if w := q.waited(int64(11 * time.Second)); w != time.Second {
		t.Errorf("%v, though the last turn was a second ago", w)
	}
	q.push(task{network: host("10.0.0.2"), queued: int64(11 * time.Second)})
	if w := q.waited(int64(31 * time.Second)); w != 21*time.Second {
		t.Errorf("%v, though nobody had a turn for 21s", w)
	}
}
