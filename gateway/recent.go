package gateway

import (
	"sync/atomic"

	"tuitalk/gateway/transport"
	"tuitalk/history"
	"tuitalk/talk"
)

// roomEntry is an entry with its prepared frames, made when the first member needs one.
type roomEntry struct {
	talk.Entry
	packets [talk.Forms]*transport.PreparedFrame
	cost    int // about the memory that it takes
}

// entryCost is about what an entry takes in memory besides its texts and prepared frames.
const entryCost = 320

func newRoomEntry(e talk.Entry) *roomEntry {
	return &roomEntry{Entry: e, cost: entryCost + len(e.Text) + len(e.Name)}
}

// packet returns the entry's frame in a form. Call with the room's mu held.
func (e *roomEntry) packet(form talk.Form) *transport.PreparedFrame {
	if p := e.packets[form]; p != nil {
		return p
	}
	p := prepareEntry(&e.Entry, form)
	e.packets[form] = p
	return p
}

// recent keeps a room's newest entries without a gap, so that resumes are
// served from memory. It forgets the oldest, but never the newest.
type recent struct {
	list  []*roomEntry // oldest first
	bytes int          // what they cost
}

// add appends an entry, and keeps as many as are allowed.
func (r *recent) add(e *roomEntry, most, mostBytes int) {
	r.list = append(r.list, e)
	r.bytes += e.cost
	for len(r.list) > most || r.bytes > mostBytes {
		if !r.dropOldest() {
			return
		}
	}
}

// dropOldest forgets an entry, unless it is the newest.
func (r *recent) dropOldest() bool {
	if len(r.list) < 2 {
		return false
	}
	r.bytes -= r.list[0].cost
	r.list[0] = nil
	r.list = r.list[1:]
	return true
}

// at returns the i-th oldest.
func (r *recent) at(i int) *roomEntry { return r.list[i] }

// after returns the position of the entry behind seq; ok is false if it is not
// kept any more. The position len means that there is none yet.
func (r *recent) after(seq, head int64) (i int, ok bool) {
	if seq >= head {
		return len(r.list), true
	}
	if len(r.list) == 0 || r.at(0).Seq > seq+1 {
		return 0, false
	}
	return int(seq + 1 - r.at(0).Seq), true
}

// entryAt names an entry that is kept.
func (r *recent) entryAt(seq int64) (history.Head, bool) {
	if len(r.list) == 0 || seq < r.at(0).Seq || seq > r.at(len(r.list)-1).Seq {
		return history.Head{}, false
	}
	return history.HeadOf(&r.at(int(seq - r.at(0).Seq)).Entry), true
}

// recentBytes counts what the recent entries of all rooms cost together.
type recentBytes struct {
	bytes atomic.Int64
	most  int64
}

// addRecent keeps an entry as the newest one. Where all rooms together keep too much,
// this one gives up as much as it can; what others keep in vain the sweep takes. Call
// with mu held.
func (r *room) addRecent(e *roomEntry) {
	before, all, opts := r.recent.bytes, &r.srv.recent, &r.srv.opts
	r.recent.add(e, opts.RecentCount, opts.RoomRecentBytes)
	for all.bytes.Load()+int64(r.recent.bytes-before) > all.most && r.recent.dropOldest() {
	}
	all.bytes.Add(int64(r.recent.bytes - before))
}

// forgetRecent forgets all that the room keeps. Call with mu held.
func (r *room) forgetRecent() {
	r.srv.recent.bytes.Add(int64(-r.recent.bytes))
	r.recent = recent{}
}

// trimRecent forgets what the room keeps above so many bytes.
func (r *room) trimRecent(most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.recent.bytes
	for r.recent.bytes > most && r.recent.dropOldest() {
	}
	r.srv.recent.bytes.Add(int64(r.recent.bytes - before))
}

// shareRecent leaves each room its share of what all may keep, when it gets scarce:
// else those that nobody speaks in any more would keep others from keeping anything.
func (s *Server) shareRecent(rooms []*room) {
	if s.recent.bytes.Load() < s.recent.most/4*3 {
		return
	}
	for _, r := range rooms {
		r.trimRecent(int(s.recent.most/2) / len(rooms))
	}
}

// packet returns the frame of a recent entry in a form. Call with mu held.
func (r *room) packet(e *roomEntry, form talk.Form) *transport.PreparedFrame {
	known := e.packets[form] != nil
	p := e.packet(form)
	if !known {
		cost := cap(p.Bytes)
		e.cost += cost
		r.recent.bytes += cost
		r.srv.recent.bytes.Add(int64(cost))
	}
	return p
}
