package tui

import (
	"strconv"
	"strings"

	"tuitalk/client"
	"tuitalk/client/view"
	"tuitalk/talk"
)

// reading is how far the user has read, here and in the rooms he was in.
type reading struct {
	seen    int64           // seq up to which everything was in front of the user
	count   int             // messages of others since
	counted int64           // seq up to which they are counted
	left    map[int32]int64 // seen, of other rooms
}

func (r *reading) leave(room int32) {
	if r.left == nil {
		r.left = make(map[int32]int64)
	}
	r.left[room] = r.seen
	r.seen, r.count, r.counted = 0, 0, 0
}

// enter is where the unread line stands in a room: behind what was seen when
// the user was there last.
func (r *reading) enter(room int32) int64 {
	r.seen, r.count, r.counted = 0, 0, 0
	return r.left[room]
}

func (r *reading) forget(room int32) { delete(r.left, room) }

// here tells whether the user sees what comes in.
func (m *Model) here() bool { return m.focused && m.scroll.follow }

// attend places the unread line when the first message comes that the user
// does not see. It stays until he has been here, left, and missed another.
func (m *Model) attend() {
	log := m.session.Log()
	if m.reading.seen == 0 || m.here() {
		return
	}
	r := &m.reading
	for i := log.Len() - 1; i >= 0 && log.At(i).Seq > max(r.seen, r.counted); i-- {
		if e := log.At(i); e.Kind == talk.KindPosted && e.Author != m.session.Me().UUID {
			r.count++
		}
	}
	if log.Len() > 0 {
		r.counted = log.At(log.Len() - 1).Seq
	}
	if r.count > 0 {
		m.rows.SetUnread(r.seen)
	}
}

// readAll notes, once a frame, that everything is before the user's eyes.
func (m *Model) readAll() {
	n := m.session.Log().Len()
	if n == 0 || !m.here() && m.reading.seen != 0 {
		return
	}
	m.reading.seen, m.reading.count = m.session.Log().At(n-1).Seq, 0
}

func (m *Model) windowTitle() string {
	t := "TuiTalk " + strconv.Itoa(int(m.room))
	if m.reading.count > 0 && !m.focused {
		t = "(" + strconv.Itoa(m.reading.count) + ") " + t
	}
	return t
}

// names tells people of like names apart. It is fed with everyone whose name
// is in the log or in the list.
type names struct {
	tags        view.NameTags
	known       map[talk.Member]bool
	first, last int64 // seq of the log's entries that it was fed with
}

// meet feeds names with who is new.
func (m *Model) meet(c client.Change) {
	log, n := m.session.Log(), &m.names
	if c&(client.MembersChanged|client.Reset) != 0 {
		for _, p := range m.people {
			m.see(p)
		}
	}
	for i := log.Len() - 1; i >= 0 && log.At(i).Seq > n.last; i-- {
		m.see(talk.Member{UUID: log.At(i).Author, Username: log.At(i).Name})
	}
	for i := 0; i < log.Len() && log.At(i).Seq < n.first; i++ {
		m.see(talk.Member{UUID: log.At(i).Author, Username: log.At(i).Name})
	}
	if log.Len() > 0 {
		n.first, n.last = log.At(0).Seq, log.At(log.Len()-1).Seq
	}
	for _, e := range m.session.Pending() {
		m.see(talk.Member{UUID: e.Author, Username: e.Name})
	}
}

func (m *Model) see(p talk.Member) {
	if m.names.known[p] {
		return
	}
	if m.names.known == nil {
		m.names.known = make(map[talk.Member]bool)
	}
	m.names.known[p] = true
	if m.names.tags.See(p.UUID, p.Username) {
		m.rowLayouts.clear() // a name may take more room now
	}
}

// name is how somebody is shown: the name, and a tag, which says when nothing
// proves that it is he, and when another looks like him.
func (m *Model) name(u talk.UUID, name string) (shown, tag string) {
	shown = view.ShowName(u, name)
	if tag = m.names.tags.Tag(u, name); tag != "" {
		tag = "#" + tag
	}
	if !u.Proven() {
		tag = "?" + tag
	}
	return shown, tag
}

// mentions tells whether a text names the user, as a word of its own.
func mentions(text, name string) bool {
	if len(name) < 2 {
		return false
	}
	text, name = strings.ToLower(text), strings.ToLower(name)
	for at := 0; ; {
		i := strings.Index(text[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before := strings.TrimRightFunc(text[:from], isWord)
		after := strings.TrimLeftFunc(text[to:], isWord)
		if len(before) == from && len(after) == len(text)-to {
			return true
		}
		at = to
	}
}
