package sched

import (
	"net/netip"
	"slices"
	"time"
)

// taskQueue holds the tasks of a class that wait. Networks take turns, so that nobody
// who asks for much holds up others; what this node does of its own has a turn like
// one of them.
type taskQueue struct {
	networks map[netip.Prefix]*networkTasks
	order    []*networkTasks // next in turn first
	count    int
}

// networkTasks are those of one network.
type networkTasks struct {
	network netip.Prefix // the zero one: of nobody but this node
	list    []task       // oldest first
	since   int64        // coarse time of its last turn; before it had one, of its first task
}

// full tells whether there is no room for a task among so many. Of what is free a
// network may have half: there is always room for those who ask for little.
func (q *taskQueue) full(network netip.Prefix, most int) bool {
	of := 0
	if n := q.networks[network]; n != nil && network.IsValid() {
		of = len(n.list)
	}
	return of+1 > most-q.count
}

func (q *taskQueue) push(t task) {
	if q.networks == nil {
		q.networks = map[netip.Prefix]*networkTasks{}
	}
	n := q.networks[t.network]
	if n == nil {
		n = &networkTasks{network: t.network, since: t.queued}
		q.networks[t.network] = n
		q.order = append(q.order, n)
	}
	n.list = append(n.list, t)
	q.count++
}

// pop takes the task whose turn it is. The queue must not be empty.
func (q *taskQueue) pop(now int64) task {
	n := q.order[0]
	t := n.list[0]
	n.drop(1)
	q.count--
	q.order = q.order[1:]
	if len(n.list) > 0 {
		n.since = now
		q.order = append(q.order, n)
	} else {
		delete(q.networks, n.network)
	}
	return t
}

// drop takes the oldest away.
func (n *networkTasks) drop(count int) {
	clear(n.list[:count])
	n.list = n.list[count:]
}

// takeOlder takes what has waited since before old.
func (q *taskQueue) takeOlder(old int64) (late []task) {
	q.order = slices.DeleteFunc(q.order, func(n *networkTasks) bool {
		i := 0
		for i < len(n.list) && n.list[i].queued < old {
			i++
		}
		late = append(late, n.list[:i]...)
		n.drop(i)
		q.count -= i
		if len(n.list) == 0 {
			delete(q.networks, n.network)
		}
		return len(n.list) == 0
	})
	return late
}

// takeAll empties the queue.
func (q *taskQueue) takeAll() (all []task) {
	for _, n := range q.order {
		all = append(all, n.list...)
	}
	*q = taskQueue{}
	return all
}

// waited is for how long the network has that has waited for its turn for longest. What
// waits behind others of its own network tells nothing of how busy this node is; what
// this node does for itself, for no network, does.
func (q *taskQueue) waited(now int64) (longest time.Duration) {
	for _, n := range q.order {
		since := n.since
		if !n.network.IsValid() {
			since = n.list[0].queued
		}
		longest = max(longest, time.Duration(now-since))
	}
	return longest
}
