package checker

import (
	"fmt"

	"tuitalk/talk"
)

// verdict is what is wrong with an entry, whoever shows it.
type verdict struct {
	wrong   Kind // 0: nothing
	what    string
	taken   bool    // the store had it, and went back to before it
	sentAt  int64   // 0: not known
	windows []int32 // faults in whose window it was sent
}

// verdict judges the entry of an event, once for all who show it.
func (c *check) verdict(p place) *verdict {
	i := c.event(p).Entry
	v := c.verdicts[p.recording][i]
	if v == nil {
		e := &c.recordings[p.recording].Entries[i]
		v = &verdict{}
		if e.Seq > 0 {
			c.judgeEntry(v, e)
		} else {
			c.judgePendingEntry(v, e)
		}
		if k, ok := c.sendOf[nameOf(e)]; ok && !c.sends[k].adopted {
			v.sentAt = c.sends[k].at
			v.windows = c.windowsAt(v.sentAt)
		}
		c.verdicts[p.recording][i] = v
	}
	return v
}

func (v *verdict) is(k Kind, what string, args ...any) {
	v.wrong, v.what = k, fmt.Sprintf(what, args...)
}

// judgeEntry compares with the store.
func (c *check) judgeEntry(v *verdict, e *Entry) {
	r := c.room(e.Room)
	if !r.read {
		c.unsound("room %d was not read from the store", e.Room)
		return
	}
	if e.Seq <= r.after {
		return // from before the run
	}
	t := r.at(e.Seq)
	if t == nil {
		t = &Entry{}
	}
	seq, stored := r.seqs[nameOf(e)]
	switch {
	case *t == *e:
	case r.taken.had(e):
		v.taken = true
	case t.ID == e.ID && t.Author == e.Author && t.Text != e.Text:
		v.is(Forged, "with another text than is stored")
	case t.ID == e.ID && t.Author == e.Author && t.Name != e.Name:
		v.is(Forged, "under another name than is stored")
	case t.ID == e.ID && t.Author == e.Author && t.Kind != e.Kind:
		v.is(Forged, "as something else than is stored")
	case t.ID == e.ID && t.Author == e.Author:
		v.is(Disagreement, "with another time than is stored")
	case t.ID == e.ID && !e.ID.IsZero():
		v.is(Forged, "by another author than is stored")
	case stored && !e.ID.IsZero():
		v.is(Disagreement, "which is stored as %d", seq)
	default:
		v.is(Phantom, "which is not in the store")
	}
}

// judgePendingEntry compares with what was sent.
func (c *check) judgePendingEntry(v *verdict, e *Entry) {
	u := c.users[e.Author]
	if u != nil && u.outsider {
		return
	}
	i, sent := c.sendOf[nameOf(e)]
	if list := c.unnamed[words{e.Room, e.Author, e.Text}]; !sent && len(list) > 0 {
		i, sent = list[0], true
	}
	switch {
	case !sent || e.Kind != talk.KindPosted:
		v.is(Forged, "which its author never sent")
	case c.sends[i].text != e.Text:
		v.is(Forged, "with another text than was sent")
	case u == nil || !u.had(e.Name):
		v.is(Forged, "under a name that its author never took")
	}
}
