package view

import "tuitalk/talk"

// names is fed with everyone whose name is in the log or in the list.
type names struct {
	tags        nameTags
	known       map[talk.Member]bool
	first, last int64 // seq of the log's entries that it was fed with
	changed     bool  // some who have a name already are shown in another way now
}

func (n *names) addName(u talk.UUID, name string) {
	p := talk.Member{UUID: u, Username: name}
	if n.known[p] {
		return
	}
	if n.known == nil {
		n.known = make(map[talk.Member]bool)
	}
	n.known[p] = true
	if n.tags.see(u, name) {
		n.changed = true
	}
}

// collectNames feeds names with who is new, and reports whether that changes how
// others are shown.
func (v *View) collectNames() (changed bool) {
	n, end := &v.names, v.session.Log().Len()
	for i := end - 1; i >= 0; i-- {
		e := v.entry(i)
		if e.Seq <= n.last {
			break
		}
		n.addName(e.Author, e.Name)
	}
	for i := range end {
		e := v.entry(i)
		if e.Seq >= n.first {
			break
		}
		n.addName(e.Author, e.Name)
	}
	if end > 0 {
		n.first, n.last = v.oldest(), v.newest()
	}
	for _, e := range v.session.Pending() {
		n.addName(e.Author, e.Name)
	}
	if v.newPeople {
		v.newPeople = false
		for _, p := range v.Members() {
			n.addName(p.UUID, p.Username)
		}
	}
	me := v.session.Me()
	n.addName(me.UUID, me.Username)
	changed, n.changed = n.changed, false
	return changed
}

// Name is how somebody is shown: the name, and a tag when another one's name
// looks like it. Who is not Proven is marked besides.
func (v *View) Name(u talk.UUID, name string) (shown, tag string) {
	return ShowName(u, name), v.names.tags.tag(u, name)
}

// Members lists who is in the room, the user first. The slice is valid until
// the next Update.
func (v *View) Members() []talk.Member {
	if !v.people.stale {
		return v.people.list
	}
	me := v.session.Me().UUID
	list := append(v.people.list[:0], v.session.Members()...)
	for i, p := range list {
		if p.UUID == me {
			copy(list[1:i+1], list[:i])
			list[0] = p
			break
		}
	}
	v.people.list, v.people.stale = list, false
	return list
}

// people is the list of members, the user first.
type people struct {
	list  []talk.Member
	stale bool
}
