package recorder

import (
	"slices"

	"tuitalk/bench/checker"
	"tuitalk/client"
	"tuitalk/talk"
)

// restarted notes where what is shown begins again.
func (w *note) restarted(ev client.Event, frame talk.Message) {
	c := w.c
	c.count = 0
	var after int64
	gap := false
	switch m := frame.(type) {
	case talk.Joined:
		after, gap = m.AfterSeq, c.based && !m.Reset && m.AfterSeq > c.last
	case talk.Gap:
		after, gap = m.To, true
	default:
		if _, ok := ev.(client.Clear); ok && c.based {
			w.event(checker.Event{Verb: checker.Cleared})
		}
		return
	}
	c.based, c.last = true, after
	w.event(checker.Event{Verb: checker.Restarted, Room: c.room, Seq: after, Flag: gap})
}

// log notes what was added to the log, and dropped from it.
func (w *note) log(change client.Change) {
	c := w.c
	log := c.session.Log()
	n := log.Len()
	front, back := c.added(log, change)
	for i := front - 1; i >= 0; i-- {
		w.shown(checker.Older, log.At(i))
	}
	for i := n - back; i < n; i++ {
		e := log.At(i)
		w.shown(checker.Shown, e)
		c.last = e.Seq
	}
	c.count = n
	if n == 0 {
		return
	}
	if change&client.Trimmed != 0 {
		w.event(checker.Event{Verb: checker.Trimmed, Seq: log.At(0).Seq})
	}
	c.tail = keyOf(log.At(n - 1))
}

func keyOf(e *talk.Entry) entryKey { return entryKey{e.Seq, e.ID} }

// added is how many entries are new at the front and at the back of the log. It
// goes by their number, so that one that stands there twice is noticed; only
// where that does not tell, by where the last one stands now.
func (c *Client) added(log *client.Log, change client.Change) (front, back int) {
	n := log.Len()
	both := change&client.Appended != 0 && change&client.Prepended != 0
	switch {
	case c.count == 0 && both:
		for front < n && log.At(front).Seq <= c.last {
			front++
		}
		return front, n - front
	case !both && change&client.Trimmed == 0:
		if change&client.Prepended != 0 {
			return max(0, n-c.count), 0
		}
		return 0, max(0, n-c.count)
	}
	i := n - 1
	if change&client.Appended != 0 {
		i-- // at least one is new
	}
	for i >= 0 && keyOf(log.At(i)) != c.tail {
		i--
	}
	back = n - 1 - i
	if change&client.Prepended != 0 {
		front = max(0, i+1-c.count)
	}
	return front, back
}

func (w *note) shown(v checker.Verb, e *talk.Entry) {
	w.entry(v, w.Entry(checker.EntryOf(e)))
	if e.Author == w.c.uuid {
		w.c.settle(e.ID)
	}
}

// pending notes which of the others' pending entries came and went. New ones
// stand behind those that were there.
func (w *note) pending() {
	c := w.c
	list := c.session.Pending()
	if len(list) == 0 && len(c.pending) == 0 {
		return
	}
	k := 0
	c.pending = slices.DeleteFunc(c.pending, func(p pendingEntry) bool {
		if k < len(list) && list[k].Author == p.author && list[k].ID == p.id {
			k++
			return false
		}
		w.entry(checker.PendingGone, p.index)
		return true
	})
	for i := k; i < len(list); i++ {
		p := pendingEntry{list[i].Author, list[i].ID, w.Entry(checker.EntryOf(&list[i]))}
		c.pending = append(c.pending, p)
		w.entry(checker.PendingShown, p.index)
	}
}
